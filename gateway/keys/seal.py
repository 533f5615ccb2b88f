"""Sealing: AES-256-GCM, so that what is kept elsewhere can be neither read, changed nor moved.

    sealed = "1." kid "." nonce(12) ciphertext-and-tag
    aad    = "1." kid "." aad of the caller

The nonce is random and never a counter: a store that fails over can roll a counter back, and two messages under one
(key, nonce) give both away (CVE-2021-32791 was a constant one). GCM does not commit to its key, so the kid selects
exactly one key and nothing is opened by trial.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import Unsealable
from gateway.keys.keyring import Keyring

NONCE = 12
TAG = 16
_VERSION = b"1"


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens for one purpose. Its `random` must be fit for cryptography."""

    ring: Keyring
    purpose: str
    random: Callable[[int], bytes] = field(repr=False)

    def seal(self, plaintext: bytes, aad: bytes, *, binding: bytes = b"", salt: bytes = b"") -> bytes:
        """Seal under the active key. `binding` and `salt` are needed again to open; see `Keyring.derive`."""
        kid = self.ring.active
        header = b"%b.%b." % (_VERSION, kid.encode("ascii"))
        nonce = self.random(NONCE)
        key = AESGCM(self.ring.derive(self.purpose, kid, binding=binding, salt=salt))
        return header + nonce + key.encrypt(nonce, plaintext, header + aad)

    def open(self, sealed: bytes, aad: bytes, *, binding: bytes = b"", salt: bytes = b"") -> bytes:
        """The plaintext; `Unsealable` for whatever was not sealed with exactly this, here, for this."""
        version, _, rest = sealed.partition(b".")
        kid, _, body = rest.partition(b".")
        if version != _VERSION or not kid.isascii() or len(body) < NONCE + TAG:
            raise Unsealable("sealed bytes of another format")
        key = AESGCM(self.ring.derive(self.purpose, kid.decode("ascii"), binding=binding, salt=salt))
        try:
            return key.decrypt(body[:NONCE], body[NONCE:], b"%b.%b.%b" % (version, kid, aad))
        except InvalidTag:
            raise Unsealable("forged, moved, or sealed with another key") from None
