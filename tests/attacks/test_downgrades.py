"""An attacker who would have us do with less: a plainer request, a replayed proof, a callback of nobody's, a weak signature."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from gateway.errors import ProviderFault, ProviderLied, ProviderMisconfigured, ProviderUnavailable
from gateway.keys.client_key import ClientKey
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Arrival
from gateway.settings.providers import OidcProvider
from tests.kit.client_keys import Chance, pem
from tests.kit.scripted_provider import ScriptedProvider, crank, reply

CALLBACK = "https://auth.example.com/auth/idp/callback"
NONCE, VERIFIER, STATE = "n" * 43, "v" * 43, "s" * 43
PUSHING = {"pushed_authorization_request_endpoint": "https://idp.example.test/par"}
SECRETS_OF_A_REQUEST = {"state", "nonce", "code_challenge", "scope", "redirect_uri"}


@pytest.fixture
def chance():
    return Chance()


@pytest.fixture
def provider(chance):
    jwk = ClientKey.parse(pem("p256")).public_jwk()
    return ScriptedProvider(
        chance.clock, client_auth="private_key_jwt", client_jwk=jwk, metadata=dict(PUSHING)
    )


def section(**changes):
    values = {
        "issuer": "https://idp.example.test",
        "client_id": "gateway",
        "client_auth": "private_key_jwt",
        "client_key": pem("p256"),
        "security": "strict",
        "anyone": True,
    }
    return OidcProvider.model_validate(values | changes)


def client(chance, **changes):
    return Oidc(section(**changes), "idp", several=False, chance=chance)


def come_back(oidc, provider):
    departure = crank(oidc.depart(CALLBACK, STATE, NONCE, VERIFIER, {}), provider.answer)
    back = provider.sign_in(departure.url)
    return Arrival(back["code"], back["iss"], NONCE, VERIFIER, CALLBACK)


def arrive(oidc, provider, arrival):
    return crank(oidc.arrive(arrival, int(provider.clock())), provider.answer)


@pytest.mark.parametrize("security", ["standard", "strict"])
@pytest.mark.parametrize(
    "address",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("http://idp.example.test/par", id="in the clear"),
        pytest.param("https://user@idp.example.test/par", id="with a user"),
        pytest.param(["https://idp.example.test/par"], id="a list"),
        pytest.param("javascript:alert(1)", id="no address"),
    ],
)
def test_case25_a_request_that_must_be_pushed_never_goes_by_the_browser(chance, provider, security, address):
    """The metadata demands it and gives no place for it: nothing of the request is shown to anybody."""
    provider.metadata = {
        "pushed_authorization_request_endpoint": address,
        "require_pushed_authorization_requests": True,
    }
    flow = client(chance, security=security).depart(CALLBACK, STATE, NONCE, VERIFIER, {})

    with pytest.raises(ProviderLied, match="pushed_authorization_request_endpoint"):
        crank(flow, provider.answer)

    assert all(ask.form is None for ask in provider.asked)


@pytest.mark.parametrize("address", ["", "http://idp.example.test/par", 7], ids=repr)
def test_case25_strict_does_not_take_an_unusable_place_for_none(chance, provider, address):
    """Offered, and not usable: somebody has changed the document, and wants the plain request."""
    provider.metadata = {"pushed_authorization_request_endpoint": address}

    with pytest.raises(ProviderLied, match="pushed_authorization_request_endpoint"):
        crank(client(chance).depart(CALLBACK, STATE, NONCE, VERIFIER, {}), provider.answer)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(404, {}), id="not there"),
        pytest.param(reply(500, {}), id="broken"),
        pytest.param(reply(400, {"error": "invalid_request"}), id="refused"),
        pytest.param(ProviderUnavailable("idp", "ConnectError"), id="cut off"),
    ],
)
def test_case25_whoever_breaks_the_push_does_not_get_the_plain_request(chance, provider, answer):
    """The failure ends the login; the next one pushes again."""
    provider.instead["/par"] = [answer]
    oidc = client(chance)
    with pytest.raises(ProviderFault):
        crank(oidc.depart(CALLBACK, STATE, NONCE, VERIFIER, {}), provider.answer)

    url = crank(oidc.depart(CALLBACK, STATE, NONCE, VERIFIER, {}), provider.answer).url

    assert not SECRETS_OF_A_REQUEST & set(parse_qs(urlsplit(url).query))


def test_case24_a_replayed_assertion_is_refused_and_ours_never_is(chance, provider):
    """Whoever sees an assertion on its way can do nothing with it: it has been used up by the request that carried it."""
    oidc = client(chance)
    grant = arrive(oidc, provider, come_back(oidc, provider)).grant
    seen = [ask for ask in provider.asked if "client_assertion" in (ask.form or {})]

    assert [provider.answer(ask).status for ask in seen] == [401] * len(seen)
    crank(oidc.revoke(grant), provider.answer)


def test_case24_an_assertion_is_over_after_a_minute(chance, provider):
    """One that was held back on its way is worth nothing either."""
    oidc = client(chance)
    arrival = come_back(oidc, provider)
    flow = oidc.arrive(arrival, int(chance.clock()))
    ask = next(flow)
    while ask.form is None:
        ask = flow.send(provider.answer(ask))
    flow.close()
    chance.clock.advance(60)

    assert provider.answer(ask).status == 401


def test_case25_an_assertion_for_another_server_is_refused(chance, provider):
    """A server that has us sign for it cannot use that elsewhere: each assertion names the one it is for.

    The attack on RFC 7523's old audience: evil's metadata name the honest server's token endpoint, so that an assertion
    made for an endpoint would be good there.
    """
    evil = ScriptedProvider(chance.clock, issuer="https://evil.example")
    evil.metadata = {"token_endpoint": "https://idp.example.test/token"}
    oidc = client(chance, issuer="https://evil.example")
    back = evil.sign_in(crank(oidc.depart(CALLBACK, STATE, NONCE, VERIFIER, {}), evil.answer).url)
    arrival = Arrival(back["code"], back["iss"], NONCE, VERIFIER, CALLBACK)

    def answer(ask):
        return (provider if ask.url.startswith(provider.issuer) else evil).answer(ask)

    with pytest.raises(ProviderMisconfigured, match="invalid_client"):
        crank(oidc.arrive(arrival, int(chance.clock())), answer)

    carried = provider.asked[-1].form["client_assertion"]
    assert jwt.decode(carried, options={"verify_signature": False})["aud"] == "https://evil.example"


@pytest.mark.parametrize("states", [True, False, None], ids=repr)
def test_case14_strict_takes_no_callback_without_iss(chance, provider, states):
    """Whatever the metadata promises (RFC 9207): it is refused before the code goes anywhere."""
    provider.metadata["authorization_response_iss_parameter_supported"] = states
    oidc = client(chance)
    arrival = replace(come_back(oidc, provider), issuer=None)
    before = provider.paths().count("/token")

    with pytest.raises(ProviderLied, match="iss"):
        crank(oidc.check_arrival(arrival), provider.answer)
    with pytest.raises(ProviderLied, match="iss"):
        arrive(oidc, provider, arrival)

    assert provider.paths().count("/token") == before


def test_case14_a_callback_of_nobody_raises_no_alarm(chance, provider):
    """Anybody can send one, so that nothing in it may wake the operator."""
    oidc = client(chance)
    arrival = replace(come_back(oidc, provider), issuer=None)

    with pytest.raises(ProviderLied) as caught:
        arrive(oidc, provider, arrival)

    assert caught.value.remedy == ""


@pytest.mark.parametrize("sign", ["none", "hs256_public_key", "bad"])
def test_case19_strict_refuses_a_forged_signature(chance, provider, sign):
    """As standard does."""
    provider.sign = sign
    oidc = client(chance)

    with pytest.raises(ProviderLied, match="id_token"):
        arrive(oidc, provider, come_back(oidc, provider))


@pytest.mark.parametrize("offered", [["ES256", "RS256"], ["RS256"], ["none", "HS256", "RS256"]], ids=repr)
def test_case19_metadata_cannot_widen_what_is_pinned(chance, provider, offered):
    """The provider signs with RS256, as its document says; the section has ES256 alone."""
    provider.metadata["id_token_signing_alg_values_supported"] = offered
    oidc = client(chance, algorithms=["ES256"])

    with pytest.raises(ProviderLied, match="id_token: alg"):
        arrive(oidc, provider, come_back(oidc, provider))


def test_case19_metadata_cannot_talk_strict_into_another_family(chance, provider):
    """RS512 is in nobody's profile, and standard would take it."""
    provider.metadata["id_token_signing_alg_values_supported"] = ["RS256", "RS512"]
    provider.header = {"alg": "RS512"}
    oidc = client(chance)

    with pytest.raises(ProviderLied, match="id_token: alg"):
        arrive(oidc, provider, come_back(oidc, provider))
