"""One login attempt: what must be remembered between the departure to a provider and the return from it.

The `state` parameter is 32 random bytes that exist in the browser's address bar and nowhere else. The store holds the
attempt under a digest of the state, sealed with a key that is derived from the state: whoever reads the store can
neither finish a login nor see where it leads (RFC 6749 section 10.12, RFC 9700 section 4.7).
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace
from typing import TypeVar

from gateway.errors import AttemptNotYours, AttemptUnknown, Unsealable
from gateway.keys.seal import Sealer
from gateway.login.errand import LOGIN, REAUTHENTICATE
from gateway.login.level import Level

MAX_SEALED = 1024
"""Bytes of one stored attempt: bounds what a flood of logins can put into the store."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")

Note = TypeVar("Note", "Attempt", "Trace")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the callback needs. `browser` is the digest of the browser's secret, `created` in Unix seconds.

    `round` counts how often the gateway began again by itself after a callback that came twice. What is demanded of
    the login stands here alone, sealed: `purpose`, and for a reauthentication the mark of the person (`mark_of`) and
    the level, `acr_values` with blanks between them as on the wire; for a client its name, challenge and state.
    """

    provider: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str
    return_to: str
    browser: str = field(repr=False)
    created: int
    round: int = 0
    purpose: str = LOGIN
    person: str = field(default="", repr=False)
    max_age: int = 0
    acr_values: str = ""
    client: str = ""
    challenge: str = field(default="", repr=False)
    client_state: str = field(default="", repr=False)

    @property
    def level(self) -> Level | None:
        """What the login must reach; `None` where any login will do."""
        if self.purpose != REAUTHENTICATE:
            return None
        return Level(self.max_age, tuple(self.acr_values.split()))


@dataclass(frozen=True, slots=True)
class Trace:
    """What is left of a used attempt, for the back button and the double click. `over`: its callback was answered."""

    provider: str
    return_to: str
    browser: str = field(repr=False)
    round: int
    over: bool
    purpose: str = LOGIN


def new_secret(random: Callable[[int], bytes]) -> str:
    """32 random bytes in base64url: a state, or the secret of a browser."""
    return base64.urlsafe_b64encode(random(32)).rstrip(b"=").decode("ascii")


def is_secret(text: str) -> bool:
    """Whether `text` has the form of `new_secret`."""
    return _SECRET.fullmatch(text) is not None


def digest(purpose: str, secret: str) -> str:
    """A name for a secret of 256 bits that does not give it away; `purpose` keeps names of two uses apart."""
    return hashlib.sha256(f"{purpose}\0{secret}".encode()).hexdigest()


def mark_of(person: str) -> str:
    """A person's key in the 64 characters that an attempt has room for."""
    return digest("person", person)


def check_browser(note: Attempt | Trace, browser: str) -> None:
    """Raise `AttemptNotYours` unless this browser began the attempt (CVE-2017-1000069: login CSRF)."""
    if not hmac.compare_digest(note.browser, browser):
        raise AttemptNotYours


def seal(sealer: Sealer, state: str, note: Attempt | Trace) -> bytes:
    """An attempt or its trace as stored bytes, which only `state` opens."""
    return sealer.seal(_plain(note), _aad(type(note)), binding=state.encode("ascii"))


def unseal(sealer: Sealer, state: str, sealed: bytes, kind: type[Note]) -> Note:
    """The attempt or trace that `seal` wrote; `AttemptUnknown` where the bytes are not that."""
    try:
        return kind(*json.loads(sealer.open(sealed, _aad(kind), binding=state.encode("ascii"))))
    except (Unsealable, ValueError, TypeError) as error:
        raise AttemptUnknown(f"stored {kind.__name__} cannot be read") from error


def fitted(attempt: Attempt, fallback: str) -> Attempt:
    """The attempt with a return address that fits the store: whole, else without its query, else the fallback."""
    for address in (attempt.return_to, attempt.return_to.partition("?")[0]):
        candidate = replace(attempt, return_to=address)
        # 96 bytes: key id, nonce and tag of the seal.
        if len(_plain(candidate)) <= MAX_SEALED - 96:
            return candidate
    return replace(attempt, return_to=fallback)


def _plain(note: Attempt | Trace) -> bytes:
    return json.dumps(astuple(note), separators=(",", ":")).encode("ascii")


def _aad(kind: type[Attempt | Trace]) -> bytes:
    # A trace must never open as an attempt: it is what is left when the attempt may no longer be used.
    return f"login {kind.__name__}".encode("ascii")
