"""A key by which a provider knows us, in place of a secret: it signs client assertions (RFC 7523, private_key_jwt)."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from gateway.errors import KeyFault
from gateway.keys.key_set import RSA_BITS
from gateway.keys.signing_key import SigningKey

PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

# RFC 7638 section 3.2, and RFC 8037 section 2 for OKP: what the thumbprint of each type is made of.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
}


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A private key: RSA of 2048 to 8192 bits, EC P-256, or Ed25519.

    `algorithms` are those it can sign with, the preferred one first; the last is the one that any server has to know.
    """

    kid: str
    algorithms: tuple[str, ...]
    private: PrivateKey = field(repr=False, compare=False)

    @classmethod
    def parse(cls, pem: str, kid: str = "") -> "ClientKey":
        """A key from unencrypted PEM; its RFC 7638 thumbprint is its id where there is no `kid`.

        Raises `KeyFault`, whose message says what it is instead and holds nothing of it.
        """
        try:
            private: Any = load_pem_private_key(pem.encode("utf-8"), password=None)
        except TypeError:  # the library's word for "a password is needed"
            raise KeyFault("is encrypted") from None
        except (ValueError, UnsupportedAlgorithm):
            raise KeyFault(_instead(pem)) from None
        algorithms = _algorithms(private)
        return cls(kid or thumbprint(_jwk(private)), algorithms, private)

    def algorithm(self, offered: Collection[str] | None) -> str:
        """What to sign with at a server that offers these; `None` where it does not say.

        Where none fits, it is for the server to refuse.
        """
        fitting = [name for name in self.algorithms if offered is not None and name in offered]
        return fitting[0] if fitting else self.algorithms[-1]

    def public_jwk(self) -> dict[str, Any]:
        """The public part, to be registered at the provider. No `alg`: an RSA key signs with two."""
        return {**_jwk(self.private), "kid": self.kid, "use": "sig"}


def new_client_key(random: Callable[[int], bytes]) -> str:
    """A new P-256 key in PEM. Secret."""
    return SigningKey.generate(random, 0, "active").pem()


def _algorithms(private: Any) -> tuple[str, ...]:
    match private:
        case RSAPrivateKey() if private.key_size in RSA_BITS:
            # FAPI 2.0 section 5.4.1 takes PS256 and not RS256; OpenID Connect Core section 15.1 makes everybody know RS256.
            return ("PS256", "RS256")
        case RSAPrivateKey():
            raise KeyFault(f"is an RSA key of {private.key_size} bits")
        case EllipticCurvePrivateKey() if isinstance(private.curve, SECP256R1):
            return ("ES256",)
        case EllipticCurvePrivateKey():
            raise KeyFault(f"is a key of curve {private.curve.name}")
        case Ed25519PrivateKey():
            return ("EdDSA",)
    raise KeyFault("is a private key of another kind")


def _instead(pem: str) -> str:
    """What a text that is no private key is, by its own heading."""
    for heading, kind in (("CERTIFICATE", "a certificate"), ("PUBLIC KEY", "a public key")):
        if f"-----BEGIN {heading}-----" in pem or f"-----BEGIN RSA {heading}-----" in pem:
            return f"is {kind}"
    return "is not a private key in PEM"


def _jwk(private: PrivateKey) -> dict[str, Any]:
    kinds: tuple[tuple[type, Any], ...] = (
        (RSAPrivateKey, RSAAlgorithm),
        (EllipticCurvePrivateKey, ECAlgorithm),
        (Ed25519PrivateKey, OKPAlgorithm),
    )
    writer = next(writer for kind, writer in kinds if isinstance(private, kind))
    jwk = writer.to_jwk(private.public_key(), as_dict=True)
    return {name: jwk[name] for name in _REQUIRED[jwk["kty"]]}


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The name of a public key by what it is (RFC 7638 section 3)."""
    # In lexicographic order, which is that of `_REQUIRED`, and without white space.
    canonical = json.dumps({name: jwk[name] for name in _REQUIRED[jwk["kty"]]}, separators=(",", ":"))
    return urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode("ascii")
