"""Signed tokens (RFC 7515, RFC 7519): the one place where a JWS is made or verified.

The library checks a signature and nothing else. It knows no `typ`, lets tokens without `exp` pass and only warns
of short RSA keys, so everything but the arithmetic is decided here and in `keys.claims`. The headers `jku`, `x5u`,
`jwk` and `x5c` are never read: a token does not choose the key that proves it (CVE-2018-0114).
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from functools import lru_cache
from re import ASCII
from re import compile as pattern
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jwt import PyJWS
from jwt.exceptions import PyJWTError

from gateway.errors import TokenInvalid, UnknownKey
from gateway.keys.claims import Profile, check_claims, check_typ
from gateway.keys.client_key import ClientKey
from gateway.keys.key_set import ALGORITHMS, KeySet
from gateway.keys.keyring import Keyring
from gateway.keys.strict_json import parse_object

__all__ = ["KeySet", "Profile", "public_jwks", "sign", "sign_access", "sign_by", "token_keys", "verify"]

MAX_TOKEN = 16_000
_COMPACT = pattern(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", ASCII)
_JSON = json.JSONEncoder(separators=(",", ":"))
_ES256 = ECDSA(SHA256())
_JWS = PyJWS(algorithms=list(ALGORITHMS), options={"enforce_minimum_key_length": True})


def sign(ring: Keyring, claims: Mapping[str, Any], typ: str) -> str:
    """An ES256 token by the active assertion key, named by its kid."""
    # Not by the library: it makes and encodes the header anew each time, a third of the cost. Others verify what comes
    # of it in the tests.
    signer = ring.signer
    signed = b"%b.%b" % (_head(signer.kid, typ), _segment(_JSON.encode(claims).encode()))
    # RFC 7518 section 3.4: R and S, 32 bytes each, and not the DER that the primitive gives.
    r, s = decode_dss_signature(signer.private.sign(signed, _ES256))
    signature = _segment(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"{signed.decode('ascii')}.{signature.decode('ascii')}"


def sign_by(key: ClientKey, algorithm: str, claims: Mapping[str, Any], typ: str) -> str:
    """A token by a key that a provider knows, with one of the key's own algorithms."""
    if algorithm not in key.algorithms:
        raise ValueError(f"an algorithm of the key: {', '.join(key.algorithms)}")
    header = {"typ": typ, "kid": key.kid}
    return _JWS.encode(_JSON.encode(claims).encode(), key.private, algorithm, header)


@lru_cache(16)  # keys and types are few
def _head(kid: str, typ: str) -> bytes:
    return _segment(_JSON.encode({"alg": "ES256", "typ": typ, "kid": kid}).encode())


def _segment(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def public_jwks(ring: Keyring) -> dict[str, Any]:
    """The JWK set to publish: public parts of every key that signs, the next and the retired ones included."""
    assertion = [key.public_jwk() for key in ring.assertion]
    return {"keys": [*assertion, *[key.public_jwk() for key in ring.tokens]]}


def token_keys(ring: Keyring) -> KeySet:
    """The keys that verify access tokens, and none that signs anything else (RFC 8725 section 3.9)."""
    return KeySet.parse({"keys": [key.public_jwk() for key in ring.tokens]})


def sign_access(ring: Keyring, claims: Mapping[str, Any], typ: str) -> str:
    """A token by the key that signs access tokens, with the algorithm of that key. Raises `KeyFault` without one."""
    signer = ring.token_signer
    header = {"typ": typ, "kid": signer.kid}
    return _JWS.encode(_JSON.encode(claims).encode(), signer.private, signer.algorithm, header)


def verify(token: str, keys: KeySet, profile: Profile, now: float) -> Mapping[str, Any]:
    """The claims of `token`, if it is signed by one of `keys` and is what `profile` demands at `now` (Unix seconds).

    Raises `UnknownKey` where no key fits (fetching the set anew may help), else `TokenInvalid`; its `check` names
    what failed.
    """
    header = _header(token)
    alg = _allowed_algorithm(header, profile)
    check_typ(header, profile)
    kid = _kid(header)
    key = keys.find(kid, alg)
    try:
        payload = _JWS.decode(token, key.public, algorithms=[alg])
    except (PyJWTError, ValueError):
        # A key without a name shows in nothing else that it has changed.
        raise (UnknownKey if kid is None else TokenInvalid)("signature") from None
    claims = _object(payload, "claims")
    check_claims(claims, profile, now)
    return claims


def _header(token: str) -> Mapping[str, Any]:
    # The cap comes first, and five parts (a JWE, maybe a deflate bomb) are refused before anything is decoded.
    if len(token) > MAX_TOKEN:
        raise TokenInvalid("size")
    if not _COMPACT.fullmatch(token):
        raise TokenInvalid("form")
    encoded = token.partition(".")[0]
    try:
        raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except NotBase64:
        raise TokenInvalid("header") from None
    header = _object(raw, "header")
    # RFC 7515 section 4.1.11: an extension that must be understood, and we understand none. `b64` (RFC 7797) without
    # `crit` is invalid too, and would have the library verify another payload.
    if "crit" in header or "b64" in header:
        raise TokenInvalid("crit")
    return header


def _allowed_algorithm(header: Mapping[str, Any], profile: Profile) -> str:
    # RFC 8725 section 3.1: the caller's list decides. `none` and HS* are in no list that this module knows.
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in profile.algorithms or alg not in ALGORITHMS:
        raise TokenInvalid("alg", f"{alg!r:.40}")
    return alg


def _kid(header: Mapping[str, Any]) -> str | None:
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise TokenInvalid("kid")
    return kid


def _object(raw: bytes, check: str) -> Mapping[str, Any]:
    try:
        return parse_object(raw)
    except ValueError:
        raise TokenInvalid(check) from None
