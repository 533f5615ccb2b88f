"""The hardened profile: a key in place of a secret, pushed requests, `iss` in every callback, pinned algorithms."""

import base64
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from gateway.errors import (
    ProviderFault,
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.keys.client_key import ClientKey
from gateway.providers.catalog import Catalog
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Arrival
from gateway.settings.providers import OidcProvider
from tests.kit.client_keys import Chance, pem
from tests.kit.scripted_provider import ScriptedProvider, crank, page, reply

CALLBACK = "https://auth.example.com/auth/idp/callback"
NONCE, VERIFIER, STATE = "n" * 43, "v" * 43, "s" * 43
PAR = {"pushed_authorization_request_endpoint": "https://idp.example.test/par"}
REQUIRED = PAR | {"require_pushed_authorization_requests": True}


@pytest.fixture
def chance():
    return Chance()


@pytest.fixture
def provider(chance):
    """One that knows us by a key of P-256."""
    jwk = ClientKey.parse(pem("p256")).public_jwk()
    return ScriptedProvider(chance.clock, client_auth="private_key_jwt", client_jwk=jwk, metadata=dict(PAR))


def section(**changes):
    values = {
        "issuer": "https://idp.example.test",
        "client_id": "gateway",
        "client_auth": "private_key_jwt",
        "client_key": pem("p256"),
        "anyone": True,
    }
    return OidcProvider.model_validate(values | changes)


@pytest.fixture
def client(chance):
    return Oidc(section(security="strict"), "idp", several=False, chance=chance)


def with_secret(**changes):
    """A section without a key, as most are."""
    values = {"client_auth": "basic", "client_key": None, "client_secret": SecretStr("s3cr3t: +ü")}
    return Oidc(section(**values | changes), "idp", several=False)


def depart(client, provider, **extra):
    return crank(client.depart(CALLBACK, STATE, NONCE, VERIFIER, extra), provider.answer)


def come_back(client, provider):
    back = provider.sign_in(depart(client, provider).url)
    return Arrival(back["code"], back["iss"], NONCE, VERIFIER, CALLBACK)


def sign_in(client, provider, **changes):
    arrival = replace(come_back(client, provider), **changes)
    return crank(client.arrive(arrival, int(provider.clock())), provider.answer)


def assertions(provider):
    """(header, claims) of each assertion that was sent, in order."""
    found = [ask.form["client_assertion"] for ask in provider.asked if "client_assertion" in (ask.form or {})]
    return [tuple(json.loads(_decoded(part)) for part in one.split(".")[:2]) for one in found]


def _decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


# The client's proof


def test_a_login_and_all_that_follows_goes_by_key(client, provider, chance):
    """Push, redeem, refresh, revoke: each proves itself, and no secret goes anywhere."""
    signed_in = sign_in(client, provider)
    chance.clock.advance(300)
    refreshed = crank(
        client.refresh(signed_in.grant, signed_in.identity, int(chance.clock())), provider.answer
    )
    crank(client.revoke(refreshed.grant), provider.answer)

    posts = [ask for ask in provider.asked if ask.form is not None]
    assert [urlsplit(ask.url).path for ask in posts] == ["/par", "/token", "/token", "/revoke"]
    assert signed_in.identity.subject == "u-1"
    assert refreshed.identity.subject == "u-1"
    assert not any("authorization" in ask.headers or "client_secret" in ask.form for ask in posts)


def test_an_assertion_says_who_to_whom_and_for_how_long(client, provider, chance):
    """RFC 7523 section 3: one audience, the issuer, as a text; good for a minute; its type in the header."""
    depart(client, provider)

    [(header, claims)] = assertions(provider)
    now = int(chance.clock())
    kid = ClientKey.parse(pem("p256")).kid
    assert header == {"alg": "ES256", "typ": "client-authentication+jwt", "kid": kid}
    assert claims.pop("jti")
    assert claims == {
        "iss": "gateway",
        "sub": "gateway",
        "aud": "https://idp.example.test",
        "iat": now,
        "exp": now + 60,
    }


def test_no_assertion_is_sent_twice(client, provider):
    """One for each request, at the same second too; and none that the transport may repeat by itself."""
    grant = sign_in(client, provider).grant
    for _ in range(3):
        crank(client.revoke(grant), provider.answer)

    names = [claims["jti"] for _, claims in assertions(provider)]
    assert len(names) == 5
    assert len(set(names)) == 5
    assert all(len(name) == 32 for name in names)
    assert not any(ask.retry for ask in provider.asked if ask.form is not None)


def test_whoever_asks_again_brings_another_assertion(client, provider, chance):
    """A refresh whose answer was lost is tried again later: the provider has seen the first assertion."""
    signed_in = sign_in(client, provider)
    lost = ProviderUnavailable("idp", "no answer", ambiguous=True)
    provider.instead["/token"] = [lost]
    with pytest.raises(ProviderUnavailable):
        crank(client.refresh(signed_in.grant, signed_in.identity, int(chance.clock())), provider.answer)

    again = crank(client.refresh(signed_in.grant, signed_in.identity, int(chance.clock())), provider.answer)

    assert again.identity.subject == "u-1"
    assert len({claims["jti"] for _, claims in assertions(provider)}) == 4


@pytest.mark.parametrize(
    ("offered", "algorithm"), [(["RS256", "PS256"], "PS256"), (["RS256"], "RS256"), (None, "RS256")], ids=repr
)
def test_an_rsa_key_signs_with_what_the_server_takes(provider, chance, offered, algorithm):
    """By `token_endpoint_auth_signing_alg_values_supported` of its metadata."""
    key = ClientKey.parse(pem("rsa"), "k-2026")
    provider.client_jwk = key.public_jwk()
    provider.metadata["token_endpoint_auth_signing_alg_values_supported"] = offered
    keyed = section(client_key=pem("rsa"), client_key_id="k-2026")

    sign_in(Oidc(keyed, "idp", several=False, chance=chance), provider)

    assert {(header["alg"], header["kid"]) for header, _ in assertions(provider)} == {(algorithm, "k-2026")}


def test_the_catalog_hands_time_and_chance_to_who_signs(provider, chance):
    """As the gateway makes its providers."""
    catalog = Catalog({"idp": section()}, None, chance=chance)

    assert sign_in(catalog.redirects["idp"], provider).identity.subject == "u-1"


def test_without_time_and_chance_there_is_no_signer():
    """A mistake of ours, found when the provider is made and not at the first login."""
    with pytest.raises(TypeError, match=r"providers\.idp"):
        Oidc(section(), "idp", several=False)


def test_a_rejected_assertion_is_the_operators_fault(client, provider):
    """Nobody's sign-in is at fault, and the alarm says where to look."""
    arrival = come_back(client, provider)
    provider.client_jwk = ClientKey.parse(pem("rsa")).public_jwk()

    with pytest.raises(ProviderMisconfigured, match="client_auth"):
        crank(client.arrive(arrival, int(provider.clock())), provider.answer)


# Pushed requests


def test_a_pushed_request_leaves_a_name_in_the_browser(client, provider):
    """RFC 9126 section 4: client_id and request_uri, and nothing of what was asked for."""
    url = depart(client, provider, prompt="login", max_age="60", login_hint="ada@example.com").url

    [push] = [ask for ask in provider.asked if ask.form is not None]
    assert set(parse_qs(urlsplit(url).query)) == {"client_id", "request_uri"}
    assert {"prompt", "max_age", "login_hint", "state", "nonce", "code_challenge"} <= set(push.form)
    assert push.form["response_type"] == "code"


@pytest.mark.parametrize(
    ("security", "metadata", "pushes"),
    [
        pytest.param("standard", {}, False, id="not offered"),
        pytest.param("standard", PAR, False, id="offered"),
        pytest.param("standard", REQUIRED, True, id="required"),
        pytest.param("strict", {}, False, id="strict, not offered"),
        pytest.param("strict", PAR, True, id="strict, offered"),
        pytest.param("strict", REQUIRED, True, id="strict, required"),
    ],
)
def test_a_request_is_pushed_where_it_must_be_and_by_strict_where_it_can(
    provider, chance, security, metadata, pushes
):
    """RFC 9126 section 5."""
    provider.metadata = dict(metadata)
    client = Oidc(section(security=security), "idp", several=False, chance=chance)

    depart(client, provider)

    assert ("/par" in provider.paths()) is pushes


def test_a_client_with_a_secret_pushes_too(provider):
    """Where the provider requires it: with the credentials of the token endpoint (RFC 9126 section 2)."""
    provider.client_auth = "basic"
    provider.metadata = dict(REQUIRED)

    assert sign_in(with_secret(), provider).identity.subject == "u-1"
    assert provider.paths().count("/par") == 1


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        pytest.param(reply(400, {"error": "invalid_request"}), ProviderRefused, "", id="refused"),
        pytest.param(reply(401, {"error": "invalid_client"}), ProviderMisconfigured, "client_rejected", id="we"),
        pytest.param(reply(201, {"error": "invalid_scope"}), ProviderRefused, "scope_missing", id="error in a 201"),
        pytest.param(reply(429, {}), ProviderUnavailable, "throttled", id="too many"),
        pytest.param(reply(503, {}), ProviderUnavailable, "provider_down", id="down"),
        pytest.param(reply(404, {}), ProviderUnavailable, "provider_down", id="not there"),
        pytest.param(page(), ProviderUnavailable, "provider_down", id="a page"),
        pytest.param(page(201), ProviderUnavailable, "provider_down", id="a page with a 201"),
        pytest.param(reply(201, {}), ProviderLied, "", id="no name"),
        pytest.param(reply(201, {"request_uri": 7}), ProviderLied, "", id="a number"),
        pytest.param(reply(201, {"request_uri": "urn:a\r\nb"}), ProviderLied, "", id="a line break"),
        pytest.param(reply(201, {"request_uri": ""}), ProviderLied, "", id="nothing"),
        pytest.param(ProviderUnavailable("idp", "no answer"), ProviderUnavailable, "provider_down", id="lost"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("metadata", [PAR, REQUIRED], ids=["offered", "required"])
def test_a_push_that_fails_ends_the_login(client, provider, answer, kind, reason, metadata):
    """There is no other way: who can break one request would choose the way for us."""
    provider.metadata = dict(metadata)
    provider.instead["/par"] = [answer]

    with pytest.raises(ProviderFault) as caught:
        depart(client, provider)

    assert type(caught.value) is kind
    assert caught.value.reason == reason


def test_a_name_in_a_200_is_taken(client, provider):
    """Some say 200 where 201 is meant."""
    provider.instead["/par"] = [reply(200, {"request_uri": "urn:example:1", "expires_in": 60})]

    assert "request_uri=urn%3Aexample%3A1" in depart(client, provider).url


# The callback, the challenge, the algorithms


def test_strict_takes_a_good_callback(client, provider):
    """One with `iss`."""
    assert sign_in(client, provider).identity.issuer == "https://idp.example.test"


def test_a_provider_that_lists_no_methods_of_pkce_is_taken(client, provider):
    """Entra and others know S256 and list nothing."""
    provider.metadata["code_challenge_methods_supported"] = None

    assert sign_in(client, provider)


@pytest.mark.parametrize("methods", [["plain"], []], ids=repr)
def test_strict_refuses_one_that_lists_others_than_s256(client, provider, methods):
    """Before anybody is sent there."""
    provider.metadata["code_challenge_methods_supported"] = methods

    with pytest.raises(ProviderLied, match="code_challenge_methods_supported"):
        depart(client, provider)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_strict_believes_what_common_providers_sign_with(provider, chance, algorithm):
    """RS256 among them, or a stock Keycloak would let nobody in."""
    provider = ScriptedProvider(
        chance.clock, client_auth="private_key_jwt", client_jwk=provider.client_jwk, algorithm=algorithm
    )

    assert sign_in(Oidc(section(security="strict"), "idp", several=False, chance=chance), provider)


def test_strict_has_a_sentence_for_a_provider_without_any_of_its_algorithms(client, provider):
    """What to switch on there, or to write here."""
    provider.metadata["id_token_signing_alg_values_supported"] = ["RS384", "RS512"]

    with pytest.raises(ProviderLied, match="write algorithms"):
        sign_in(client, provider)


@pytest.mark.parametrize("security", ["standard", "strict"])
def test_pinned_algorithms_are_exact(provider, chance, security):
    """Whatever the metadata names, the section's word counts: for logins and logout tokens alike."""
    pinned = section(security=security, algorithms=["ES256"])

    with pytest.raises(ProviderLied, match="id_token: alg"):
        sign_in(Oidc(pinned, "idp", several=False, chance=chance), provider)


def test_a_pinned_algorithm_signs_in(chance):
    """It need not even stand in the metadata, which is no authority for what is pinned."""
    provider = ScriptedProvider(chance.clock, algorithm="ES256")
    provider.metadata["id_token_signing_alg_values_supported"] = ["RS256"]

    assert sign_in(with_secret(algorithms=["ES256"]), provider)
