"""A login by OAuth 2.0 without OpenID Connect, cranked by hand: who it is, is asked with the token."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import TypeAdapter

from gateway.errors import (
    NotAllowed,
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.providers.oauth2 import OAuth2
from gateway.providers.provider import Arrival, EndsSession, Redirects, Refreshes, Revokes
from gateway.settings.presets import ProviderSettings
from tests.kit.clock import Clock
from tests.kit.scripted_provider import crank, page, reply
from tests.kit.vendors.plain import Plain

CALLBACK = "https://auth.example.com/auth/plain/callback"
NONCE, VERIFIER, STATE = "n" * 43, "v" * 43, "s" * 43


@pytest.fixture
def vendor():
    return Plain(Clock())


def client(vendor, keeps=frozenset(), **changes):
    section = TypeAdapter(ProviderSettings).validate_python(vendor.section(**changes))
    return OAuth2(section, "plain", several=False, keeps=keeps)


def depart(provider, vendor, **extra):
    return crank(provider.depart(CALLBACK, STATE, NONCE, VERIFIER, extra), vendor.answer)


def come_back(provider, vendor, person=""):
    back = vendor.sign_in(depart(provider, vendor).url, person)
    return Arrival(back["code"], None, NONCE, VERIFIER, CALLBACK)


def sign_in(provider, vendor, **changes):
    arrival = replace(come_back(provider, vendor), **changes)
    return crank(provider.arrive(arrival, int(vendor.clock())), vendor.answer)


def refresh(provider, vendor, signed_in):
    flow = provider.refresh(signed_in.grant, signed_in.identity, int(vendor.clock()))
    return crank(flow, vendor.answer)


def test_it_is_what_it_implements(vendor):
    """It redirects, refreshes and takes tokens back; it has no session of its own to end."""
    provider = client(vendor, title="Plain")

    assert isinstance(provider, Redirects)
    assert isinstance(provider, Refreshes)
    assert isinstance(provider, Revokes)
    assert not isinstance(provider, EndsSession)
    assert (provider.title, provider.reauthenticates) == ("Plain", False)


def test_the_departure_carries_state_and_challenge(vendor):
    """Words of OpenID Connect that such a provider does not know are left out."""
    url = depart(client(vendor), vendor, login_hint="alice", max_age="0", acr_values="2").url

    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked == {
        "response_type": "code",
        "client_id": "gateway",
        "redirect_uri": CALLBACK,
        "scope": "profile mail",
        "state": STATE,
        "code_challenge": asked["code_challenge"],
        "code_challenge_method": "S256",
        "login_hint": "alice",
    }
    assert len(asked["code_challenge"]) == 43


def test_a_login_says_who_it_is_by_the_claims_that_are_configured(vendor):
    """The number that names the person is text from then on."""
    signed_in = sign_in(client(vendor), vendor)

    identity = signed_in.identity
    assert (identity.key, identity.user, identity.issuer) == (
        "plain:7",
        "alice",
        f"{vendor.origin}/authorize",
    )
    assert (identity.email, identity.verified_email) == ("alice@corp.example", "")
    assert signed_in.grant.refresh_token == "refresh-3"


@pytest.mark.parametrize("auth", ["basic", "post"])
def test_the_secret_is_sent_by_one_method(vendor, auth):
    """The vendor refuses none and both."""
    assert sign_in(client(vendor, client_auth=auth), vendor).identity.subject == "7"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"code": "another"}, id="a code that is not ours"),
        pytest.param({"verifier": "w" * 43}, id="another verifier"),
        pytest.param({"redirect_uri": CALLBACK + "/"}, id="another address"),
    ],
)
def test_a_code_that_does_not_belong_here_is_refused(vendor, changes):
    """The vendor says no, and nobody is signed in."""
    with pytest.raises(ProviderRefused) as refused:
        sign_in(client(vendor), vendor, **changes)

    assert (refused.value.error, refused.value.reason) == ("invalid_grant", "code_spent")


@pytest.mark.parametrize("changes", [{"code": ""}, {"verifier": ""}])
def test_without_code_or_verifier_nobody_is_asked(vendor, changes):
    """No request leaves for half an arrival."""
    arrival = replace(come_back(client(vendor), vendor), **changes)

    with pytest.raises(ProviderLied, match="code"):
        crank(client(vendor).arrive(arrival, 0), vendor.answer)

    assert vendor.asked == []


def test_an_issuer_that_is_configured_is_held_against_the_callback(vendor):
    """RFC 9207: the code of another provider goes nowhere."""
    provider = client(vendor, issuer="https://plain.example.test")
    arrival = come_back(provider, vendor)

    assert crank(provider.check_arrival(arrival), vendor.answer) is None
    with pytest.raises(ProviderLied, match="iss"):
        crank(provider.arrive(replace(arrival, issuer="https://evil.example"), 0), vendor.answer)
    assert vendor.asked == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(reply(200, {"id": None}), ProviderLied, id="nobody"),
        pytest.param(reply(200, {"id": 7.5}), ProviderLied, id="a fraction"),
        pytest.param(reply(401, {}), ProviderLied, id="our token refused"),
        pytest.param(reply(403, {}), ProviderLied, id="a permission missing"),
        pytest.param(reply(500, {}), ProviderUnavailable, id="its fault"),
        pytest.param(page(200, "<html>"), ProviderUnavailable, id="a page"),
    ],
)
def test_without_a_person_there_is_no_login(vendor, answer, kind):
    """Nothing is guessed from a token."""
    vendor.instead["/me"] = [answer]

    with pytest.raises(kind):
        sign_in(client(vendor), vendor)


@pytest.mark.parametrize(
    ("stated", "missing"),
    [
        pytest.param("profile", True, id="less"),
        pytest.param("profile,mail", False, id="all, with commas"),
        pytest.param("mail  profile  more", False, id="more"),
    ],
)
def test_less_than_what_is_needed_is_no_login(vendor, stated, missing):
    """A person may untick what an application cannot do without: then it has to say so."""
    vendor.scope_granted = stated
    provider = client(vendor, required_scopes=["mail"])

    if not missing:
        assert sign_in(provider, vendor).identity.subject == "7"
        return
    with pytest.raises(ProviderRefused) as refused:
        sign_in(provider, vendor)
    assert refused.value.reason == "scope_missing"


def test_a_vendor_that_states_no_scope_granted_all(vendor):
    """RFC 6749 section 5.1."""
    vendor.quiet = True

    assert sign_in(client(vendor, required_scopes=["mail"]), vendor).identity.subject == "7"


def test_a_refresh_brings_new_tokens_and_reads_the_person_again(vendor):
    """Names change while people are signed in."""
    provider = client(vendor)
    signed_in = sign_in(provider, vendor)
    vendor.people["alice"]["login"] = "alice2"

    again = refresh(provider, vendor, signed_in)

    assert again.identity.user == "alice2"
    assert again.identity.authenticated_at == signed_in.identity.authenticated_at
    assert again.grant.refresh_token not in {"", signed_in.grant.refresh_token}
    assert signed_in.grant.refresh_token in vendor.spent


def test_no_new_refresh_token_means_that_the_old_one_goes_on(vendor):
    """RFC 6749 section 6."""
    vendor.rotates = False
    provider = client(vendor)
    signed_in = sign_in(provider, vendor)

    assert refresh(provider, vendor, signed_in).grant.refresh_token == signed_in.grant.refresh_token


def test_somebody_else_behind_the_new_token_changes_nobody(vendor):
    """The person stays who was proven, without an access token that would speak for the other. The operator hears."""
    provider = client(vendor)
    signed_in = sign_in(provider, vendor)
    vendor.people["alice"] = {"id": 8, "login": "mallory"}

    again = refresh(provider, vendor, signed_in)

    assert (again.identity, again.barred, again.grant.access_token) == (None, False, "")
    assert "not the person of the session" in again.alarm
    assert again.grant.refresh_token != signed_in.grant.refresh_token


def test_who_loses_a_required_claim_is_out_at_the_next_refresh(vendor):
    """As at a login."""
    vendor.people["alice"]["org"] = "corp"
    provider = client(vendor, required_claims={"org": ["corp"]})
    signed_in = sign_in(provider, vendor)
    vendor.people["alice"]["org"] = "other"

    assert refresh(provider, vendor, signed_in).barred
    with pytest.raises(NotAllowed):
        sign_in(provider, vendor)


@pytest.mark.parametrize(
    "answer", [reply(503, {}), page(200, "<html>"), ProviderUnavailable("plain", "gone")]
)
def test_new_tokens_survive_a_person_who_cannot_be_read(vendor, answer):
    """The old ones are spent."""
    provider = client(vendor)
    signed_in = sign_in(provider, vendor)
    vendor.instead["/me"] = [answer]

    again = refresh(provider, vendor, signed_in)

    assert again.identity is None
    assert again.grant.refresh_token != signed_in.grant.refresh_token


def test_a_session_of_another_provider_is_shown_to_nobody(vendor):
    """The section was pointed elsewhere since: its token is nothing to show there."""
    provider = client(vendor)
    signed_in = sign_in(provider, vendor)
    asked = len(vendor.asked)
    moved = client(vendor, authorization_endpoint="https://other.example.test/authorize")

    with pytest.raises(ProviderLied, match="another issuer"):
        refresh(moved, vendor, signed_in)

    assert len(vendor.asked) == asked


def test_a_logout_gives_the_refresh_token_back(vendor):
    """And whatever came of it."""
    provider = client(vendor)
    signed_in = sign_in(provider, vendor)

    crank(provider.revoke(signed_in.grant), vendor.answer)
    crank(client(vendor, revocation_endpoint=None).revoke(signed_in.grant), vendor.answer)

    assert vendor.revoked == [signed_in.grant.refresh_token]


@pytest.mark.parametrize(
    ("status", "kind"), [(401, ProviderMisconfigured), (400, ProviderUnavailable), (503, ProviderUnavailable)]
)
def test_a_token_that_is_not_taken_back_is_said(vendor, status, kind):
    """Whoever logs it has to know."""
    provider = client(vendor)
    signed_in = sign_in(provider, vendor)
    vendor.instead["/revoke"] = [reply(status, {})]

    with pytest.raises(kind):
        crank(provider.revoke(signed_in.grant), vendor.answer)


@pytest.mark.parametrize("keeps", [frozenset(), frozenset({"access_token"})])
def test_a_token_is_kept_where_something_needs_it(vendor, keeps):
    """A refresh, or a rule that hands it through; else it is forgotten at once."""
    vendor.instead["/token"] = [reply(200, {"access_token": "a-1", "token_type": "bearer", "expires_in": 60})]
    vendor.instead["/me"] = [reply(200, {"id": 7, "login": "alice"})]

    grant = sign_in(client(vendor, keeps=keeps), vendor).grant

    assert (grant.access_token, bool(grant.expires)) == (("a-1", True) if keeps else ("", False))


def test_nothing_of_a_login_stays_on_the_provider(vendor):
    """One object serves everybody (CVE-2026-33544)."""
    provider = client(vendor)
    before = dict(vars(provider))

    sign_in(provider, vendor)

    assert vars(provider) == before
