"""Forged tokens: every way in which a JWS has been talked into verifying."""

import json
import zlib

import pytest

from gateway.errors import TokenInvalid, UnknownKey
from gateway.identity.assertion import TYP
from gateway.keys.jwks import MAX_TOKEN, KeySet, Profile, public_jwks, sign, verify
from gateway.keys.keyring import Keyring
from tests.kit.issuer import hs256, new_key, part, public, token
from tests.kit.randomness import Randomness

NOW = 1_800_000_000
ISSUER = "https://idp.example.com"
CLAIMS = {"iss": ISSUER, "aud": "client", "sub": "7", "iat": NOW, "exp": NOW + 300}
PROFILE = Profile(typ=None, algorithms=("RS256", "ES256"), issuer=ISSUER, audience="client")
KEY = new_key("RSA")
EVIL = new_key("RSA")
KEYS = KeySet.parse(public(KEY))
GOOD = token(KEY, CLAIMS)
HEAD, BODY, SIGNATURE = GOOD.split(".")


def headed(**header):
    """The good token under another header, its signature kept."""
    return f"{part(header)}.{BODY}.{SIGNATURE}"


def test_the_good_token_is_good():
    """So that what follows fails for its own reason."""
    assert verify(GOOD, KEYS, PROFILE, NOW) == CLAIMS


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE", "", None, 0, ["RS256"], "rs256", "HS256"])
def test_t35_an_unsigned_token_or_an_algorithm_of_its_own_choice(alg):
    """`none` in every spelling, no `alg` at all, with and without the old signature."""
    header = {"kid": "k1"} if alg is None else {"alg": alg, "kid": "k1"}

    for forged in (headed(**header), f"{part(header)}.{BODY}."):
        with pytest.raises(TokenInvalid):
            verify(forged, KEYS, PROFILE, NOW)


def test_t35_hs256_with_the_public_key_as_its_secret():
    """Whoever knows the public key could sign, were the token believed about its algorithm."""
    for secret in (KEY.as_pem(private=False), KEY.as_der(private=False), json.dumps(public(KEY)).encode()):
        forged = hs256(secret, CLAIMS, "k1")

        with pytest.raises(TokenInvalid, match="alg"):
            verify(forged, KEYS, PROFILE, NOW)


def test_t35_an_unknown_kid_says_that_the_key_is_unknown_and_nothing_else():
    """The caller decides how often it fetches the set; a thousand kids are a thousand times the same error."""
    for number in range(1000):
        with pytest.raises(UnknownKey):
            verify(headed(alg="RS256", kid=f"kid-{number}"), KEYS, PROFILE, NOW)


@pytest.mark.parametrize(
    "kid", ["../../../dev/null", "k1' OR '1'='1", "k1\0", " k1", "K1", "", 1, ["k1"], {"k1": 1}, True]
)
def test_a_kid_is_a_name_and_never_a_path_or_a_pattern(kid):
    """It is compared, and that is all."""
    with pytest.raises(TokenInvalid):
        verify(headed(alg="RS256", kid=kid), KEYS, PROFILE, NOW)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"jwk": EVIL.as_dict(private=False)}, id="jwk"),
        pytest.param({"jku": "https://evil.example/jwks"}, id="jku"),
        pytest.param({"x5u": "https://evil.example/cert"}, id="x5u"),
        pytest.param({"x5c": ["AAAA"]}, id="x5c"),
    ],
)
def test_t48_a_token_does_not_bring_its_own_key(header):
    """Signed by the attacker's key, same kid and issuer, with a pointer to it (CVE-2018-0114)."""
    with pytest.raises(TokenInvalid, match="signature"):
        verify(token(EVIL, CLAIMS, **header), KEYS, PROFILE, NOW)


def test_t48_an_assertion_for_one_application_is_nothing_to_another():
    """ALBeast: a shared signer, and an audience that nobody checked."""
    ring = Keyring.generate(Randomness(), NOW)
    assertion = sign(ring, CLAIMS | {"aud": "app.example.com"}, TYP)
    keys = KeySet.parse(public_jwks(ring))
    use = {"typ": frozenset({TYP}), "algorithms": ("ES256",), "issuer": ISSUER}

    assert verify(assertion, keys, Profile(**use, audience="app.example.com"), NOW)
    with pytest.raises(TokenInvalid, match="aud"):
        verify(assertion, keys, Profile(**use, audience="other.example.com"), NOW)


def test_t48_an_assertion_is_no_access_token():
    """Same key, same issuer, same audience: the type keeps them apart."""
    ring = Keyring.generate(Randomness(), NOW)
    use = Profile(typ=frozenset({"at+jwt"}), algorithms=("ES256",), issuer=ISSUER, audience="client")

    with pytest.raises(TokenInvalid, match="typ"):
        verify(sign(ring, CLAIMS, TYP), KeySet.parse(public_jwks(ring)), use, NOW)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"crit": ["exp"]}, id="an-extension-we-do-not-know"),
        pytest.param({"crit": ["b64"], "b64": False}, id="an-unencoded-payload"),
        pytest.param({"crit": ["b64"], "b64": True}, id="b64-as-usual"),
        pytest.param({"b64": False}, id="b64-without-crit"),
        pytest.param({"crit": []}, id="an-empty-list"),
        pytest.param({"crit": None}, id="null"),
    ],
)
def test_an_extension_that_must_be_understood_is_refused(header):
    """RFC 7515 section 4.1.11."""
    with pytest.raises(TokenInvalid, match="crit"):
        verify(headed(alg="RS256", kid="k1", **header), KEYS, PROFILE, NOW)


@pytest.mark.parametrize("first", ["evil", "7"])
def test_a_claim_that_stands_twice_is_no_claim(first):
    """Two parsers would see two subjects (RFC 8725 section 2.4)."""
    doubled = json.dumps(CLAIMS).replace('"sub": "7"', f'"sub": "{first}", "sub": "7"').encode()

    with pytest.raises(TokenInvalid, match="claims"):
        verify(token(KEY, doubled), KEYS, PROFILE, NOW)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_does_not_know_is_no_claim(constant):
    """RFC 8259 section 6: other verifiers refuse what Python's parser would take."""
    odd = json.dumps(CLAIMS | {"level": 0}).replace('"level": 0', f'"level": {constant}').encode()

    with pytest.raises(TokenInvalid, match="claims"):
        verify(token(KEY, odd), KEYS, PROFILE, NOW)


def test_a_header_that_says_two_things_is_no_header():
    """The check reads one algorithm, the library another."""
    header = part(b'{"alg":"none","alg":"RS256","kid":"k1"}')

    with pytest.raises(TokenInvalid, match="header"):
        verify(f"{header}.{BODY}.{SIGNATURE}", KEYS, PROFILE, NOW)


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b'"x"', b"{", b"\xff", b'{"exp":NaN}', b"[" * 5000],
    ids=["empty", "null", "list", "string", "half", "not-utf-8", "nan", "deep"],
)
def test_a_signed_payload_that_is_no_object_is_refused(payload):
    """A good signature does not make it claims."""
    with pytest.raises(TokenInvalid):
        verify(token(KEY, payload), KEYS, PROFILE, NOW)


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param("", id="nothing"),
        pytest.param("..", id="two-dots"),
        pytest.param("a.b", id="two-parts"),
        pytest.param(f"{GOOD}.", id="a-dot-after-it"),
        pytest.param(f" {GOOD}", id="a-blank-before-it"),
        pytest.param(f"{GOOD}\n", id="a-line-feed-after-it"),
        pytest.param(f"{GOOD}=", id="padding"),
        pytest.param(f"{HEAD}.{BODY}+.{SIGNATURE}", id="the-other-alphabet"),
        pytest.param(f"{HEAD}.{BODY}.é", id="not-ascii"),
        pytest.param("A.A.A", id="one-character-parts"),
        pytest.param(f"{part([1])}.{BODY}.{SIGNATURE}", id="a-list-as-header"),
        pytest.param(json.dumps({"payload": BODY, "signatures": []}), id="json-serialisation"),
    ],
)
def test_what_is_no_compact_token_is_refused(junk):
    """Three parts of base64url, without padding, and nothing around them."""
    with pytest.raises(TokenInvalid):
        verify(junk, KEYS, PROFILE, NOW)


def test_t34_case31_a_deflate_bomb_is_refused_by_its_form():
    """An encrypted token has five parts; none of them is looked at."""
    bomb = zlib.compress(b"0" * 10_000_000)[2:-4]
    forged = ".".join(
        [part({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}), "", part(b"iv"), part(bomb), "x"]
    )

    with pytest.raises(TokenInvalid):
        verify(forged, KEYS, PROFILE, NOW)


def test_t34_a_token_over_the_cap_is_refused_before_it_is_read():
    """The cap comes first, whatever follows."""
    with pytest.raises(TokenInvalid, match="size"):
        verify(token(KEY, CLAIMS | {"pad": "x" * MAX_TOKEN}), KEYS, PROFILE, NOW)


def test_no_byte_of_a_token_can_be_changed():
    """A step through the whole token, one character at a time."""
    for position in range(0, len(GOOD), 7):
        other = "A" if GOOD[position] != "A" else "B"

        with pytest.raises(TokenInvalid):
            verify(GOOD[:position] + other + GOOD[position + 1 :], KEYS, PROFILE, NOW)


def test_w19_a_token_ends_when_its_time_is_over():
    """Thirty days later it is worth nothing, and one without an end never was."""
    endless = {name: value for name, value in CLAIMS.items() if name != "exp"}

    with pytest.raises(TokenInvalid, match="exp"):
        verify(GOOD, KEYS, PROFILE, NOW + 30 * 86_400)
    with pytest.raises(TokenInvalid, match="exp is missing"):
        verify(token(KEY, endless), KEYS, PROFILE, NOW)


def test_an_error_never_repeats_the_token():
    """A refused token may still be worth something elsewhere."""
    with pytest.raises(TokenInvalid) as raised:
        verify(GOOD, KEYS, PROFILE, NOW + 1000)

    assert SIGNATURE not in str(raised.value)
    assert BODY not in str(raised.value)
    assert raised.value.__cause__ is None
