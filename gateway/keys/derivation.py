"""HKDF-SHA256 (RFC 5869): one secret in, a key for one purpose out."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def hkdf(secret: bytes, *, salt: bytes, purpose: bytes, length: int = 32) -> bytes:
    """Extract and expand; `secret` must have entropy of its own (this does not stretch passwords)."""
    return HKDF(SHA256(), length, salt=salt, info=purpose).derive(secret)
