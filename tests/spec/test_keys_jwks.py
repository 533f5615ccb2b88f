"""Signed tokens: made for others to verify, and verified however they are made."""

import json

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet as OtherKeySet
from joserfc.jwk import OctKey

from gateway.errors import TokenInvalid, UnknownKey
from gateway.keys.jwks import KeySet, Profile, public_jwks, sign, verify
from gateway.keys.keyring import Keyring
from tests.kit.issuer import new_key, part, public, token
from tests.kit.randomness import Randomness

NOW = 1_800_000_000
ISSUER = "https://idp.example.com"
CLAIMS = {"iss": ISSUER, "aud": "client", "sub": "7", "iat": NOW - 10, "exp": NOW + 300}
PROFILE = Profile(
    typ=None,
    algorithms=("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"),
    issuer=ISSUER,
    audience="client",
    required=("iss", "aud", "exp", "iat", "sub"),
    leeway=30,
)
RSA = new_key("RSA")
EC = new_key("P-256", kid="k2")
KEYS = KeySet.parse(public(RSA, EC))


def profile(**changed):
    kept = {name: getattr(PROFILE, name) for name in Profile.__slots__}
    return Profile(**kept | changed)


@pytest.fixture
def ring():
    return Keyring.generate(Randomness(), NOW)


def test_what_we_sign_another_library_verifies(ring):
    """By the published key set, kid and all."""
    signed = sign(ring, CLAIMS, "assertion+jwt")

    judged = jwt.decode(signed, OtherKeySet.import_key_set(public_jwks(ring)), algorithms=["ES256"])

    assert judged.claims == CLAIMS
    assert judged.header == {"alg": "ES256", "typ": "assertion+jwt", "kid": ring.signer.kid}


def test_the_key_set_shows_public_parts_of_every_state(ring):
    """next, active and retired, each with kid, use and alg, and nothing that could sign."""
    published = public_jwks(ring.rotated(Randomness("more"), NOW + 1))["keys"]

    assert len(published) == 3
    for key in published:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
        assert (key["use"], key["alg"]) == ("sig", "ES256")


def test_a_token_outlives_the_rotation_of_its_key(ring):
    """A retired key still verifies what it has signed."""
    signed = sign(ring, CLAIMS, "t")
    keys = KeySet.parse(public_jwks(ring.rotated(Randomness("more"), NOW + 1)))

    assert verify(signed, keys, PROFILE, NOW) == CLAIMS


@pytest.mark.parametrize(
    ("kind", "alg"),
    [
        ("RSA", "RS256"),
        ("RSA", "RS384"),
        ("RSA", "RS512"),
        ("RSA", "PS256"),
        ("P-256", "ES256"),
        ("P-384", "ES384"),
        ("Ed25519", "EdDSA"),
    ],
)
def test_each_algorithm_of_the_list_is_verified(kind, alg):
    """As another library signs it."""
    key = RSA if kind == "RSA" else new_key(kind)

    assert verify(token(key, CLAIMS, alg), KeySet.parse(public(key)), PROFILE, NOW) == CLAIMS


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        pytest.param({"iss": "https://evil.example"}, "iss", id="another-issuer"),
        pytest.param({"iss": ISSUER + "/"}, "iss", id="issuer-with-a-slash"),
        pytest.param({"iss": [ISSUER]}, "iss", id="issuer-in-a-list"),
        pytest.param({"aud": "other"}, "aud", id="another-audience"),
        pytest.param({"aud": ["other"]}, "aud", id="other-audiences"),
        pytest.param({"aud": ["client", 7]}, "aud", id="audience-that-is-a-number"),
        pytest.param({"aud": {"client": 1}}, "aud", id="audience-in-an-object"),
        pytest.param({"aud": "xclientx"}, "aud", id="audience-as-a-part"),
        pytest.param({"sub": 7}, "sub", id="subject-that-is-a-number"),
        pytest.param({"exp": NOW - 30}, "exp", id="expired-by-the-leeway"),
        pytest.param({"exp": "4000000000"}, "exp", id="expiry-in-a-string"),
        pytest.param({"exp": True}, "exp", id="expiry-true"),
        pytest.param({"nbf": NOW + 31}, "nbf", id="not-yet"),
        pytest.param({"nbf": "1"}, "nbf", id="not-before-in-a-string"),
        pytest.param({"iat": NOW + 31}, "iat", id="from-the-future"),
        pytest.param({"iat": True}, "iat", id="issued-at-true"),
        pytest.param({"iat": "now"}, "iat", id="issued-at-in-a-string"),
        *[
            pytest.param({name: None}, f"{name} is missing", id=f"without-{name}")
            for name in ("iss", "aud", "exp", "iat", "sub")
        ],
        pytest.param({"sub": ""}, "sub is missing", id="empty-subject"),
        pytest.param({"aud": []}, "aud is missing", id="no-audience"),
    ],
)
def test_a_claim_that_does_not_hold_is_named(changed, check):
    """One wrong claim of a well-signed token is enough, and the error says which."""
    claims = {name: value for name, value in (CLAIMS | changed).items() if value is not None}

    with pytest.raises(TokenInvalid) as raised:
        verify(token(RSA, claims), KEYS, PROFILE, NOW)

    assert raised.value.check == check


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"exp": NOW - 29}, id="expired-within-the-leeway"),
        pytest.param({"exp": NOW + 0.5}, id="a-fraction"),
        pytest.param({"nbf": NOW + 30}, id="not-before-within-the-leeway"),
        pytest.param({"iat": NOW + 30}, id="issued-within-the-leeway"),
        pytest.param({"aud": ["other", "client"]}, id="one-of-several-audiences"),
    ],
)
def test_clocks_may_differ_a_little_and_audiences_be_several(changed):
    """The leeway works in every direction."""
    assert verify(token(RSA, CLAIMS | changed), KEYS, PROFILE, NOW) == CLAIMS | changed


def test_an_infinite_expiry_is_none():
    """1e999 is valid JSON, and infinity to a parser."""
    endless = json.dumps(CLAIMS | {"exp": "X"}).replace('"X"', "1e999").encode()

    with pytest.raises(TokenInvalid, match="exp"):
        verify(token(RSA, endless), KEYS, PROFILE, NOW)


def test_a_leeway_over_a_minute_is_a_programming_error():
    """Clocks that differ by more are to be mended, not waited for."""
    with pytest.raises(ValueError, match="60"):
        profile(leeway=61)


@pytest.mark.parametrize(
    ("typ", "expected", "fits"),
    [
        pytest.param("at+jwt", {"at+jwt"}, True, id="same"),
        pytest.param("AT+JWT", {"at+jwt"}, True, id="case"),
        pytest.param("application/at+jwt", {"at+jwt"}, True, id="media-type"),
        pytest.param("JWT", {"at+jwt"}, False, id="another"),
        pytest.param(None, {"at+jwt"}, False, id="absent"),
        pytest.param(None, {"at+jwt", ""}, True, id="absent-and-allowed"),
        pytest.param(7, {"at+jwt", ""}, False, id="a-number"),
        pytest.param("anything", None, True, id="no-typ-in-this-use"),
    ],
)
def test_the_type_of_a_token_is_part_of_its_use(typ, expected, fits):
    """A token for one use does not pass in another."""
    use = profile(typ=None if expected is None else frozenset(expected))
    # The other library refuses to sign a header with a number in it: unsigned, it must fail at `typ` all the same.
    signed = (
        f"{part({'alg': 'RS256', 'kid': 'k1', 'typ': typ})}.{part(CLAIMS)}.{part(b'x')}"
        if isinstance(typ, int)
        else token(RSA, CLAIMS, typ=typ)
    )

    if fits:
        assert verify(signed, KEYS, use, NOW) == CLAIMS
    else:
        with pytest.raises(TokenInvalid, match="typ"):
            verify(signed, KEYS, use, NOW)


def test_without_a_kid_the_only_fitting_key_is_taken():
    """One RSA key and one EC key: the algorithm decides."""
    assert verify(token(RSA, CLAIMS, kid=None), KEYS, PROFILE, NOW) == CLAIMS
    assert verify(token(EC, CLAIMS, "ES256", kid=None), KEYS, PROFILE, NOW) == CLAIMS


def test_without_a_kid_two_fitting_keys_are_one_too_many():
    """Keys are never tried in turn."""
    keys = KeySet.parse(public(RSA, new_key("RSA", kid="k9")))

    with pytest.raises(UnknownKey):
        verify(token(RSA, CLAIMS, kid=None), keys, PROFILE, NOW)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(public(EC), id="no-such-kid"),
        pytest.param({"keys": []}, id="no-keys"),
        pytest.param(public(RSA, RSA), id="the-kid-twice"),
        pytest.param(public(new_key("P-256", kid="k1")), id="the-kid-on-another-kind-of-key"),
        pytest.param(public(RSA, alg="PS256"), id="a-key-for-another-algorithm"),
        pytest.param(public(RSA, use="enc"), id="a-key-for-encryption"),
        pytest.param(public(RSA, key_ops=["encrypt"]), id="a-key-that-may-not-verify"),
        pytest.param({"keys": [RSA.as_dict(private=True)]}, id="a-private-key"),
    ],
)
def test_a_key_that_does_not_fit_is_an_unknown_key(keys):
    """The caller may fetch the set anew: the issuer may have rotated."""
    with pytest.raises(UnknownKey):
        verify(token(RSA, CLAIMS), KeySet.parse(keys), PROFILE, NOW)


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param({"kty": "oct", "k": "c2VjcmV0"}, id="a-symmetric-key"),
        pytest.param({"kty": "AKP", "kid": "k1", "alg": "ML-DSA-44"}, id="a-kind-of-tomorrow"),
        pytest.param({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, id="another-curve"),
        pytest.param(
            {"kty": "EC", "crv": "P-256", "x": part(b"\1" * 32), "y": part(b"\2" * 32)}, id="off-curve"
        ),
        pytest.param({"kty": "EC", "crv": "P-256", "x": 7, "y": None}, id="coordinates-of-no-kind"),
        pytest.param({"kty": "RSA", "n": "AQAB"}, id="half-a-key"),
        pytest.param({"kty": "RSA", "n": "%%%", "e": "AQAB"}, id="no-base64"),
        pytest.param({"kty": ["RSA"]}, id="a-list-as-kind"),
        pytest.param({}, id="nothing"),
        pytest.param("key", id="a-string"),
        pytest.param(None, id="null"),
    ],
)
def test_a_key_that_we_cannot_use_is_skipped(foreign):
    """It spoils nothing for those beside it."""
    keys = KeySet.parse({"keys": [foreign, *public(RSA)["keys"]]})

    assert len(keys.keys) == 1
    assert verify(token(RSA, CLAIMS), keys, PROFILE, NOW) == CLAIMS


@pytest.mark.parametrize("bits", [1024, 2040])
def test_a_short_rsa_key_is_no_key(bits):
    """NIST SP 800-131A: 2048 bits or more."""
    weak = new_key("RSA", size=bits)

    with pytest.raises(UnknownKey):
        verify(token(weak, CLAIMS), KeySet.parse(public(weak)), PROFILE, NOW)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="no-keys-member"),
        pytest.param({"keys": {}}, id="keys-in-an-object"),
        pytest.param({"keys": [{}] * 101}, id="a-hundred-and-one"),
    ],
)
def test_what_is_no_key_set_is_refused(document):
    """It is the issuer's fault, and says so."""
    with pytest.raises(TokenInvalid, match="jwks"):
        KeySet.parse(document)


def test_a_symmetric_algorithm_verifies_nothing_even_when_it_is_allowed():
    """A profile that lists HS256 by mistake gives no way in."""
    secret = OctKey.import_key(b"x" * 32, {"kid": "k1"})

    with pytest.raises(TokenInvalid, match="alg"):
        verify(token(secret, CLAIMS, "HS256"), KEYS, profile(algorithms=("HS256", "none")), NOW)
