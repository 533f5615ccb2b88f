"""Refresh by OpenID Connect: new tokens, the same person."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderLied, ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from gateway.identity.identity import Identity
from gateway.providers.oidc import Oidc
from gateway.sessions.session import Grant
from gateway.settings.model import OidcProvider
from tests.kit.clock import Clock
from tests.kit.scripted_provider import ScriptedProvider, crank, page, reply

ALICE = Identity(
    provider="idp",
    issuer="https://idp.example.test",
    subject="u-1",
    user="alice",
    authenticated_at=1_700_000_000,
    groups=("staff",),
    acr="2",
    amr=("pwd", "otp"),
)


@pytest.fixture
def provider():
    script = ScriptedProvider(Clock(), claims={"auth_time": 1_700_000_000})
    script.refreshable["r-1"] = "first"
    return script


@pytest.fixture
def client():
    section = OidcProvider.model_validate(
        {
            "issuer": "https://idp.example.test",
            "client_id": "gateway",
            "client_secret": SecretStr("s3cr3t: +ü"),
            "anyone": True,
        }
    )
    return Oidc(section, "idp", several=False)


OLD = Grant(
    provider="idp", access_token="a-0", refresh_token="r-1", id_token="old", expires=1, scope="openid"
)


def refresh(client, provider, identity=ALICE, grant=OLD):
    return crank(client.refresh(grant, identity, int(provider.clock())), provider.answer)


def test_a_refresh_brings_new_tokens_and_the_same_person(client, provider):
    """Rights that changed at the provider arrive with it; strength that is not said again stays."""
    provider.person["groups"] = ["staff", "ops"]

    refreshed = refresh(client, provider)

    assert refreshed.alarm == ""
    assert refreshed.grant.access_token.startswith("access-")
    assert refreshed.grant.refresh_token in provider.refreshable
    assert refreshed.grant.expires == int(provider.clock()) + 300
    assert refreshed.identity.key == ALICE.key
    assert refreshed.identity.groups == ("staff", "ops")
    assert refreshed.identity.authenticated_at == ALICE.authenticated_at
    assert (refreshed.identity.acr, refreshed.identity.amr) == ("2", ("pwd", "otp"))


def test_the_old_refresh_token_goes_on_where_no_new_one_is_given(client, provider):
    """RFC 6749 section 6: Google and others never rotate."""
    provider.rotates = False

    refreshed = refresh(client, provider)

    assert refreshed.grant.refresh_token == "r-1"
    assert refreshed.grant.expires == int(provider.clock()) + 300


def test_without_a_new_id_token_nothing_new_is_said(client, provider):
    """The identity stays, and so does the hint for the logout."""
    provider.refreshes_id_token = False

    refreshed = refresh(client, provider)

    assert refreshed.identity is None
    assert refreshed.grant.id_token == "old"
    assert refreshed.grant.scope == "openid"


def test_a_refreshed_token_needs_no_nonce(client, provider):
    """Core section 12.2: it should not have one, and ours is long forgotten."""
    provider.claims = {"nonce": "whatever"}

    assert refresh(client, provider).identity is not None


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"sub": "u-2"}, id="another person"),
        pytest.param({"iss": "https://evil.example"}, id="another issuer"),
        pytest.param({"aud": "another-client"}, id="another audience"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"preferred_username": None, "name": None}, id="no name any more"),
    ],
)
def test_claims_that_fail_verification_change_nothing_and_alarm(client, provider, claims):
    """The new refresh token is kept all the same: the old one is spent. The access token may be somebody else's."""
    provider.claims = claims
    provider.metadata = {"userinfo_endpoint": None}

    refreshed = refresh(client, provider)

    assert refreshed.identity is None
    assert refreshed.alarm
    assert refreshed.grant.access_token == ""
    assert refreshed.grant.refresh_token in provider.refreshable
    assert refreshed.grant.id_token == "old"


@pytest.mark.parametrize("path", ["/keys", "/userinfo"])
def test_an_outage_after_the_tokens_does_not_lose_them(client, provider, path):
    """A rotated token that is thrown away because a later request failed is a session lost."""
    provider.in_userinfo_only = frozenset({"groups"})
    provider.instead[path] = [ProviderUnavailable("idp", "down")]

    refreshed = refresh(client, provider)

    assert refreshed.identity is None
    assert refreshed.alarm == ""
    assert refreshed.grant.refresh_token in provider.refreshable


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        pytest.param(reply(400, {"error": "invalid_grant"}), ProviderRefused, id="dead"),
        pytest.param(reply(401, {"error": "invalid_client"}), ProviderMisconfigured, id="wrong secret"),
        pytest.param(reply(500, {}), ProviderUnavailable, id="500"),
        pytest.param(page(200), ProviderUnavailable, id="HTML"),
        pytest.param(
            ProviderUnavailable("idp", "silence", ambiguous=True), ProviderUnavailable, id="silence"
        ),
    ],
)
def test_a_failed_refresh_says_what_failed(client, provider, answer, fault):
    """The classes decide who is logged out, and when."""
    provider.instead["/token"] = [answer]

    with pytest.raises(fault):
        refresh(client, provider)


def test_a_token_is_never_shown_to_another_issuer(client, provider):
    """A section that was pointed elsewhere does not hand the tokens of its old issuer over."""
    with pytest.raises(ProviderLied, match="issuer"):
        refresh(client, provider, replace(ALICE, issuer="https://old.example"))

    assert provider.asked == []
