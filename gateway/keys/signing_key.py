"""A key that signs assertions: EC P-256, named by its RFC 7638 thumbprint, in one of three states."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.errors import KeyFault

State: TypeAlias = Literal["next", "active", "retired"]
"""`next` is published and does not sign yet, `active` signs, `retired` is published for what it has signed."""

# The order of the group of P-256 (FIPS 186-5; SEC 2 section 2.4.2).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An ES256 private key; `created` in Unix seconds."""

    kid: str
    created: int
    state: State
    private: EllipticCurvePrivateKey = field(repr=False, compare=False)

    @classmethod
    def generate(cls, random: Callable[[int], bytes], created: int, state: State) -> "SigningKey":
        # FIPS 186-5 appendix A.2.1: 64 bits more than the order needs, so that the remainder has no visible bias.
        scalar = int.from_bytes(random(40), "big") % (_ORDER - 1) + 1
        return cls._of(derive_private_key(scalar, SECP256R1()), created, state)

    @classmethod
    def parse(cls, pem: Any, created: int, state: State) -> "SigningKey":
        """A key from unencrypted PKCS#8; `KeyFault` if it is not one of P-256."""
        try:
            private = load_pem_private_key(pem.encode("ascii"), password=None)
        except (ValueError, TypeError, AttributeError):
            raise KeyFault("an assertion key is not an unencrypted private key in PEM") from None
        if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
            raise KeyFault("an assertion key is not of curve P-256")
        return cls._of(private, created, state)

    @classmethod
    def _of(cls, private: EllipticCurvePrivateKey, created: int, state: State) -> "SigningKey":
        return cls(_thumbprint(private), created, state, private)

    def pem(self) -> str:
        """The private key as PKCS#8. Secret."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")

    def public_jwk(self) -> dict[str, str]:
        """The public part alone, as RFC 7517 wants it published."""
        x, y = _coordinates(self.private)
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": x,
            "y": y,
            "kid": self.kid,
            "use": "sig",
            "alg": "ES256",
        }


def _coordinates(private: EllipticCurvePrivateKey) -> tuple[str, str]:
    point = private.public_key().public_numbers()
    return _base64url(point.x.to_bytes(32, "big")), _base64url(point.y.to_bytes(32, "big"))


def _thumbprint(private: EllipticCurvePrivateKey) -> str:
    # RFC 7638 section 3: required members only, in lexicographic order, no white space.
    x, y = _coordinates(private)
    canonical = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
