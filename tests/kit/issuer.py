"""An issuer of tokens, good and hostile, made with another library than the one that verifies them."""

import hmac
import json
import warnings
from base64 import urlsafe_b64encode

from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "ES256", "ES384", "ES512", "EdDSA", "HS256"]


def new_key(kind, kid="k1", size=None, **parameters):
    """A private key: RSA (`size` in bits), a curve of EC, or Ed25519."""
    parameters = {"kid": kid} | parameters if kid else parameters
    if kind == "RSA":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # short keys are what tests are about
            return RSAKey.generate_key(size or 2048, parameters)
    if kind == "Ed25519":
        return OKPKey.generate_key(kind, parameters)
    return ECKey.generate_key(kind, parameters)


def public(*keys, **extra):
    """The JWK set of these keys."""
    return {"keys": [key.as_dict(private=False) | extra for key in keys]}


def token(key, claims, alg="RS256", **header):
    """A compact JWS. A header given as `None` is left out; `claims` may be bytes, to be signed as they are."""
    header = {"alg": alg, "kid": key.kid} | header
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    protected = {name: value for name, value in header.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # and so are weak algorithms
        return jws.serialize_compact(protected, payload, key, algorithms=ALGORITHMS, registry=registry)


def hs256(secret, claims, kid):
    """A token under a shared secret, whatever bytes that is: no library would take a public key for one."""
    signed = f"{part({'alg': 'HS256', 'kid': kid})}.{part(claims)}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), 'sha256'))}"


def part(value):
    """One part of a compact token: JSON, or bytes as they are, in base64url."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
