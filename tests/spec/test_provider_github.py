"""GitHub: an OAuth app or a GitHub App, verified addresses, organizations and teams, and a revocation of its own."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.errors import (
    NotAllowed,
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.providers.provider import Answer, Arrival
from gateway.providers.transport import Transport
from tests.kit.clock import Clock
from tests.kit.config_file import faults_of
from tests.kit.scripted_provider import crank, page, reply
from tests.kit.vendors.cranked import BACK, VERIFIER, arrive, client_of, depart, log_in, refresh
from tests.kit.vendors.github import TOKEN, GitHub
from tests.kit.vendors.vendor import SECRET, serve


@pytest.fixture
def vendor():
    return GitHub(Clock())


@pytest.fixture
def app():
    return GitHub(Clock(), app=True)


@pytest.fixture
def client():
    return client_of("github", anyone=True)


def test_a_login_says_who_it_is_by_number(client, vendor):
    """The login is no key: it can be given up, and taken by somebody else."""
    signed_in = log_in(client, vendor)

    ada = signed_in.identity
    assert (ada.key, ada.user) == ("v:583231", "github:583231")
    assert ada.name == "Ada Lovelace"
    assert ada.picture == "https://avatars.githubusercontent.com/u/583231?v=4"
    assert ada.groups == ()


def test_a_number_keeps_its_last_digit(client, vendor):
    """Past 2**53 a fraction would make one person of two."""
    assert log_in(client, vendor, "admin").identity.subject == "9007199254740993"


def test_the_address_is_the_primary_one_and_verified_in_the_same_entry(client, vendor):
    """What the profile shows is what its owner chose to show."""
    ada = log_in(client, vendor).identity

    assert (ada.email, ada.verified_email) == ("ada@example.com", "ada@example.com")


@pytest.mark.parametrize(
    "emails",
    [
        [{"email": "a@corp.example", "primary": True, "verified": False}],
        [{"email": "a@corp.example", "primary": True, "verified": "yes"}],
        [{"email": "a@corp.example", "primary": False, "verified": True}],
        [
            {"email": "a@corp.example", "primary": True, "verified": True},
            {"email": "b@corp.example", "primary": True, "verified": True},
        ],
        [{"email": "a@corp.example@evil.example", "primary": True, "verified": True}],
        [],
    ],
)
def test_an_address_that_is_not_the_verified_primary_one_is_none(client, vendor, emails):
    """Anybody may enter anybody's address."""
    vendor.people["ada"]["emails"] = emails

    assert log_in(client, vendor).identity.verified_email == ""


def test_the_request_has_its_scopes_and_pkce(client, vendor):
    """Without a scope the answer would be the union of all former ones."""
    query = parse_qs(urlsplit(depart(client, vendor, prompt="login", login_hint="ada")).query)

    assert query["scope"] == ["read:user user:email"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["login"] == ["ada"]
    assert "prompt" not in query


def test_less_than_was_asked_for_is_refused(client, vendor):
    """The scopes of an answer stand between commas."""
    vendor.unticked = frozenset({"user:email"})

    with pytest.raises(ProviderRefused) as caught:
        log_in(client, vendor)

    assert caught.value.reason == "scope_missing"


# Organizations and teams


def test_organizations_and_teams_become_groups_where_they_are_wanted(vendor):
    """ORG and ORG/TEAM, over as many pages as there are."""
    vendor.page = 1
    client = client_of("github", anyone=True, groups="teams", qualify_groups=False)

    groups = log_in(client, vendor).identity.groups

    assert groups == ("analytical", "engines", "analytical/programmers", "engines/smiths")


def test_organizations_alone_make_no_requests_for_teams(vendor):
    """Nothing is read that nothing needs."""
    groups = log_in(client_of("github", anyone=True, groups="organizations"), vendor).identity.groups

    assert groups == ("analytical", "engines")
    assert "/user/teams" not in vendor.paths()


def test_without_a_wish_no_organization_is_read(client, vendor):
    """Nor asked for: read:org shows what is private."""
    log_in(client, vendor)

    assert not {"/user/orgs", "/user/teams"} & set(vendor.paths())


def test_a_member_passes_and_a_stranger_does_not(vendor):
    """Letter case is GitHub's to choose."""
    client = client_of("github", organizations=["Analytical"])

    assert log_in(client, vendor).identity.groups == ()
    with pytest.raises(NotAllowed) as caught:
        log_in(client, vendor, "admin")

    assert caught.value.reason == "not_a_member"


def test_a_list_that_does_not_end_is_refused(vendor):
    """Cut short, it would take rights away in silence."""
    vendor.page = 1
    vendor.people["ada"]["orgs"] = [f"org-{number}" for number in range(11)]

    with pytest.raises(ProviderLied) as caught:
        log_in(client_of("github", anyone=True, groups="organizations"), vendor)

    assert caught.value.reason == "overage"


def test_the_token_goes_nowhere_that_a_header_says(vendor):
    """The next page is a number of ours, whatever address the `Link` header names."""
    evil = '<https://evil.example/user/orgs?page=2>; rel="next"'
    vendor.instead["/user/orgs"] = [reply(200, [{"login": "engines"}], {"link": evil})]

    log_in(client_of("github", anyone=True, groups="organizations"), vendor)

    assert {urlsplit(call.url).hostname for call in vendor.asked} == {"github.com", "api.github.com"}


TWICE = Answer(200, {"content-type": "application/json"}, b'[{"login": "x", "login": "acme"}]', None)


@pytest.mark.parametrize("answer", [reply(200, {"login": "x"}), page(200), reply(200, "x"), TWICE])
def test_a_list_that_is_none_is_no_empty_list(vendor, answer):
    """Without groups is a statement, and this is not one."""
    vendor.instead["/user/orgs"] = [answer]

    with pytest.raises(ProviderUnavailable):
        log_in(client_of("github", anyone=True, groups="organizations"), vendor)


# What can go wrong


def test_an_error_in_a_200_is_an_error(client, vendor):
    """The member decides, not the status; the description is nobody's to read."""
    back = vendor.sign_in(depart(client, vendor))
    arrive(client, vendor, back)

    with pytest.raises(ProviderRefused) as caught:
        arrive(client, vendor, back)

    assert (caught.value.error, caught.value.reason) == ("bad_verification_code", "code_spent")
    assert "<b>" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("redirect_uri_mismatch", "redirect_mismatch"),
        ("unverified_user_email", "unverified_email"),
        ("access_denied", "consent_denied"),
        ("brand_new_error", ""),
    ],
)
def test_each_error_has_its_reason(client, vendor, error, reason):
    """The words of its documentation, and no more than a refusal for others."""
    vendor.instead[TOKEN] = [reply(200, {"error": error})]

    with pytest.raises(ProviderRefused) as caught:
        log_in(client, vendor)

    assert (caught.value.reason, caught.value.terminal) == (reason, False)


def test_wrong_credentials_are_the_operators_fault(vendor):
    """It has a word of its own for `invalid_client`."""
    with pytest.raises(ProviderMisconfigured):
        log_in(client_of("github", anyone=True, client_secret="another"), vendor)


@pytest.mark.parametrize(
    "answer",
    [
        reply(429, {"message": "slow"}, {"retry-after": "7"}),
        reply(403, {"message": "slow"}, {"retry-after": "7"}),
        reply(403, {"message": "API rate limit"}, {"x-ratelimit-remaining": "0"}),
    ],
)
@pytest.mark.parametrize("path", ["/user", "/user/emails", "/user/orgs"])
def test_a_rate_limit_passes(vendor, answer, path):
    """A 403 that says how much is left is no refusal."""
    vendor.instead[path] = [answer]

    with pytest.raises(ProviderUnavailable) as caught:
        log_in(client_of("github", anyone=True, groups="organizations"), vendor)

    assert caught.value.reason == "throttled"


def test_addresses_that_an_app_may_not_read_are_none(app):
    """Without the permission there is no address; rules by address then let nobody in."""
    app.instead["/user/emails"] = [reply(403, {"message": "Resource not accessible by integration"})]

    assert log_in(client_of("github", anyone=True, app=True), app).identity.email == ""


# Tokens


def test_a_token_that_never_ends_is_kept_to_be_given_back(client, vendor):
    """Nothing refreshes it, and without a revocation it would outlive every session."""
    grant = log_in(client, vendor).grant

    assert (grant.refresh_token, grant.expires) == ("", 0)
    crank(client.revoke(grant), vendor.answer)
    asked = vendor.asked[-1]
    assert (asked.method, asked.body) == ("DELETE", {"access_token": grant.access_token})
    assert asked.basic == ("gateway", SECRET)
    assert vendor.holder(grant.access_token) == ""


def test_a_token_that_is_gone_already_is_well_revoked(client, vendor):
    """Somebody was there first, on GitHub's own page."""
    grant = log_in(client, vendor).grant
    vendor.access.clear()

    assert crank(client.revoke(grant), vendor.answer) is None


@pytest.mark.parametrize(("status", "fault"), [(401, ProviderMisconfigured), (503, ProviderUnavailable)])
def test_a_revocation_that_failed_says_so(client, vendor, status, fault):
    """It is tried again, or the operator hears of it."""
    grant = log_in(client, vendor).grant
    vendor.instead["/applications/gateway/token"] = [reply(status, {})]

    with pytest.raises(fault):
        crank(client.revoke(grant), vendor.answer)


def test_an_app_asks_for_no_scopes_and_refreshes(app):
    """Its permissions stand at GitHub; its tokens live eight hours, and both old ones die."""
    client = client_of("github", anyone=True, app=True)
    assert "scope" not in parse_qs(urlsplit(depart(client, app)).query)
    before = log_in(client, app)
    app.people["ada"]["name"] = "Ada King"

    after = refresh(client, app, before)

    assert before.grant.expires == int(app.clock()) + 28_800
    assert after.grant.refresh_token != before.grant.refresh_token
    assert after.identity.name == "Ada King"
    assert app.holder(before.grant.access_token) == ""


def test_a_dead_refresh_token_is_final(app):
    """It has a word of its own for `invalid_grant`."""
    client = client_of("github", anyone=True, app=True)
    before = log_in(client, app)
    refresh(client, app, before)

    with pytest.raises(ProviderRefused) as caught:
        refresh(client, app, before)

    assert (caught.value.reason, caught.value.terminal) == ("refresh_dead", True)


def test_who_left_the_organization_is_barred_at_the_next_refresh(app):
    """Membership is read anew with every refresh."""
    client = client_of("github", app=True, organizations=["engines"])
    before = log_in(client, app)
    app.people["ada"]["orgs"] = ["analytical"]

    assert refresh(client, app, before).barred


# Enterprise Server, and the wire


def test_an_enterprise_server_is_one_address(vendor):
    """Its API stands under /api/v3."""
    vendor.ghes = "https://ghe.example.com"
    client = client_of("github", url="https://ghe.example.com", groups="teams")

    assert log_in(client, vendor).identity.issuer == "https://ghe.example.com"
    assert {urlsplit(call.url).hostname for call in vendor.asked} == {"ghe.example.com"}


@pytest.mark.anyio
async def test_the_transport_says_who_asks(vendor):
    """GitHub answers nobody without a User-Agent; here over a real connection, DELETE included."""
    with serve(vendor) as origin:
        client = client_of("github", url=origin)
        transport = Transport(clock=vendor.clock)
        try:
            gone = await transport.run(client.depart(BACK, "s", "n", VERIFIER, {}), provider="v")
            back = vendor.sign_in(gone.url)
            arrival = arrival_of(back)
            signed_in = await transport.run(client.arrive(arrival, int(vendor.clock())), provider="v")
            await transport.run(client.revoke(signed_in.grant), provider="v")
        finally:
            await transport.close()

    assert signed_in.identity.subject == "583231"
    assert vendor.access == {}
    credentials = base64.b64encode(f"gateway:{SECRET}".encode()).decode()
    assert vendor.asked[-1].headers["authorization"] == f"Basic {credentials}"


def arrival_of(back):
    return Arrival(code=back["code"], nonce="n", verifier=VERIFIER, redirect_uri=BACK)


# Configuration


SECTION = {"type": "github", "client_id": "g", "client_secret": "${SECRET}"}


def faults(folder, **section):
    return "\n".join(faults_of(folder, {"SECRET": "s"}, providers={"v": SECTION | section}))


def test_a_section_must_say_who_may_sign_in(tmp_path):
    """Everybody can have an account at github.com; an Enterprise Server has people of its own."""
    assert "add organizations:" in faults(tmp_path)
    assert faults(tmp_path, organizations=["acme"]) == ""
    assert faults(tmp_path, anyone=True) == ""
    assert faults(tmp_path, url="https://ghe.example.com") == ""


def test_organizations_need_the_scope_that_lists_them(tmp_path):
    """An app has a permission in place of it."""
    narrow = {"organizations": ["acme"], "scopes": ["user:email"], "required_scopes": ["user:email"]}

    assert "lacks read:org" in faults(tmp_path, **narrow)
    assert faults(tmp_path, organizations=["acme"], app=True) == ""


def test_an_address_is_checked_under_the_key_that_was_written(tmp_path):
    """Plain http would carry secrets in the clear."""
    assert "providers.v.url: plain http" in faults(tmp_path, url="http://ghe.example.com")
