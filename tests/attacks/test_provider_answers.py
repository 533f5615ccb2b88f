"""Forged, foreign and broken answers of an identity provider; and a callback that was never ours."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from gateway.errors import NotAllowed, ProviderLied, ProviderMisconfigured, ProviderUnavailable
from gateway.identity.identity import Identity
from gateway.providers.admission import Admission
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Arrival
from gateway.sessions.session import Grant
from gateway.settings.model import OidcProvider
from tests.kit.clock import Clock
from tests.kit.scripted_provider import LIES, Key, ScriptedProvider, crank, reply

CALLBACK = "https://auth.example.com/auth/idp/callback"
NONCE, VERIFIER, STATE = "n" * 43, "v" * 43, "s" * 43


def section(**changes):
    values = {
        "issuer": "https://idp.example.test",
        "client_id": "gateway",
        "client_secret": SecretStr("s3cr3t: +ü"),
        "anyone": True,
    }
    return OidcProvider.model_validate(values | changes)


@pytest.fixture
def provider():
    return ScriptedProvider(Clock())


def come_back(client, provider):
    departure = crank(client.depart(CALLBACK, STATE, NONCE, VERIFIER, {}), provider.answer)
    back = provider.sign_in(departure.url)
    return Arrival(back["code"], back["iss"], NONCE, VERIFIER, CALLBACK)


def sign_in(provider, client=None, **changes):
    client = client or Oidc(section(), "idp", several=False)
    arrival = replace(come_back(client, provider), **changes)
    return crank(client.arrive(arrival, int(provider.clock())), provider.answer)


@pytest.mark.parametrize("sign", ["none", "hs256_public_key", "bad"])
def test_t35_w29_a_forged_signature_is_refused(provider, sign):
    """`alg: none`, HS256 keyed with the public key, and a stranger's key (CVE-2016-10555)."""
    provider.sign = sign

    with pytest.raises(ProviderLied, match="id_token"):
        sign_in(provider)


@pytest.mark.parametrize("offered", [["none"], ["HS256"], ["none", "HS256", "RS256"]], ids=repr)
@pytest.mark.parametrize("sign", ["none", "hs256_public_key"])
def test_t35_a_provider_cannot_talk_us_into_a_weak_algorithm(provider, offered, sign):
    """Its metadata can narrow our list, never widen it."""
    provider.metadata = {"id_token_signing_alg_values_supported": offered}
    provider.sign = sign

    with pytest.raises(ProviderLied):
        sign_in(provider)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"alg": None}, id="no alg"),
        pytest.param({"alg": "nOnE"}, id="none in another case"),
        pytest.param({"alg": "RS512"}, id="an algorithm that the provider does not name"),
        pytest.param({"alg": ["RS256"]}, id="alg as a list"),
        pytest.param({"crit": ["exp"]}, id="a critical extension"),
        pytest.param({"typ": "at+jwt"}, id="an access token"),
        pytest.param({"typ": "logout+jwt"}, id="a logout token"),
        pytest.param({"kid": "../../etc/passwd"}, id="kid as a path"),
        pytest.param({"kid": "k1' OR '1'='1"}, id="kid as SQL"),
        pytest.param({"kid": 1}, id="kid as a number"),
        pytest.param({"kid": "k2", "jku": "https://evil.example/keys"}, id="keys from elsewhere"),
        pytest.param({"kid": "mallory", "jwk": Key("mallory").jwk}, id="a key inside the token"),
    ],
)
def test_t35_w29_case19_a_token_does_not_choose_how_it_is_verified(provider, header):
    """RFC 8725: algorithm, type and key are ours to name."""
    provider.header = header

    with pytest.raises(ProviderLied, match="id_token"):
        sign_in(provider)

    assert all(ask.url.startswith(provider.issuer) for ask in provider.asked)


@pytest.mark.parametrize("lie", sorted(LIES))
def test_t36_w29_a_well_signed_token_of_another_purpose_is_refused(provider, lie):
    """A good signature says who wrote it, not for whom, for when, or for which login."""
    provider.lie = lie

    with pytest.raises(ProviderLied, match=r"id_token|sub"):
        sign_in(provider)


def test_t36_case20_a_token_for_us_among_others_is_good_when_it_names_us(provider):
    """Rule 4 of Core section 3.1.3.7: `azp` is the one it was issued to."""
    provider.claims = {"aud": ["gateway", "another-client"], "azp": "gateway"}

    assert sign_in(provider).identity.subject == "u-1"


def test_t34_an_encrypted_or_oversized_token_is_refused_unread(provider):
    """Five parts are a JWE, maybe a deflate bomb; a megabyte is no ID token."""
    for token in ("e30.e30.e30.e30.e30", "e30." + "A" * 900_000 + ".AA"):
        provider.token_extra = {"id_token": token}

        with pytest.raises(ProviderLied, match="id_token"):
            sign_in(provider)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"sub": "u-2"}, id="another person"),
        pytest.param({"iss": "https://evil.example"}, id="another issuer"),
        pytest.param({"aud": ["another-client"]}, id="another audience"),
        pytest.param(None, id="bad signature"),
    ],
)
def test_t37_case15_a_refreshed_token_that_lies_changes_no_claim(provider, claims):
    """The new access token is kept, the identity stays, and the operator hears of it."""
    client = Oidc(section(), "idp", several=False)
    signed_in = sign_in(provider, client)
    provider.claims = {**(claims or {}), "groups": ["admins"], "preferred_username": "root"}
    provider.sign = "good" if claims else "bad"

    refreshed = crank(
        client.refresh(signed_in.grant, signed_in.identity, int(provider.clock())), provider.answer
    )

    assert refreshed.identity is None
    assert refreshed.grant.access_token != signed_in.grant.access_token
    assert "verification failed" in refreshed.alarm


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("a\r\nX-Role: admin", id="line break"),
        pytest.param("a\rX-Role: admin", id="lone CR"),
        pytest.param("a\u2028b", id="line separator"),
        pytest.param("a\x00b", id="NUL"),
        pytest.param("a\x85b", id="next line"),
        pytest.param("\u202enimda", id="text turned around"),
        pytest.param("\ud800", id="half a surrogate pair"),
        pytest.param("a" * 16_384, id="16 KB"),
    ],
)
def test_t07_a_claim_that_could_become_two_headers_is_no_claim(provider, value):
    """Such a name counts as absent, and such a user ends the login."""
    provider.in_userinfo_only = frozenset({"name", "groups", "email"})
    provider.userinfo = {"name": value, "groups": [value, "staff"], "email": value}

    identity = sign_in(provider).identity

    assert (identity.name, identity.groups, identity.email) == ("", ("staff",), "")

    provider.in_userinfo_only = frozenset({"preferred_username"})
    provider.userinfo = {"preferred_username": value}
    with pytest.raises(ProviderLied, match="preferred_username"):
        sign_in(provider)


@pytest.mark.parametrize("parameters", [{"code": ""}, {"verifier": ""}, {"nonce": ""}], ids=repr)
def test_w34_an_empty_secret_never_equals_an_empty_secret(provider, parameters):
    """CVE-2026-61687: what was cleared must not be met by what was never sent."""
    provider.claims = {"nonce": ""}

    with pytest.raises(ProviderLied):
        sign_in(provider, **parameters)


@pytest.mark.parametrize(
    "email",
    [
        "attacker@evil.test@example.com",
        "x@example.com@evil.test",
        '"a@example.com"@evil.test',
        "attacker@evil.test\x00@example.com",
        "attacker@evil.test＠example.com",
        "attacker@example.com.",
        "attacker@example.com.evil.test",
        "attacker@notexample.com",
        "attacker@sub.example.com",
        "attacker@ex\u0430mple.com",
        "attacker@evil.test,x@example.com",
        "<x@example.com>",
        "@example.com",
        "example.com",
        "x@",
        "",
        ["x@example.com"],
        {"address": "x@example.com"},
        7,
        None,
    ],
    ids=ascii,
)
def test_w8_o15_an_address_with_another_reading_meets_no_domain(provider, email):
    """GHSA-c5c4-8r6x-56w3: neither a second @ nor a look-alike is a member of the domain."""
    provider.person["email"] = email

    identity = sign_in(provider).identity

    with pytest.raises(NotAllowed):
        Admission.of(section(anyone=False, allow={"email_domains": ["example.com"]})).admit(identity)


def test_w8_an_unverified_address_meets_no_domain(provider):
    """Anybody can write anybody's address into a profile."""
    provider.person["email_verified"] = False

    identity = sign_in(provider).identity

    with pytest.raises(NotAllowed):
        Admission.of(section(anyone=False, allow={"email_domains": ["example.com"]})).admit(identity)


def test_w8_o15_upper_case_is_the_same_domain(provider):
    """The look-alikes fail by their shape, not because everything fails."""
    provider.person["email"] = "Alice@EXAMPLE.com"

    Admission.of(section(anyone=False, allow={"email_domains": ["example.com"]})).admit(
        sign_in(provider).identity
    )


def test_x11_nothing_is_asked_for_a_callback_of_another_issuer(provider):
    """The order is the protection: `iss` first, then the code goes out."""
    arrival = Arrival("code", "https://evil.example", NONCE, VERIFIER, CALLBACK)
    client = Oidc(section(), "idp", several=False)

    with pytest.raises(ProviderLied, match="iss"):
        crank(client.arrive(arrival, int(provider.clock())), provider.answer)

    assert provider.asked == []


def test_x9_a_rejected_client_is_told_apart_from_a_dead_grant(provider):
    """An expired client secret is no verdict on anybody's session."""
    client = Oidc(section(), "idp", several=False)
    alice = Identity(provider="idp", issuer=provider.issuer, subject="u-1", user="alice", authenticated_at=1)
    provider.client_secret = "rolled over"

    with pytest.raises(ProviderMisconfigured) as caught:
        crank(client.refresh(Grant(provider="idp", refresh_token="r"), alice, 1), provider.answer)

    assert not caught.value.terminal


def test_t35_a_key_set_that_is_none_is_refused(provider):
    """No keys, private keys and secrets among them verify nothing."""
    symmetric = {"kty": "oct", "kid": "k1", "k": "c2VjcmV0", "alg": "HS256"}
    for keys in ({"keys": []}, {"keys": [symmetric]}, {"keys": "k1"}, {}):
        provider.instead["/keys"] = [reply(200, keys), reply(200, keys)]

        with pytest.raises((ProviderLied, ProviderUnavailable)):
            sign_in(provider)
