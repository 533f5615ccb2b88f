"""A key that signs access tokens: RSA of 3072 bits, EC P-256 or Ed25519, in the states of an assertion key.

Applications verify these tokens with whatever library they have, so the default is the algorithm that every one knows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.errors import KeyFault
from gateway.keys.client_key import ClientKey, PrivateKey
from gateway.keys.signing_key import SigningKey, State

Algorithm: TypeAlias = Literal["RS256", "ES256", "EdDSA"]

RSA_SIZE = 3072
"""Bits: as strong as the other two, for as long as NIST SP 800-57 part 1 looks ahead."""
_ALGORITHMS = frozenset(get_args(Algorithm))
_SUCCESSOR: Mapping[State, State] = {"next": "active", "active": "retired", "retired": "retired"}


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A private key; `created` in Unix seconds, `kid` its RFC 7638 thumbprint."""

    kid: str
    created: int
    state: State
    algorithm: Algorithm
    private: PrivateKey = field(repr=False, compare=False)

    @classmethod
    def generate(
        cls, algorithm: Algorithm, random: Callable[[int], bytes], created: int, state: State
    ) -> "TokenKey":
        """A new key. One of RSA takes a second or two, and its primes come from OpenSSL, not from `random`."""
        return cls._of(_new_private(algorithm, random), algorithm, created, state)

    @classmethod
    def _of(cls, private: PrivateKey, algorithm: Algorithm, created: int, state: State) -> "TokenKey":
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
        key = ClientKey.parse(pem)
        if algorithm not in key.algorithms:
            raise KeyFault(f"a token key cannot sign with {algorithm}")
        return cls(key.kid, created, state, algorithm, key.private)

    @classmethod
    def parse(cls, pem: Any, algorithm: Any, created: int, state: State) -> "TokenKey":
        """A key from unencrypted PKCS#8; `KeyFault` if it is none for this algorithm."""
        if algorithm not in _ALGORITHMS:
            raise KeyFault("the algorithm of a token key is none of RS256, ES256, EdDSA")
        if not isinstance(pem, str):
            raise KeyFault("a token key is not text in PEM")
        try:
            return cls._of(ClientKey.parse(pem).private, algorithm, created, state)
        except KeyFault as fault:
            raise KeyFault(f"a token key {fault}" if str(fault).startswith("is ") else str(fault)) from None

    def pem(self) -> str:
        """The private key as PKCS#8. Secret."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")

    def public_jwk(self) -> dict[str, Any]:
        """The public part alone, as RFC 7517 wants it published."""
        jwk = ClientKey(self.kid, (self.algorithm,), self.private).public_jwk()
        return {**jwk, "alg": self.algorithm}

    def moved_on(self) -> "TokenKey":
        """The same key after a rotation."""
        return replace(self, state=_SUCCESSOR[self.state])

    def plain(self) -> dict[str, Any]:
        """The form in the key file. Secret."""
        return {
            "kid": self.kid,
            "created": self.created,
            "state": self.state,
            "alg": self.algorithm,
            "pem": self.pem(),
        }


def _new_private(algorithm: Algorithm, random: Callable[[int], bytes]) -> PrivateKey:
    match algorithm:
        case "RS256":
            return generate_private_key(public_exponent=65537, key_size=RSA_SIZE)
        case "ES256":
            return SigningKey.generate(random, 0, "active").private
        case "EdDSA":
            return Ed25519PrivateKey.from_private_bytes(random(32))


def new_token_keys(
    algorithm: Algorithm, random: Callable[[int], bytes], created: int
) -> tuple[TokenKey, TokenKey]:
    """One that signs, and its successor."""
    return (
        TokenKey.generate(algorithm, random, created, "active"),
        TokenKey.generate(algorithm, random, created, "next"),
    )


def with_algorithm(
    keys: tuple[TokenKey, ...], algorithm: Algorithm, random: Callable[[int], bytes], created: int
) -> tuple[TokenKey, ...]:
    """The keys, with one of `algorithm` that signs: those that did with another go on verifying what they signed."""
    if any(key.state == "active" and key.algorithm == algorithm for key in keys):
        return keys
    retired = tuple([replace(key, state="retired") for key in keys])
    return (*retired, *new_token_keys(algorithm, random, created))
