"""Passwords that people choose, kept as argon2id (RFC 9106): who reads the file still has to guess each one.

The cost is the second of the two that RFC 9106 section 4 recommends (64 MiB, three passes, four lanes), which is above
every line of the OWASP Password Storage Cheat Sheet: a file is read by whoever steals it, and a sign-in is seldom.

A password is taken in NFC (RFC 8265 section 4.2), so that one that was hashed on a Mac is the same when it is typed on
Windows.
"""

import re
import unicodedata
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from typing import Final

from argon2.exceptions import VerificationError, VerifyMismatchError
from argon2.low_level import Type, hash_secret, verify_secret

SALT = 16
"""Bytes of a salt (RFC 9106 section 3.1)."""
HASH = 32
"""Bytes of a hash."""

_FORM = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,7}),t=([1-9][0-9]{0,3}),p=([1-9][0-9]{0,2})"
    r"\$([A-Za-z0-9+/]{1,128})\$([A-Za-z0-9+/]{1,256})"
)
_FOREIGN: Final = (
    ("$2", "is a bcrypt hash"),
    ("$apr1$", "is an MD5 hash of htpasswd"),
    ("{SHA}", "is an SHA-1 hash of htpasswd"),
    ("$argon2i$", "is argon2i, which is not for passwords"),
    ("$argon2d$", "is argon2d, which is not for passwords"),
    ("$1$", "is an MD5 hash"),
    ("$5$", "is a SHA-256 hash of crypt"),
    ("$6$", "is a SHA-512 hash of crypt"),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess costs: `memory` in KiB, `passes` over it, `lanes` at once."""

    memory: int
    passes: int
    lanes: int

    @property
    def work(self) -> int:
        """Memory times passes: what a guess costs whoever has many machines."""
        return self.memory * self.passes


USUAL: Final = Cost(64 * 1024, 3, 4)
LEAST: Final = Cost(19 * 1024, 2, 1)
"""The least that the OWASP sheet names; below it a hash is weak."""
MOST: Final = Cost(1024 * 1024, 20, 16)
"""Beyond it a few sign-ins at once would stop the machine."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """One hash. `text` is its encoded form, `salt` is random and says nothing of the password."""

    text: str = field(repr=False)
    cost: Cost
    salt: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "PasswordHash":
        """Raises `ValueError` with what is wrong; it repeats nothing of the text."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(_not_ours(text))
        cost = Cost(int(match[1]), int(match[2]), int(match[3]))
        if cost.memory > MOST.memory or cost.passes > MOST.passes or cost.lanes > MOST.lanes:
            raise ValueError("costs more than 1 GiB, 20 passes or 16 lanes")
        if cost.memory < 8 * cost.lanes:
            raise ValueError("has less memory than argon2 takes")
        salt, tag = _bytes(match[4]), _bytes(match[5])
        if len(salt) < SALT:
            # A short salt was thought up by somebody, and stands beside the next password too.
            raise ValueError("has a salt of less than 16 bytes")
        if len(tag) < 16:
            raise ValueError("is cut short")
        return cls(text, cost, salt)

    @property
    def is_weak(self) -> bool:
        return self.cost.memory < LEAST.memory or self.cost.work < LEAST.work

    def fits(self, password: str) -> bool:
        """Whether this is the hash of a password. It takes as long as it costs: never call it on the event loop.

        Raises `MemoryError` where there is no room to find out.
        """
        try:
            return verify_secret(self.text.encode("ascii"), _plain(password), Type.ID)
        except VerifyMismatchError:
            return False
        except VerificationError as error:
            # The form of the hash is known to be good. To call the password wrong would count a try, and be remembered.
            raise MemoryError(str(error)) from None


def hash_password(password: str, salt: bytes, cost: Cost = USUAL) -> str:
    """The encoded hash; `salt` is 16 random bytes, new for each."""
    made = hash_secret(
        _plain(password),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory,
        parallelism=cost.lanes,
        hash_len=HASH,
        type=Type.ID,
    )
    return made.decode("ascii")


def stand_in(cost: Cost) -> PasswordHash:
    """A hash that no password has, and that takes as long to try: for the names that there are not.

    Nobody knows 32 bytes of zeros as the hash of anything; and whoever tries it says no whatever comes of it.
    """
    salt, tag = _text(bytes(SALT)), _text(bytes(HASH))
    return PasswordHash.parse(f"$argon2id$v=19$m={cost.memory},t={cost.passes},p={cost.lanes}${salt}${tag}")


def _plain(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    return b64encode(raw).decode("ascii").rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except NotBase64:
        raise ValueError("is not whole") from None


def _not_ours(text: str) -> str:
    return next((what for sign, what in _FOREIGN if text.startswith(sign)), "is no argon2id hash")
