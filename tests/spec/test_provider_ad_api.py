"""A directory behind an HTTP API: what is sent, what each answer means, and how long a token is good."""

from dataclasses import replace

import pytest

from gateway.errors import (
    NotAllowed,
    PasswordRefused,
    ProviderLied,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from gateway.providers.account import Account
from gateway.providers.ad_api.client import AdApi as Client
from gateway.providers.ad_api.expiry import moment, token_end
from gateway.providers.catalog import Catalog
from gateway.providers.transport import Transport
from gateway.settings.api_answers import ApiToken
from tests.kit.clock import Clock
from tests.kit.config_file import faults_of, settings
from tests.kit.scripted_provider import crank, reply
from tests.kit.vendors.ad_api import FAULTS, KEY, PATHS, AdApi, huge
from tests.kit.vendors.vendor import serve

SHAPES = tuple(PATHS)
REASONS = {
    "disabled": {"path": "code", "equals": "account_disabled"},
    "expired": {"path": "code", "equals": "password_expired"},
    "operator": {"status": 403, "path": "code", "equals": ["API_KEY_EXPIRED"]},
}


@pytest.fixture
def api():
    return AdApi(Clock())


def client_of(api, *, several=False, **changes):
    section = settings(providers={"corp": api.section(**changes)}).providers["corp"]
    return Client(section, "corp", several=several, run=None)


def log_in(api, name="ann", password=None, domain="", **changes):
    client = client_of(api, **changes)
    asked = api.people.get(name, {}).get("password", "?") if password is None else password
    return crank(client.sign_in(client.account(name, domain), asked, int(api.clock())), api.answer)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_login_says_who_it_is_in_every_shape(api, shape):
    """By the names that the API has for it."""
    api.shape = shape

    found = log_in(api)

    assert (found.identity.user, found.identity.name) == ("ann", "Ann Example")
    assert (found.identity.email, found.identity.verified_email) == ("ann@corp.example", "")
    assert found.identity.subject == ("S-1-5-1" if shape == "token" else "ann")
    assert found.grant.account == "ann"
    assert found.grant.access_token == ("ad-token-1" if shape == "token" else "")
    assert found.grant.renewable


@pytest.mark.parametrize("shape", SHAPES)
def test_a_wrong_password_is_a_wrong_password_in_every_shape(api, shape):
    """With whatever status and body it is said; and for a name that does not exist in the same words."""
    api.shape = shape

    for name in ("ann", "nobody"):
        with pytest.raises(PasswordRefused) as refused:
            log_in(api, name, "wrong")
        assert (refused.value.reason, dict(refused.value.trace)) == ("wrong_password", {"requestId": "req-1"})
    assert api.calls() == 2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in {"no-person", "no-success"}])
def test_what_is_not_understood_is_nobodys_wrong_password(api, shape, fault):
    """An outage that tells people that they have mistyped makes them lock their accounts."""
    api.shape, api.fault = shape, fault

    with pytest.raises((ProviderUnavailable, ProviderLied)):
        log_in(api)


@pytest.mark.parametrize(("fault", "shape"), [("no-person", "token"), ("no-success", "user")])
def test_a_success_that_lacks_something_is_none(api, fault, shape):
    """A body without the person, or without the word that says how it went."""
    api.shape, api.fault = shape, fault

    with pytest.raises(ProviderLied):
        log_in(api)


def test_a_token_makes_no_success_of_a_no(api):
    """`success: false` beside a token is a refusal."""
    body = {"success": False, "data": {"token": "t", "userInfo": {"id": "1", "username": "ann"}}}
    api.instead[PATHS["token"]] = [reply(200, body)]

    with pytest.raises(PasswordRefused):
        log_in(api)


def test_without_the_word_a_token_is_demanded(api):
    """`if_absent: require_token`, which the shape with a token has."""
    info = {"userInfo": {"id": "1", "username": "ann"}}
    api.instead[PATHS["token"]] = [reply(200, {"data": {"token": "t", **info}}), reply(200, {"data": info})]

    assert log_in(api).identity.subject == "1"
    with pytest.raises(ProviderLied):
        log_in(api)


def test_a_refusal_goes_before_a_success(api):
    """As where a password is right and has to be changed first."""
    body = {
        "success": True,
        "data": {"token": "t", "mustChange": True, "userInfo": {"id": "1", "username": "a"}},
    }
    api.instead[PATHS["token"]] = [reply(200, body)]

    with pytest.raises(PasswordRefused) as refused:
        log_in(api, errors={"must_change": {"path": "data.mustChange", "equals": True}})

    assert refused.value.reason == "password_change_needed"


@pytest.mark.parametrize("found", [1, "true", "True", [True], {"a": 1}, None])
def test_a_condition_is_of_one_type(api, found):
    """What a boolean was written for is met by that boolean alone."""
    body = {"success": found, "data": {"token": "t", "userInfo": {"id": "1", "username": "ann"}}}
    api.instead[PATHS["token"]] = [reply(200, body)]

    with pytest.raises(ProviderLied):
        log_in(api, success={"if_absent": "refuse"})


@pytest.mark.parametrize(
    ("state", "reason"),
    [("disabled", "account_disabled"), ("expired", "password_expired"), ("locked", "account_locked")],
)
def test_mapped_answers_are_told_apart(api, state, reason):
    """Each with the word that chooses its sentence."""
    getattr(api, state).add("ann")

    with pytest.raises(PasswordRefused) as refused:
        log_in(api, errors=REASONS)

    assert refused.value.reason == reason


def test_an_expired_api_key_is_the_operators(api):
    """Nobody's password is at fault, and the alarm says what to compare."""
    api.key = KEY

    assert log_in(api, headers={"X-API-Key": KEY}, errors=REASONS).identity.subject == "S-1-5-1"
    with pytest.raises(ProviderMisconfigured, match=r"headers and body.*providers\.corp"):
        log_in(api, headers={"X-API-Key": "old"}, errors=REASONS)


def test_too_many_requests_are_waited_for(api):
    """By the time that the answer names."""
    api.fault = "429"

    with pytest.raises(ProviderUnavailable) as busy:
        log_in(api)

    assert (busy.value.retry_after, busy.value.reason) == (7.0, "throttled")


def test_a_status_that_is_mapped_counts_even_among_outages(api):
    """Without a status written, a condition says nothing of 5xx answers."""
    api.instead[PATHS["token"]] = [reply(500, {"success": False, "code": "x"}) for _ in range(2)]

    with pytest.raises(ProviderUnavailable):
        log_in(api)
    with pytest.raises(PasswordRefused):
        log_in(api, errors={"invalid_credentials": {"status": 500, "path": "code", "equals": "x"}})


# What is sent


def test_the_body_is_the_template_filled_in(api):
    """JSON by default, a form where it is written, each member as the file says."""
    api.instead[PATHS["token"]] = [reply(500, {})] * 2
    body = {"user": "EXAMPLE\\{username}", "pass": "{password}", "app": "gateway"}
    for encoding, kind in (("json", "application/json"), ("form", "application/x-www-form-urlencoded")):
        with pytest.raises(ProviderUnavailable):
            log_in(api, password="p", body=body, encoding=encoding)
        assert api.asked[-1].kind == kind
        assert api.asked[-1].body == {"user": "EXAMPLE\\ann", "pass": "p", "app": "gateway"}


def test_a_password_that_looks_like_a_template_is_a_password(api):
    """Nothing of it is filled in."""
    api.change_password("ann", "{username}{domain}{password}")

    assert log_in(api).grant.password == "{username}{domain}{password}"


def test_passwords_arrive_as_they_were_typed(api):
    """Neither trimmed nor folded: spaces and letters of every script count."""
    for password in (" leading", "trailing ", "PäßwÖrd 密码", '"\\\n', "%2B+&="):
        for encoding in ("json", "form"):
            api.change_password("ann", password)
            assert log_in(api, encoding=encoding).grant.password == password


def test_names_and_domains_have_one_spelling(api):
    """Whatever was typed, the API sees the name in lower case and the domain as it calls it."""
    domains = {"EXAMPLE": ["corp.example"], "BRANCH": []}
    client = client_of(api, domains=domains)

    accounts = {
        client.account(*typed)
        for typed in [("Ann", ""), ("EXAMPLE\\ann", ""), ("ANN@Corp.Example", "branch")]
    }

    assert accounts == {Account("ann", "example")}
    assert client.domains == ("EXAMPLE", "BRANCH")
    found = log_in(api, "branch\\ann", "ann-pw", domains=domains)
    assert api.asked[-1].body["domain"] == "BRANCH"
    assert found.identity.key == "corp:branch:S-1-5-1"
    with pytest.raises(PasswordRefused) as refused:
        client.account("other\\ann", "")
    assert refused.value.reason == "name_malformed"


def test_without_domains_none_is_sent(api):
    """What is {domain} alone is left out."""
    log_in(api)

    assert set(api.asked[-1].body) == {"username", "password"}


@pytest.mark.anyio
@pytest.mark.parametrize("password", ["", "x" * 257])
async def test_what_is_no_password_is_not_sent(api, password):
    """An empty one is an anonymous bind to some directories."""
    with pytest.raises(PasswordRefused):
        await client_of(api).check_password(Account("ann"), password, 1)

    assert api.calls() == 0


# Tokens


@pytest.mark.parametrize("expiry", ["iso", "naive", "s", "ms", "in", "jwt"])
def test_the_end_of_a_token_is_read_in_every_form(api, expiry):
    """Seconds, milliseconds, ISO 8601 with and without a zone, a life, and the token's own word."""
    api.expiry = expiry

    assert log_in(api).grant.expires == int(api.clock()) + 3600


@pytest.mark.parametrize("shape", SHAPES)
def test_a_token_without_an_end_has_the_default_life(api, shape):
    """Eight hours, unless it is written."""
    api.shape, api.expiry = shape, "none"

    assert log_in(api).grant.expires == int(api.clock()) + 8 * 3600
    assert log_in(api, token={"default_ttl": "1h"}).grant.expires == int(api.clock()) + 3600


NOW = 1_800_000_000
RULE = ApiToken(path="t", expires_in="in", expires_at=("at", "other"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"in": 600}, NOW + 600),
        ({"in": "600"}, NOW + 600),
        ({"in": 10**9}, NOW + 12 * 3600),
        ({"in": 1}, NOW + 60),
        ({"in": -5}, NOW + 8 * 3600),
        ({"in": True}, NOW + 8 * 3600),
        ({"in": [600]}, NOW + 8 * 3600),
        ({"at": NOW + 600}, NOW + 600),
        ({"at": str(NOW + 600)}, NOW + 600),
        ({"at": (NOW + 600) * 1000}, NOW + 600),
        ({"at": float(NOW + 600)}, NOW + 600),
        ({"at": NOW - 1}, NOW + 8 * 3600),
        ({"at": 600}, NOW + 8 * 3600),
        ({"at": "2027-01-15T08:10:00Z"}, NOW + 600),
        ({"at": "2027-01-15T16:10:00+08:00"}, NOW + 600),
        ({"at": "2027-01-15 08:10:00"}, NOW + 600),
        ({"at": "2099-01-01T00:00:00Z"}, NOW + 12 * 3600),
        ({"at": "0001-01-01T00:00:00+14:00"}, NOW + 8 * 3600),
        ({"at": "soon"}, NOW + 8 * 3600),
        ({"at": "9" * 5000}, NOW + 8 * 3600),
        ({"at": 1e300}, NOW + 8 * 3600),
        ({"at": None, "other": NOW + 600}, NOW + 600),
        ({}, NOW + 8 * 3600),
    ],
)
def test_no_word_of_the_api_makes_a_token_endless_or_dead(body, expected):
    """It is bounded on both sides, and what makes no sense counts as nothing."""
    assert token_end(body, RULE, "", NOW) == expected


def test_moments_are_told_by_their_size():
    """10^9 seconds and 10^12 milliseconds are both of the year 2001."""
    assert (moment(10**9 + 1), moment(10**12 + 5000)) == (10**9 + 1, 10**9 + 5)
    assert moment(True) == 0


# Signing in again


@pytest.mark.parametrize("shape", SHAPES)
def test_a_refresh_signs_in_again(api, shape):
    """A new token and what is new about the person; when they signed in stays what it was."""
    api.shape = shape
    client, first = client_of(api), log_in(api)
    api.clock.advance(3000)
    api.people["ann"]["name"] = "Ann Newname"

    renewed = crank(client.refresh(first.grant, first.identity, int(api.clock())), api.answer)

    assert renewed.grant.expires > first.grant.expires
    assert renewed.grant.password == first.grant.password
    assert renewed.identity == replace(first.identity, name="Ann Newname")


def test_the_domain_is_kept_for_the_next_time(api):
    """An account is a name in a domain."""
    client = client_of(api, domains={"EXAMPLE": [], "BRANCH": []})
    first = crank(client.sign_in(client.account("branch\\ann", ""), "ann-pw", 1), api.answer)

    crank(client.refresh(first.grant, first.identity, 2), api.answer)

    assert api.asked[-1].body == api.asked[-2].body


def test_another_person_is_never_taken_for_the_first(api):
    """A name can come to be somebody else's."""
    client, first = client_of(api), log_in(api)
    api.people["ann"]["id"] = "S-1-5-99"

    with pytest.raises(ProviderLied, match="another person"):
        crank(client.refresh(first.grant, first.identity, int(api.clock())), api.answer)


def test_a_locked_account_is_weather_when_nobody_is_typing(api):
    """Whoever locks an account from outside must not sign its person out by that."""
    client, first = client_of(api), log_in(api)
    api.locked.add("ann")

    with pytest.raises(ProviderUnavailable) as locked:
        crank(client.refresh(first.grant, first.identity, int(api.clock())), api.answer)

    assert (locked.value.retry_after, locked.value.reason) == (60.0, "account_locked")


def test_a_name_that_was_known_is_no_typing_error(api):
    """A 400 in the background is a fault of the API."""
    client, first = client_of(api), log_in(api)
    api.instead[PATHS["token"]] = [reply(400, {"success": 0})]

    with pytest.raises(ProviderLied, match="knew at the login"):
        crank(client.refresh(first.grant, first.identity, int(api.clock())), api.answer)


def test_who_lacks_what_is_demanded_is_barred(api):
    """At the login and at each refresh."""
    api.shape = "user"
    api.people["ann"]["groups"] = ["staff"]
    demand = {"required_claims": {"groups": ["staff"]}}
    client, first = client_of(api, **demand), log_in(api, **demand)
    api.people["ann"]["groups"] = []

    with pytest.raises(NotAllowed):
        log_in(api, **demand)
    assert crank(client.refresh(first.grant, first.identity, 2), api.answer).barred


def test_addresses_are_verified_by_the_operators_word_alone(api):
    """Whatever the API calls so itself."""
    api.shape = "user"
    person = {"username": "ann", "mail": "ann@corp.example", "email_verified": True, "\0trusted": True}
    api.instead[PATHS["user"]] = [reply(200, {"success": True, "user": person})] * 3

    assert log_in(api).identity.verified_email == ""
    assert log_in(api, trust_email=True).identity.verified_email == "ann@corp.example"
    claims = {"email_verified": "email_verified"}
    assert log_in(api, claims=claims).identity.verified_email == "ann@corp.example"


def test_when_somebody_signed_in_is_for_the_gateway_to_say(api):
    """Sessions are ended by it; a member of that name in an answer means nothing."""
    info = {"id": "1", "username": "ann", "auth_time": 1, "acr": "high", "amr": ["mfa"], "sid": "s"}
    api.instead[PATHS["token"]] = [reply(200, {"success": True, "data": {"token": "t", "userInfo": info}})]

    found = log_in(api).identity

    assert (found.authenticated_at, found.acr, found.amr, found.sid) == (int(api.clock()), "", (), "")


def test_without_relogin_no_password_is_kept(api):
    """Then nothing can be done at the token's end."""
    grant = log_in(api, relogin=False).grant

    assert (grant.password, grant.renewable) == ("", False)


def test_nothing_secret_stands_in_a_repr(api):
    """Neither the password, nor the token, nor the key of the API."""
    api.key = KEY
    found, client = log_in(api, headers={"X-API-Key": KEY}), client_of(api, headers={"X-API-Key": KEY})
    ask = next(client.sign_in(Account("ann"), "ann-pw", 1))

    for text in (
        repr(found),
        repr(ask),
        repr(client),
        str(vars(found.grant) if hasattr(found.grant, "__dict__") else ""),
    ):
        assert "ann-pw" not in text
        assert "ad-token" not in text
        assert KEY not in text


# Over the network


@pytest.mark.anyio
async def test_it_works_over_a_real_connection(api):
    """The catalogue makes it and drives it."""
    with serve(api):
        section = settings(providers={"corp": api.section(timeout="2s")}).providers["corp"]
        transport = Transport(clock=api.clock)
        catalog = Catalog({"corp": section}, transport)
        found = await catalog.passwords["corp"].check_password(
            Account("王小明"), "王小明-pw", int(api.clock())
        )
        with pytest.raises(PasswordRefused):
            await catalog.passwords["corp"].check_password(Account("ann"), "wrong", int(api.clock()))
        api.instead[PATHS["token"]] = [huge()]
        with pytest.raises(ProviderUnavailable, match="more than"):
            await catalog.passwords["corp"].check_password(Account("ann"), "ann-pw", int(api.clock()))
        await transport.close()

    assert found.identity.name == "王小明"
    assert found.grant.access_token == "ad-token-1"


@pytest.mark.anyio
async def test_a_slow_api_is_an_outage_at_its_deadline(api):
    """Not a wrong password."""
    api.slow = 0.5
    with serve(api):
        section = settings(providers={"corp": api.section(timeout="100ms")}).providers["corp"]
        transport = Transport(clock=api.clock)
        with pytest.raises(ProviderUnavailable, match="within the deadline"):
            await (
                Catalog({"corp": section}, transport)
                .passwords["corp"]
                .check_password(Account("ann"), "ann-pw", int(api.clock()))
            )
        await transport.close()


# The section


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"url": "http://ad-api.example.com/login"}, "url"),
        ({"headers": {"X-API-Key": "written-out"}}, "headers.X-API-Key"),
        ({"headers": {"Content-Type": "${K}"}}, "headers.Content-Type"),
        ({"body": {"username": "{username}"}}, "body"),
        ({"body": {"u": "{username}", "p": "{password}", "x": "{other}"}}, "body.x"),
        ({"domains": {"A": ["a.example"], "B": ["A.example"]}}, "domains.B"),
        ({"domains": {"A": []}, "domain": "C"}, "domain"),
        ({"token": {"default_ttl": "20h"}}, "token.default_ttl"),
        ({"token": {"max_ttl": "0s"}}, "token.max_ttl"),
        ({"success": {"status": [500]}}, "success.status"),
        ({"errors": {"locked": {"equals": "x"}}}, "errors.locked"),
        ({"success": {"path": "", "if_absent": "accept"}}, "success"),
        ({"shape": "other"}, "shape"),
        ({"errors": {"typo": 1}}, "errors.typo"),
    ],
)
def test_a_section_that_makes_no_sense_is_a_fault(tmp_path, api, changes, path):
    """With its place, and what to write instead."""
    faults = faults_of(tmp_path, {"K": "k"}, providers={"corp": api.section(**changes)})

    assert any(f"providers.corp.{path}" in fault for fault in faults), faults


def test_the_documented_section_is_fine(tmp_path, api):
    """An API key, domains, and the answers of one's own API."""
    section = api.section(
        headers={"X-API-Key": "${AD_API_KEY}"}, domains={"EXAMPLE": ["corp.example.com"]}, errors=REASONS
    )

    assert faults_of(tmp_path, {"AD_API_KEY": KEY}, providers={"corp": section}) == []
