"""Keyed hashes: who does not hold the ring can neither make nor guess one."""

import hmac

from gateway.errors import Unsealable
from gateway.keys.keyring import Keyring


def mac(ring: Keyring, purpose: str, message: bytes, kid: str | None = None) -> bytes:
    """HMAC-SHA256 (32 bytes) under the ring's key of this purpose; `Unsealable` for an unknown kid."""
    return hmac.digest(ring.derive(purpose, kid), message, "sha256")


def verify_mac(ring: Keyring, purpose: str, message: bytes, tag: bytes, kid: str | None = None) -> None:
    """Return if `tag` is the hash of `message`, or its first 16 bytes or more; else `Unsealable`."""
    # RFC 2104 section 5: a truncated tag keeps at least half of the hash. An empty one would fit everything.
    if not 16 <= len(tag) <= 32:
        raise Unsealable("a tag of 16 to 32 bytes was expected")
    if not hmac.compare_digest(mac(ring, purpose, message, kid)[: len(tag)], tag):
        raise Unsealable("the tag does not fit the message")
