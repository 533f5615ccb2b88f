"""The verifiers that docs/assertion.md shows: each runs as it stands there, against good and hostile assertions."""

import hmac
import json
import random
import re
import secrets
import time
from base64 import b64encode
from dataclasses import dataclass, field

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.identity.assertion import TYP, assertion_claims
from gateway.keys.jwks import public_jwks, sign
from gateway.keys.keyring import Keyring
from gateway.keys.signing_key import SigningKey
from tests.kit.issuer import new_key, part, public
from tests.kit.people import person
from tests.kit.servers import ROOT
from tests.kit.verifiers import AUDIENCE, ISSUER, KINDS, NO_COOLDOWN, SOURCES, KeyServer, start

# Of the group of P-256: r and s must be less (FIPS 186-5 section 6.4.2).
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551.to_bytes(32, "big")
# Controls cannot stand in a header line at all.
VISIBLE = bytes(byte if byte > 0x20 and byte != 0x7F else 0xE9 for byte in range(256))
PAGE = ROOT / "docs" / "assertion.md"
ENCRYPTING = SigningKey.generate(secrets.token_bytes, 0, "active")
# What a key set may hold beside the gateway's keys: a verifier skips it (RFC 7517 section 5).
FOREIGN_KEYS = [
    *public(new_key("RSA"), use="sig")["keys"],
    *public(new_key("P-384"), use="sig")["keys"],
    ENCRYPTING.public_jwk() | {"use": "enc"},
    {"kty": "unheard-of", "kid": "k1"},
    "not a key",
]


def test_the_page_shows_the_files_that_are_tested():
    """Every source stands on the page, character by character, under a link to its file."""
    text = PAGE.read_text(encoding="utf-8")

    shown = dict(re.findall(r"\]\(verifiers/([^)\n]+)\)[^\n]*\n\n```\w+\n(.*?)```\n", text, re.DOTALL))

    files = [path for path in SOURCES.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert shown == {str(path.relative_to(SOURCES)): path.read_text(encoding="utf-8") for path in files}


# -- tokens --------------------------------------------------------------------------------------------------------


def new_ring():
    return Keyring.generate(secrets.token_bytes, time.time())


def published(ring):
    return {"keys": [*FOREIGN_KEYS, *public_jwks(ring)["keys"]]}


def der_signature(private, text):
    return private.sign(text.encode(), ECDSA(SHA256()))


def raw_signature(private, text):
    r, s = decode_dss_signature(der_signature(private, text))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass
class Forger:
    """Makes assertions: by the gateway's own ring, which an attacker cannot, and by a key of the attacker."""

    ring: Keyring
    keys_url: str
    evil: SigningKey = field(default_factory=lambda: SigningKey.generate(secrets.token_bytes, 0, "active"))

    @property
    def real(self):
        return self.ring.signer.private

    @property
    def header(self):
        return {"alg": "ES256", "typ": TYP, "kid": self.ring.signer.kid}

    def claims(self, **changed):
        claims = assertion_claims(
            person(),
            session="abc",
            issuer=ISSUER,
            audience=AUDIENCE,
            now=time.time(),
            lifetime=300,
            session_end=time.time() + 86_400,
        )
        return {name: value for name, value in (claims | changed).items() if value is not None}

    def good(self, **changed):
        """Signed as the gateway signs; a claim given as `None` is left out."""
        return sign(self.ring, self.claims(**changed), TYP)

    def made(self, private=None, payload=None, signature=raw_signature, **header):
        """Signed by the gateway's key or another, under any header; a member given as `None` is left out."""
        header = {name: value for name, value in (self.header | header).items() if value is not None}
        text = f"{part(header)}.{part(self.claims() if payload is None else payload)}"
        return f"{text}.{part(signature(private or self.real, text))}"

    def resigned(self, change):
        """The good token with its signature changed."""
        text = self.good().rpartition(".")[0]
        return f"{text}.{part(change(raw_signature(self.real, text)))}"

    def public_forms(self):
        """The public key in every form that could be taken for a shared secret."""
        public = self.real.public_key()
        return {
            "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "point": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            "jwk": json.dumps(self.ring.signer.public_jwk()).encode(),
        }

    def hs256(self, form):
        secret = self.public_forms()[form]
        return self.made(signature=lambda _, text: hmac.digest(secret, text.encode(), "sha256"), alg="HS256")

    def certificate(self):
        """A chain that certifies the attacker's key, as x5c wants it; nobody should look at it."""
        key = self.evil.private.public_key()
        return [b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()]

    def junk(self, seed):
        noise = random.Random(seed)
        return ".".join(part(noise.randbytes(noise.randrange(1, 1500))) for _ in range(3))


HOSTILE = {
    # Claims, under the gateway's own signature.
    "another-audience": lambda f: f.good(aud="other.example.com"),
    "a-list-of-audiences": lambda f: f.good(aud=[AUDIENCE, "other.example.com"]),
    "an-audience-that-begins-alike": lambda f: f.good(aud=f"{AUDIENCE}.evil.example"),
    "an-empty-audience": lambda f: f.good(aud=""),
    "no-audience": lambda f: f.good(aud=None),
    "another-issuer": lambda f: f.good(iss="https://auth.evil.example"),
    "an-issuer-that-begins-alike": lambda f: f.good(iss=f"{ISSUER}.evil.example"),
    "a-part-of-the-issuer": lambda f: f.good(iss="https://auth"),
    "no-issuer": lambda f: f.good(iss=None),
    "nobody": lambda f: f.good(sub=None),
    "an-empty-subject": lambda f: f.good(sub=""),
    "expired": lambda f: f.good(iat=int(time.time()) - 400, exp=int(time.time()) - 100),
    "expired-just-over-the-leeway": lambda f: f.good(exp=int(time.time()) - 31),
    "no-end": lambda f: f.good(exp=None),
    "an-end-that-is-text": lambda f: f.good(exp="tomorrow"),
    "from-the-future": lambda f: f.good(iat=int(time.time()) + 600, exp=int(time.time()) + 900),
    "no-time-of-issue": lambda f: f.good(iat=None),
    "claims-that-are-a-list": lambda f: f.made(payload=[1]),
    "claims-that-are-no-json": lambda f: f.made(payload=b"{"),
    # Another use of the same key.
    "typ-of-an-access-token": lambda f: f.made(typ="at+jwt"),
    "typ-of-any-token": lambda f: f.made(typ="JWT"),
    "no-typ": lambda f: f.made(typ=None),
    "typ-that-is-a-list": lambda f: f.made(typ=[TYP]),
    "crit": lambda f: f.made(crit=["urn:example"], **{"urn:example": 1}),
    "b64": lambda f: f.made(b64=False, crit=["b64"]),
    # The algorithm.
    "alg-none": lambda f: f.made(alg="none", signature=lambda *_: b""),
    "alg-none-with-the-signature-kept": lambda f: f.made(alg="none"),
    "alg-none-in-other-letters": lambda f: f.made(alg="nOnE", signature=lambda *_: b""),
    "no-alg": lambda f: f.made(alg=None),
    "alg-es384": lambda f: f.made(alg="ES384"),
    "hs256-with-the-pem": lambda f: f.hs256("pem"),
    "hs256-with-the-der": lambda f: f.hs256("der"),
    "hs256-with-the-point": lambda f: f.hs256("point"),
    "hs256-with-the-jwk": lambda f: f.hs256("jwk"),
    # The key.
    "no-kid": lambda f: f.made(kid=None),
    "another-kid": lambda f: f.made(kid="unknown"),
    "kid-of-a-foreign-key": lambda f: f.made(kid="k1"),
    "a-key-for-another-use": lambda f: f.made(ENCRYPTING.private, kid=ENCRYPTING.kid),
    "kid-of-another-key-of-ours": lambda f: f.made(kid=f.ring.assertion[0].kid),
    "kid-that-every-object-has": lambda f: f.made(kid="__proto__"),
    "kid-that-is-a-list": lambda f: f.made(kid=[f.ring.signer.kid]),
    "kid-that-is-a-path": lambda f: f.made(kid="../../../../dev/null"),
    # The signature.
    "no-signature": lambda f: f.resigned(lambda _: b""),
    "a-truncated-signature": lambda f: f.resigned(lambda raw: raw[:-1]),
    "half-a-signature": lambda f: f.resigned(lambda raw: raw[:32]),
    "a-longer-signature": lambda f: f.resigned(lambda raw: raw + b"\0"),
    "a-signature-in-der": lambda f: f.made(signature=der_signature),
    "a-signature-of-zeros": lambda f: f.resigned(lambda _: bytes(64)),
    "a-signature-with-a-zero-between": lambda f: f.resigned(lambda raw: raw[:32] + b"\0" + raw[32:]),
    "r-and-s-of-the-order": lambda f: f.resigned(lambda _: ORDER + ORDER),
    "r-and-s-swapped": lambda f: f.resigned(lambda raw: raw[32:] + raw[:32]),
    "one-bit-flipped": lambda f: f.resigned(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
    "other-claims-under-the-signature": lambda f: swapped(f.good(), f.good(sub="corp:8"), 1),
    "another-header-under-the-signature": lambda f: swapped(f.good(), f.made(more=1), 0),
    # The form.
    "two-tokens-in-one-line": lambda f: f"{f.good()}, {f.good()}",
    "two-parts": lambda f: f.good().rpartition(".")[0],
    "four-parts": lambda f: f"{f.good()}.{part(b'x')}",
    "padding": lambda f: f"{f.good()}=",
    "a-scheme-in-front": lambda f: f"Bearer {f.good()}",
    "a-header-that-is-null": lambda f: f"{part(b'null')}.{f.good().partition('.')[2]}",
    "a-header-that-is-a-list": lambda f: f"{part([])}.{f.good().partition('.')[2]}",
    "a-header-nested-deeply": lambda f: f"{part(b'[' * 4000)}.{part(b'{}')}.{part(bytes(64))}",
    "a-number-of-thousands-of-digits": lambda f: f.made(payload=b'{"exp":' + b"9" * 5000 + b"}"),
    "bytes-outside-ascii": lambda f: random.Random(1).randbytes(600).translate(VISIBLE),
    "nothing": lambda f: "",
    "only-dots": lambda f: "..",
    **{f"junk-{seed}": lambda f, seed=seed: f.junk(seed) for seed in range(5)},
}
ALBEAST = {
    "the-attackers-key-under-our-kid": lambda f: f.made(f.evil.private),
    "the-attackers-key-for-another-audience": lambda f: f.made(
        f.evil.private, payload=f.claims(aud="other.example.com")
    ),
    "our-key-for-another-audience": lambda f: f.good(aud="other.example.com"),
    "the-attackers-own-kid": lambda f: f.made(f.evil.private, kid=f.evil.kid),
    "jku": lambda f: f.made(f.evil.private, kid=f.evil.kid, jku=f"{f.keys_url}/evil.json"),
    "jku-under-our-kid": lambda f: f.made(f.evil.private, jku=f"{f.keys_url}/evil.json"),
    "jwk": lambda f: f.made(f.evil.private, kid=f.evil.kid, jwk=f.evil.public_jwk()),
    "jwk-under-our-kid": lambda f: f.made(f.evil.private, jwk=f.evil.public_jwk()),
    "jwk-without-kid": lambda f: f.made(f.evil.private, kid=None, jwk=f.evil.public_jwk()),
    "x5u": lambda f: f.made(f.evil.private, kid=f.evil.kid, x5u=f"{f.keys_url}/evil.json"),
    "x5c": lambda f: f.made(f.evil.private, kid=f.evil.kid, x5c=f.certificate()),
    "kid-that-is-an-address": lambda f: f.made(f.evil.private, kid=f"{f.keys_url}/evil.json"),
    "iss-that-is-an-address-of-the-attacker": lambda f: f.made(
        f.evil.private, kid=f.evil.kid, payload=f.claims(iss=f.keys_url)
    ),
}


def swapped(token, other, index):
    """`token` with one part of another."""
    parts = token.split(".")
    parts[index] = other.split(".")[index]
    return ".".join(parts)


# -- what runs -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ring():
    """Its first key is retired, its second signs, its third will."""
    return new_ring().rotated(secrets.token_bytes, time.time())


@pytest.fixture(scope="module")
def keys(ring):
    server = KeyServer()
    server.sets["/jwks.json"] = published(ring)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def forger(ring, keys):
    forger = Forger(ring, keys.url)
    keys.sets["/evil.json"] = {"keys": [forger.evil.public_jwk()]}
    return forger


@pytest.fixture(scope="module", params=KINDS)
def application(request, keys, forger, tmp_path_factory):
    """One that has seen a good assertion, so that it holds the keys."""
    application = start(request.param, tmp_path_factory.mktemp(request.param), keys)
    try:
        assert application.ask(forger.good()).status_code == 200
        yield application
    finally:
        application.process.stop()


@pytest.fixture
def own_keys():
    server = KeyServer()
    yield server
    server.stop()


@pytest.fixture
def started(own_keys, tmp_path):
    """Start one with a key server of its own."""
    running = []

    def begin(kind, *changes):
        running.append(start(kind, tmp_path, own_keys, *changes))
        return running[-1]

    yield begin
    for application in running:
        application.process.stop()


def person_of(application, answer):
    """Who the application believes is asking."""
    if application.kind == "njs":  # it passes the request on, and what is behind tells its headers
        headers = {name.lower(): value for name, value in answer.json()["headers"]}
        return headers["x-auth-subject"], headers["x-auth-user"]
    return answer.json()["sub"], answer.json()["preferred_username"]


# -- the matrix ----------------------------------------------------------------------------------------------------


@pytest.mark.live
def test_a_good_assertion_is_accepted(application, forger):
    """And says who is asking."""
    answer = application.ask(forger.good())

    assert answer.status_code == 200
    assert person_of(application, answer) == ("corp:7", "user-7")


@pytest.mark.live
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"exp": 25}, id="clocks-apart"),
        pytest.param({"name": "Zoë 王 😀", "groups": ["a,b", "Gruppe ü"]}, id="any-letters"),
        pytest.param({"preferred_username": None, "email": None, "email_verified": None}, id="little-known"),
        pytest.param({"of-a-later-release": {"a": [1]}}, id="unknown-claims"),
    ],
)
def test_what_a_gateway_may_say_is_accepted(application, forger, changed):
    """Clocks may differ by half a minute, names are in any script, claims come and go."""
    if "exp" in changed:
        changed = {"exp": int(time.time()) - changed["exp"]}

    assert application.ask(forger.good(**changed)).status_code == 200


@pytest.mark.live
@pytest.mark.parametrize("state", ["retired", "active", "next"])
def test_every_published_key_is_accepted_without_a_fetch(application, forger, ring, keys, state):
    """So a rotation is not noticed: the key that signs next was published before."""
    key = next(key for key in ring.assertion if key.state == state)
    before = keys.fetches

    answer = application.ask(forger.made(key.private, kid=key.kid))

    assert answer.status_code == 200
    assert keys.fetches == before


@pytest.mark.live
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_assertion_is_rejected(application, forger, make):
    """By 401, whatever it is: neither a fault of the application nor of the key server."""
    assert application.ask(make(forger)).status_code == 401


@pytest.mark.live
@pytest.mark.parametrize("make", ALBEAST.values(), ids=ALBEAST)
def test_t48_an_assertion_of_the_attackers_own_key_is_rejected(application, forger, keys, make):
    """ALBeast: neither another's audience, nor our kid, nor a key that the token brings along or points to."""
    answer = application.ask(make(forger))

    assert answer.status_code == 401
    assert "/evil.json" not in keys.asked


@pytest.mark.live
def test_no_assertion_or_two_are_rejected(application, forger):
    """Plain identity headers are not proof of anything."""
    forged = [("X-Auth-User", "root"), ("X-Auth-Subject", "corp:1")]

    assert application.ask(headers=forged).status_code == 401
    assert application.ask(forger.good(), forger.good()).status_code == 401
    assert application.ask("", forger.good()).status_code == 401


@pytest.mark.live
def test_invented_kids_do_not_become_fetches(application, forger, keys):
    """The cooldown holds however many there are."""
    before = keys.fetches

    answers = {application.ask(forger.made(kid=f"kid-{number}")).status_code for number in range(50)}

    assert answers == {401}
    assert keys.fetches <= before + 1  # the one that is due once in 30 seconds


@pytest.mark.live
@pytest.mark.parametrize("application", ["njs"], indirect=True)
def test_an_application_behind_njs_gets_what_was_proven(application, forger):
    """A client cannot write an identity header beside a good assertion; body and query pass."""
    forged = [("X-Auth-User", "root"), ("X-Auth-Subject", "corp:1"), ("X-Auth-Groups", "admin")]

    answer = application.ask(
        forger.good(preferred_username="Zoë\r\nX-Auth-Groups: admin"), headers=forged, content=b"body"
    )

    told = answer.json()
    identity = {name.lower(): value for name, value in told["headers"] if name.lower().startswith("x-auth")}
    assert identity.pop("x-auth-assertion")
    assert identity == {
        "x-auth-subject": "corp:7",
        "x-auth-user": "Zo%C3%AB%0D%0AX-Auth-Groups:%20admin",
    }
    assert told["body"] == "body"


@pytest.mark.live
@pytest.mark.parametrize("application", ["njs"], indirect=True)
def test_the_places_behind_njs_are_not_for_clients(application):
    """Neither the key set nor the way past the check has an address."""
    addresses = [
        f"http://127.0.0.1:{application.port}{path}" for path in ("/assertion-keys", "/@application")
    ]

    assert [httpx.get(address, trust_env=False).status_code for address in addresses] == [404, 401]


# -- the key set ---------------------------------------------------------------------------------------------------


@pytest.mark.live
@pytest.mark.parametrize("kind", NO_COOLDOWN)
def test_keys_that_were_replaced_are_learnt_and_old_ones_forgotten(started, own_keys, kind):
    """Once the cooldown is over, here at once."""
    old, new = Forger(new_ring(), own_keys.url), Forger(new_ring(), own_keys.url)
    application = started(kind, NO_COOLDOWN[kind])

    own_keys.sets["/jwks.json"] = published(old.ring)
    assert application.ask(old.good()).status_code == 200
    own_keys.sets["/jwks.json"] = published(new.ring)

    assert application.ask(new.good()).status_code == 200
    assert application.ask(old.good()).status_code == 401


@pytest.mark.live
@pytest.mark.parametrize("kind", NO_COOLDOWN)
@pytest.mark.parametrize(
    "broken", [{"keys": 7}, [], {"keys": [{"kty": "EC", "crv": "P-256", "use": "sig"}]}, None]
)
def test_known_keys_outlive_an_outage_of_the_key_set(started, own_keys, kind, broken):
    """And an answer that is no key set; what is unknown stays rejected."""
    forger = Forger(new_ring(), own_keys.url)
    application = started(kind, NO_COOLDOWN[kind])
    own_keys.sets["/jwks.json"] = published(forger.ring)
    assert application.ask(forger.good()).status_code == 200

    own_keys.sets["/jwks.json"] = broken
    own_keys.status = 200 if broken is not None else 500

    assert application.ask(forger.made(kid="unknown")).status_code == 401
    assert application.ask(forger.good()).status_code == 200
    assert own_keys.fetches >= 2


@pytest.mark.live
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [302, 404, 500])
def test_without_a_key_set_nobody_passes(started, own_keys, kind, status):
    """503, so that it is seen as an outage; and a redirect is not followed."""
    forger = Forger(new_ring(), own_keys.url)
    own_keys.sets["/evil.json"] = published(forger.ring)
    own_keys.status = status
    application = started(kind)

    assert application.ask(forger.good()).status_code == 503
    assert own_keys.asked == ["/jwks.json"]
