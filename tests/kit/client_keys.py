"""Private keys of every kind, in PEM, as an operator may have them; and time and chance for what they sign."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.kit.clock import Clock
from tests.kit.randomness import Randomness

_MAKERS: dict[str, Callable[[], Any]] = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "short rsa": lambda: rsa.generate_private_key(65537, 1024),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@dataclass
class Chance:
    """As the process has it, and as a test can foretell it."""

    clock: Clock = field(default_factory=Clock)
    random: Randomness = field(default_factory=Randomness)


@functools.cache
def _key(kind: str) -> Any:
    return _MAKERS[kind]()


def pem(kind: str) -> str:
    """The private key of this kind, the same in a whole run."""
    return _private(kind, NoEncryption())


def encrypted_pem(kind: str) -> str:
    return _private(kind, BestAvailableEncryption(b"password"))


def public_pem(kind: str) -> str:
    public = _key(kind).public_key()
    return str(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def _private(kind: str, encryption: KeySerializationEncryption) -> str:
    return str(_key(kind).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode())
