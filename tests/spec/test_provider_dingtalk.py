"""DingTalk: its own words on the wire, its tenants, and its errors."""

from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.errors import (
    NotAllowed,
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.providers.dingtalk import meaning_of
from tests.kit.clock import Clock
from tests.kit.config_file import faults_of
from tests.kit.scripted_provider import page, reply
from tests.kit.vendors.cranked import arrive, client_of, depart, log_in, refresh
from tests.kit.vendors.dingtalk import DENIED, ME, SPENT, THROTTLED, TOKEN, DingTalk

CORP = "ding-corp-1"


@pytest.fixture
def vendor():
    return DingTalk(Clock())


@pytest.fixture
def client():
    return client_of("dingtalk", corps=[CORP])


def test_the_authorization_request_is_spelt_as_dingtalk_reads_it(client, vendor):
    """Consent in words, the scopes in their order, a blank as %20; PKCE and nonce mean nothing there."""
    url = depart(client, vendor, prompt="login", max_age="0", login_hint="ada+1@example.com")

    assert url.startswith("https://login.dingtalk.com/oauth2/auth?")
    assert "scope=openid%20corpid&" in url + "&"
    assert "+" not in url
    assert set(parse_qs(urlsplit(url).query)) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "prompt",
    }
    assert "prompt=consent" in url


def test_a_plus_of_ours_stays_a_plus(vendor):
    """Only a blank is written anew: a client id may hold anything."""
    url = depart(client_of("dingtalk", corps=[CORP], client_id="a+b c"), vendor)

    assert "client_id=a%2Bb%20c" in url


def test_a_login_says_who_it_is_and_of_which_corp(client, vendor):
    """The key is the corp and the unionId; an address of DingTalk is never a verified one."""
    signed_in = log_in(client, vendor)

    ada = signed_in.identity
    assert ada.key == f"v:{CORP}:union-ada"
    assert ada.user == "dingtalk:union-ada"
    assert (ada.name, ada.email, ada.verified_email) == ("阿达", "ada@example.com", "")
    assert ada.picture == "https://static-legacy.dingtalk.com/media/ada.jpg"
    assert signed_in.grant.expires == int(vendor.clock()) + 7200
    assert signed_in.grant.refresh_token in vendor.refreshable


def test_the_token_request_is_json_in_camel_case(client, vendor):
    """Credentials in the body, and nothing that DingTalk has no name for."""
    log_in(client, vendor)

    asked = next(call for call in vendor.asked if call.url.endswith(TOKEN))
    assert asked.kind == "application/json"
    assert set(asked.body) == {"clientId", "clientSecret", "code", "grantType"}
    assert "authorization" not in asked.headers


@pytest.mark.parametrize("brings", [("authCode",), ("code",), ("authCode", "code")])
def test_the_code_may_come_back_under_either_name(client, vendor, brings):
    """`authCode` goes first where there are both."""
    vendor.brings = brings

    assert log_in(client, vendor).identity.subject == "union-ada"


def test_the_international_hosts_are_one_word_away(vendor):
    """The same protocol at dingtalk.io."""
    vendor.international = True

    signed_in = log_in(client_of("dingtalk", corps=[CORP], hosts="international"), vendor)

    assert signed_in.identity.subject == "union-ada"
    assert {urlsplit(call.url).hostname for call in vendor.asked} == {"api.dingtalk.io"}


def test_who_chose_another_corp_is_turned_away(client, vendor):
    """Any DingTalk account passes the login page; the corp decides."""
    with pytest.raises(NotAllowed) as caught:
        log_in(client, vendor, "bob")

    assert caught.value.reason == "wrong_tenant"
    assert caught.value.subject == "v:ding-corp-2:union-bob"


@pytest.mark.parametrize("corp", [None, "", 7, ["ding-corp-1"]])
def test_a_login_without_a_readable_corp_is_turned_away(client, vendor, corp):
    """Fail closed: what is absent cannot be on the list."""
    vendor.says_corp = False
    vendor.token_extra = {"corpId": corp}

    with pytest.raises(NotAllowed) as caught:
        log_in(client, vendor)

    assert caught.value.reason == "wrong_tenant"


@pytest.mark.parametrize("visitor", [True, "true", 1])
def test_a_visitor_of_the_corp_is_turned_away(client, vendor, visitor):
    """A guest is not one of its people; a flag of another type is no denial."""
    vendor.people["ada"]["visitor"] = visitor

    with pytest.raises(NotAllowed) as caught:
        log_in(client, vendor)

    assert caught.value.reason == "visitor"


def test_without_a_unionid_the_openid_counts_for_this_application_alone(client, vendor):
    """It is unique within one application, so it carries the application's name."""
    del vendor.people["ada"]["unionId"]

    assert log_in(client, vendor).identity.subject == "gateway:open-ada"


def test_a_person_without_any_id_is_nobody(client, vendor):
    """There is nothing to know them by."""
    del vendor.people["ada"]["unionId"], vendor.people["ada"]["openId"]

    with pytest.raises(ProviderLied, match="openId"):
        log_in(client, vendor)


def test_a_picture_from_elsewhere_is_none(client, vendor):
    """It goes into headers and pages, and comes from a stranger."""
    vendor.people["ada"]["avatarUrl"] = "https://evil.example/static.dingtalk.com/a.png"

    assert log_in(client, vendor).identity.picture == ""


# What can go wrong, by word


def test_a_missing_permission_tells_the_operator_what_to_mend(client, vendor):
    """It is nobody else's to mend: so it is an alarm, with the id of the request."""
    vendor.may_read = False

    with pytest.raises(ProviderRefused) as caught:
        log_in(client, vendor)

    assert caught.value.reason == "permission_missing"
    assert "Contact.User.Read" in caught.value.remedy
    assert caught.value.trace["requestid"].startswith("REQ")


@pytest.mark.parametrize(
    ("body", "verdict", "reason"),
    [
        ({"code": SPENT}, "dead", "code_spent"),
        ({"code": SPENT.upper()}, "dead", "code_spent"),
        ({"code": "refresh_token_expired"}, "dead", "refresh_dead"),
        ({"code": "invalid_refresh_token"}, "dead", "refresh_dead"),
        ({"code": "invalidClientId"}, "ours", "client_rejected"),
        ({"code": "invalidClientSecret"}, "ours", "client_rejected"),
        ({"code": DENIED}, "refused", "permission_missing"),
        ({"code": THROTTLED}, "passing", "throttled"),
        ({"code": "Something.New.Entirely"}, "refused", ""),
        ({"errcode": 40078, "errmsg": "x"}, "dead", "code_spent"),
        ({"errcode": 90018}, "passing", "throttled"),
        ({"errcode": 1}, "refused", ""),
        ({"code": 40078}, "refused", ""),
        ({}, "refused", ""),
    ],
)
def test_an_error_is_classified_by_its_word(body, verdict, reason):
    """Only words that are known end anything."""
    meaning = meaning_of(body)

    assert (meaning.verdict, meaning.reason) == (verdict, reason)


@pytest.mark.parametrize(
    "code",
    [
        "invalidParameter.authCode.auth-7f1bcd13fc57d46bac21793a18e560b1",
        "a" * 200,
        "<script>alert(1)</script>",
        "refreshtoken",
        "AuthCodeOfLettersAlone",
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "line\nbreak",
    ],
)
def test_an_unknown_word_that_may_echo_something_is_not_repeated(code):
    """An error may hold a part of our request, and that a secret."""
    meaning = meaning_of({"code": code, "message": code, "requestid": code})

    assert meaning.code == "unreadable_error"
    assert all(len(value) <= 64 and "\n" not in value for value in meaning.trace.values())


def test_nothing_of_a_message_reaches_an_error(client, vendor):
    """The message is for the developer of the vendor's, and may hold a token."""
    vendor.instead[TOKEN] = [vendor.fault(400, "invalidParameter.foo", "code=SECRET-CODE")]

    with pytest.raises(ProviderRefused) as caught:
        log_in(client, vendor)

    assert "SECRET" not in str(caught.value)
    assert caught.value.error == "invalidParameter.foo"


def test_a_code_works_once(client, vendor):
    """The second use is the same word as a code that never was."""
    back = vendor.sign_in(depart(client, vendor))
    arrive(client, vendor, back)

    with pytest.raises(ProviderRefused) as caught:
        arrive(client, vendor, back)

    assert (caught.value.reason, caught.value.terminal) == ("code_spent", True)


def test_a_wrong_secret_is_the_operators_fault(vendor):
    """It ends nobody's session."""
    with pytest.raises(ProviderMisconfigured):
        log_in(client_of("dingtalk", corps=[CORP], client_secret="another"), vendor)


@pytest.mark.parametrize(
    ("body", "missing"),
    [({}, "accessToken"), ({"accessToken": 7}, "accessToken"), ({"accessToken": "a\nb"}, "accessToken")],
)
def test_an_answer_without_a_usable_token_is_none(client, vendor, body, missing):
    """A 200 alone proves nothing."""
    vendor.instead[TOKEN] = [reply(200, body)]

    with pytest.raises(ProviderLied, match=missing):
        log_in(client, vendor)


# Refresh


def test_a_refresh_brings_new_tokens_and_reads_the_profile_anew(client, vendor):
    """What changed at DingTalk since arrives with it."""
    before = log_in(client, vendor)
    vendor.people["ada"]["nick"] = "阿达 2"

    after = refresh(client, vendor, before)

    assert after.grant.refresh_token not in {"", before.grant.refresh_token}
    assert (after.identity.name, after.identity.key) == ("阿达 2", before.identity.key)
    assert set(vendor.asked[-2].body) == {"clientId", "clientSecret", "grantType", "refreshToken"}


def test_a_corp_that_a_refresh_does_not_repeat_stands_as_it_was_proven(client, vendor):
    """Whether it is repeated is written nowhere: that must end no session."""
    before = log_in(client, vendor)
    vendor.says_corp = False

    after = refresh(client, vendor, before)

    assert (after.barred, after.identity.tenant) == (False, CORP)


def test_who_is_of_another_corp_by_now_is_barred(client, vendor):
    """The new tokens are kept, so that they can be given up; the person is not."""
    before = log_in(client, vendor)
    vendor.people["ada"]["corpId"] = "ding-corp-9"

    after = refresh(client, vendor, before)

    assert (after.barred, after.identity) == (True, None)


def test_new_tokens_survive_a_profile_that_cannot_be_read(client, vendor):
    """The old refresh token is spent by then."""
    before = log_in(client, vendor)
    vendor.instead[ME] = [page(503)]

    after = refresh(client, vendor, before)

    assert (after.identity, after.alarm, after.barred) == (None, "", False)
    assert after.grant.refresh_token in vendor.refreshable


def test_a_limit_is_waited_for(client, vendor):
    """A 403 of the API gateway that means: too many."""
    before = log_in(client, vendor)
    vendor.instead[TOKEN] = [vendor.fault(403, THROTTLED)]

    with pytest.raises(ProviderUnavailable) as caught:
        refresh(client, vendor, before)

    assert caught.value.reason == "throttled"


# Configuration


SECTION = {"type": "dingtalk", "client_id": "g", "client_secret": "${SECRET}"}


def faults(folder, **section):
    written = {key: value for key, value in (SECTION | section).items() if value is not None}
    return "\n".join(faults_of(folder, {"SECRET": "s"}, providers={"v": written}))


def test_a_section_must_say_whose_people_may_sign_in(tmp_path):
    """Everybody can have a DingTalk account, and a corp of their own."""
    assert "add corps:" in faults(tmp_path)
    assert faults(tmp_path, corps=[CORP]) == ""
    assert faults(tmp_path, anyone=True) == ""


def test_corps_need_the_scope_that_names_them(tmp_path):
    """Without it every login would be turned away."""
    assert "lacks corpid" in faults(tmp_path, corps=[CORP], scopes=["openid"])


def test_a_section_needs_a_secret(tmp_path):
    """DingTalk knows no public clients."""
    assert "has no client_secret" in faults(tmp_path, corps=[CORP], client_secret=None)


def test_pkce_cannot_be_asked_of_dingtalk(tmp_path):
    """It would look like a protection that is none."""
    assert "pkce" in faults(tmp_path, corps=[CORP], pkce=True)
