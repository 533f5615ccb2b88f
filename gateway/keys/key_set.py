"""The public keys of an issuer (RFC 7517), reduced to those that can verify a signature here.

A key of an unknown type, curve, use or size is skipped, as section 5 wants it: an issuer may publish keys for others.
A secret or private key in the set is skipped too: whoever reads the set could sign with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from gateway.errors import TokenInvalid, UnknownKey

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

# Algorithm → the one kind of key that fits it. None of them is symmetric: with HS256 anybody who knows the public
# key could sign (RFC 8725 section 2.1).
ALGORITHMS: Mapping[str, str] = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "ES256": "P-256",
    "ES384": "P-384",
    "EdDSA": "Ed25519",
}
_KINDS = frozenset(ALGORITHMS.values())
MAX_KEYS = 100
RSA_BITS = range(2048, 8193)  # NIST SP 800-131A below; above, verifying becomes a way to keep us busy


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key; `kid` and `alg` are "" where the set leaves them out."""

    kid: str
    alg: str
    kind: str
    public: PublicKey = field(repr=False)

    def fits(self, alg: str) -> bool:
        """Whether this key may verify this algorithm: by its kind, and by its own word where it gives one."""
        return ALGORITHMS.get(alg) == self.kind and self.alg in {"", alg}


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of an issuer."""

    keys: tuple[VerifyingKey, ...]

    @classmethod
    def parse(cls, jwks: Mapping[str, Any]) -> "KeySet":
        """Read a JWK set; `TokenInvalid` if it is not one."""
        entries = jwks.get("keys")
        if not isinstance(entries, list) or len(entries) > MAX_KEYS:
            raise TokenInvalid("jwks")
        keys = [_verifying_key(entry) for entry in entries if isinstance(entry, dict)]
        return cls(tuple([key for key in keys if key is not None]))

    def find(self, kid: str | None, alg: str) -> VerifyingKey:
        """The one key for this header; `UnknownKey` where there is none, or more than one.

        Without a kid it is the only fitting key of the set. Keys are never tried in turn.
        """
        fitting = [key for key in self.keys if key.fits(alg) and (kid is None or key.kid == kid)]
        if len(fitting) != 1:
            known = (
                ", ".join([f"{key.kid!r:.80} ({key.alg or key.kind})" for key in self.keys])
                or "no usable key"
            )
            seen = f"signed with {kid!r:.80} ({alg}), the key set has {known}"
            raise UnknownKey("key (none fits)" if not fitting else "key (several fit)", f"{seen:.600}")
        return fitting[0]


def _verifying_key(jwk: dict[str, Any]) -> VerifyingKey | None:
    kind = _kind(jwk)
    if kind not in _KINDS or "d" in jwk or not _for_signatures(jwk):
        return None
    try:
        public = PyJWK(jwk, algorithm=next(alg for alg, of in ALGORITHMS.items() if of == kind)).key
    except (PyJWTError, ValueError, TypeError):
        return None  # a point off the curve, a number that is none
    if isinstance(public, RSAPublicKey) and public.key_size not in RSA_BITS:
        return None
    return VerifyingKey(_text(jwk, "kid"), _text(jwk, "alg"), kind, public)


def _kind(jwk: Mapping[str, Any]) -> str:
    kty = _text(jwk, "kty")
    return kty if kty == "RSA" else _text(jwk, "crv") if kty in {"EC", "OKP"} else ""


def _for_signatures(jwk: Mapping[str, Any]) -> bool:
    operations = jwk.get("key_ops")
    return jwk.get("use") in {None, "sig"} and (
        operations is None or (isinstance(operations, list) and "verify" in operations)
    )


def _text(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name)
    return value if isinstance(value, str) else ""
