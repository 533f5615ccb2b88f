"""Feishu and Lark: wrapped answers, numbered errors, tenants, and refresh tokens that work once."""

from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.errors import (
    NotAllowed,
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.providers.feishu import meaning_of
from tests.kit.clock import Clock
from tests.kit.config_file import faults_of
from tests.kit.scripted_provider import reply
from tests.kit.vendors.cranked import arrive, client_of, depart, log_in, refresh
from tests.kit.vendors.feishu import ME, TOKEN, Feishu


@pytest.fixture
def vendor():
    return Feishu(Clock())


@pytest.fixture
def client():
    return client_of("feishu", tenants=["tenant-1"])


def test_a_login_says_who_it_is_and_of_which_tenant(client, vendor):
    """An address of Feishu is never a verified one."""
    ada = log_in(client, vendor).identity

    assert (ada.key, ada.user) == ("v:tenant-1:on_ada", "feishu:on_ada")
    assert (ada.name, ada.email, ada.verified_email) == ("阿达", "ada@private.example", "")
    assert ada.picture == "https://s1-imfile.feishucdn.com/static/ada.jpg"


def test_the_subject_may_be_that_of_the_application(vendor):
    """open_id is one application's, union_id one vendor's."""
    client = client_of("feishu", tenants=["tenant-1"], claims={"subject": "open_id"})

    assert log_in(client, vendor).identity.subject == "ou_ada"


def test_lark_is_the_same_elsewhere(vendor):
    """Other hosts, and another title."""
    vendor.lark = True
    client = client_of("lark", tenants=["tenant-1"])

    assert (client.title, log_in(client, vendor).identity.subject) == ("Lark", "on_ada")
    hosts = {urlsplit(call.url).hostname for call in vendor.asked}
    assert hosts == {"accounts.larksuite.com", "open.larksuite.com"}


def test_the_request_asks_for_what_refreshes(client, vendor):
    """With PKCE, and without words of OpenID Connect."""
    query = parse_qs(urlsplit(depart(client, vendor, prompt="login", login_hint="x")).query)

    assert query["scope"] == ["offline_access"]
    assert query["code_challenge_method"] == ["S256"]
    assert not {"prompt", "login_hint", "nonce"} & set(query)


@pytest.mark.parametrize("tenant", ["tenant-2", None, "", 1, ["tenant-1"], "Tenant-1"])
def test_whoever_is_not_of_a_listed_tenant_is_turned_away(client, vendor, tenant):
    """Absent is as wrong as foreign."""
    vendor.people["ada"]["tenant_key"] = tenant

    with pytest.raises(NotAllowed) as caught:
        log_in(client, vendor)

    assert caught.value.reason == "wrong_tenant"


def test_tokens_may_come_wrapped(client, vendor):
    """As the older endpoints answer."""
    vendor.wrapped = True

    assert log_in(client, vendor).grant.refresh_token in vendor.refreshable


def test_a_number_in_a_200_is_an_error(client, vendor):
    """Whatever stands beside it."""
    vendor.instead[TOKEN] = [
        reply(200, {"code": 20050, "msg": "x", "access_token": "a", "token_type": "Bearer"})
    ]

    with pytest.raises(ProviderUnavailable):
        log_in(client, vendor)


@pytest.mark.parametrize(
    ("body", "verdict", "reason"),
    [
        ({"error": "invalid_grant", "code": 20065}, "dead", "code_spent"),
        ({"error": "invalid_grant", "code": 20037}, "dead", "refresh_dead"),
        ({"error": "invalid_grant", "code": 1}, "dead", "code_spent"),
        ({"code": 20064, "msg": "x"}, "dead", "refresh_dead"),
        ({"code": 20002}, "ours", "client_rejected"),
        ({"code": 20050}, "passing", "provider_down"),
        ({"code": 20066}, "refused", "account_disabled"),
        ({"code": 20071}, "refused", "redirect_mismatch"),
        ({"code": 99999999}, "refused", ""),
        ({"code": "20064"}, "refused", ""),
        ({"code": True}, "refused", ""),
        ({"error": "temporarily_unavailable", "code": 7}, "passing", "provider_down"),
    ],
)
def test_an_error_is_classified_by_its_number(body, verdict, reason):
    """And by its word where the number says nothing."""
    meaning = meaning_of(body)

    assert (meaning.verdict, meaning.reason) == (verdict, reason)


def test_an_error_leads_back_by_the_id_of_the_log(client, vendor):
    """A header of the answer; the description is nobody's to read."""
    answer = reply(400, {"error": "invalid_grant", "code": 20065}, {"x-tt-logid": "20260101AB"})
    vendor.instead[TOKEN] = [answer]

    with pytest.raises(ProviderRefused) as caught:
        log_in(client, vendor)

    assert caught.value.trace == {"trace_id": "20260101AB"}
    assert caught.value.error == "invalid_grant 20065"


def test_a_profile_error_leads_back_by_the_id_in_its_body(client, vendor):
    """There `error` is an object, and no word."""
    body = {"code": 99991679, "msg": "x", "error": {"log_id": "20260101CD", "troubleshooter": "<a>"}}
    vendor.instead[ME] = [reply(400, body)]

    with pytest.raises(ProviderRefused) as caught:
        log_in(client, vendor)

    assert (caught.value.error, caught.value.trace) == ("code 99991679", {"trace_id": "20260101CD"})


def test_a_code_works_once(client, vendor):
    """And says so by its number."""
    back = vendor.sign_in(depart(client, vendor))
    arrive(client, vendor, back)

    with pytest.raises(ProviderRefused) as caught:
        arrive(client, vendor, back)

    assert (caught.value.reason, caught.value.terminal) == ("code_spent", True)


def test_a_profile_with_a_number_is_no_profile(client, vendor):
    """A 200 around an error."""
    vendor.me_code = 20008

    with pytest.raises(ProviderRefused) as caught:
        log_in(client, vendor)

    assert caught.value.reason == "account_disabled"


@pytest.mark.parametrize("body", [{"code": 0}, {"code": 0, "data": []}, {"code": 0, "data": "x"}])
def test_a_profile_without_data_is_no_profile(client, vendor, body):
    """Nobody is named by it."""
    vendor.instead[ME] = [reply(200, body)]

    with pytest.raises(ProviderLied, match="data"):
        log_in(client, vendor)


def test_a_wrong_secret_is_the_operators_fault(vendor):
    """It ends nobody's session."""
    with pytest.raises(ProviderMisconfigured):
        log_in(client_of("feishu", tenants=["tenant-1"], client_secret="another"), vendor)


def test_without_the_permission_there_is_nothing_to_refresh(client, vendor):
    """The login is good all the same."""
    vendor.offline = False

    grant = log_in(client, vendor).grant

    assert (grant.refresh_token, grant.access_token, grant.expires) == ("", "", 0)


def test_a_refresh_reads_the_profile_anew_and_its_token_works_once(client, vendor):
    """The old token dies at once."""
    before = log_in(client, vendor)
    vendor.people["ada"]["name"] = "阿达 2"

    after = refresh(client, vendor, before)

    assert (after.identity.name, after.identity.key) == ("阿达 2", before.identity.key)
    with pytest.raises(ProviderRefused) as caught:
        refresh(client, vendor, before)
    assert (caught.value.reason, caught.value.terminal) == ("refresh_dead", True)


def test_who_is_of_another_tenant_by_now_is_barred(client, vendor):
    """The tenant is read anew with every refresh."""
    before = log_in(client, vendor)
    vendor.people["ada"]["tenant_key"] = "tenant-2"

    assert refresh(client, vendor, before).barred


def test_a_section_must_say_whose_people_may_sign_in(tmp_path):
    """Everybody can have a tenant of their own; and there are no public clients."""
    section = {"type": "feishu", "client_id": "g", "client_secret": "${SECRET}"}
    environ = {"SECRET": "s"}

    assert "add tenants:" in "".join(faults_of(tmp_path, environ, providers={"v": section}))
    listed = section | {"tenants": ["t"]}
    assert faults_of(tmp_path, environ, providers={"v": listed}) == []
    del listed["client_secret"]
    assert "no client_secret" in "".join(faults_of(tmp_path, environ, providers={"v": listed}))
