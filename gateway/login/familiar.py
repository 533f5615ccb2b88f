"""Browsers in which an account has signed in before (OWASP, "device cookies").

Whoever guesses at somebody's password uses up the tries of the account; a browser that is familiar to it has some of
them to itself (`login.tries`). The cookie proves that a login ended well here and nothing more: it opens nothing, and
names nobody.

    value = entry *("~" entry)        the newest first, of four accounts at most
    entry = kid "." base64url(issued(4) ‖ HMAC-SHA256(key, cookie's name, deployment, account, issued)[:16])

An entry is good for one account, in one deployment, for 90 days, and as long as the ring holds the key: `gateway keys
rotate` and the absolute limit of sessions make all browsers strangers again.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest
from re import ASCII
from re import compile as pattern

from gateway.errors import Unsealable
from gateway.identity.presented import Head
from gateway.keys.hashing import mac
from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import CookieSpec, cookie_values, set_cookie

ACCOUNTS = 4
"""People who share a browser, and stay familiar to it."""
_PURPOSE = "device/v1"
_ENTRY = pattern(r"[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{27}=", ASCII)


@dataclass(frozen=True, slots=True)
class Familiar:
    """Reads and writes the cookie; `clock` is in Unix seconds. Accounts are those of `Passwords.account`."""

    spec: CookieSpec
    ring: Keyring
    clock: Callable[[], float]

    def knows(self, head: Head, account: str) -> bool:
        """Whether this account has signed in before in the browser of a request."""
        return any(self._fits(entry, account) for entry in self._entries(head))

    def cookie(self, head: Head, account: str) -> str:
        """The `Set-Cookie` value for a browser in which this account has just signed in."""
        others = [entry for entry in self._entries(head) if not self._fits(entry, account)]
        kept = [self._entry(account), *others[: ACCOUNTS - 1]]
        return set_cookie(self.spec, "~".join(kept))

    def _entries(self, head: Head) -> list[str]:
        values = cookie_values(head, self.spec.name)
        # Two values are none, as of every cookie of ours: one of them may have been planted.
        entries = values[0].split("~", ACCOUNTS)[:ACCOUNTS] if len(values) == 1 else []
        # Those of other accounts go back as they came, and we cannot tell whose they are: at least they look like ours.
        return [entry for entry in entries if _ENTRY.fullmatch(entry) and self._lasts(entry)]

    def _lasts(self, entry: str) -> bool:
        age = self.clock() - _issued(entry)
        return age < self.spec.max_age

    def _entry(self, account: str) -> str:
        kid, issued = self.ring.active, int(self.clock()).to_bytes(4, "big")
        return f"{kid}.{urlsafe_b64encode(issued + self._tag(kid, account, issued)).decode('ascii')}"

    def _fits(self, entry: str, account: str) -> bool:
        kid, _, _ = entry.partition(".")
        issued = _issued(entry).to_bytes(4, "big")
        try:
            expected = urlsafe_b64encode(issued + self._tag(kid, account, issued)).decode("ascii")
        except Unsealable:  # a kid that we never had, or have dropped
            return False
        # Text is compared with text, so that no second spelling of the same bytes passes.
        return compare_digest(f"{kid}.{expected}".encode("latin-1"), entry.encode("latin-1"))

    def _tag(self, kid: str, account: str, issued: bytes) -> bytes:
        message = f"{self.spec.name}\0{self.ring.deployment}\0{account}\0".encode()
        return mac(self.ring, _PURPOSE, message + issued, kid)[:16]


def _issued(entry: str) -> int:
    """When an entry says that it was made, in Unix seconds."""
    return int.from_bytes(urlsafe_b64decode(entry.partition(".")[2])[:4], "big")
