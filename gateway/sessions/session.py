"""A session and the grants it holds, as values.

A session is one browser that signed in, at one provider or at several one after another. It is stored in two
sealed parts: `Session` is the small one that every check reads, `Grants` the one that only a refresh, a logout or
a token hand-through opens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from gateway.identity.identity import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a check needs to know. All times are Unix seconds.

    `identities` are the logins of this session, latest last, at most one of each provider.
    `token_end` is the earliest end of a provider token that a refresh could prolong, 0 where there is none;
    `token_begun` is when that token was received, 0 where unknown.
    `browser` is the mark of the browser that signed in, "" where unknown.
    `epochs` are those of its people when it was begun, by provider; where they are newer now, it is over.
    `fails` and `next_try` belong to the refresh; `version` is that of the stored record.
    `name` is what others call it (`log_name`) where it is known by that alone: for who came with a credential of their
    own, and without a ticket. Such a session is made for one check, and stands in no store.
    """

    id: str
    identities: tuple[Identity, ...]
    created: int
    absolute_end: int
    version: int
    seen: int
    token_end: int = 0
    token_begun: int = 0
    next_try: float = 0.0
    fails: int = 0
    browser: str = ""
    epochs: Mapping[str, int] = field(default_factory=dict)
    name: str = ""

    @property
    def latest(self) -> Identity:
        """The identity of the latest login."""
        return self.identities[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Tokens of one provider, kept where refresh or logout needs them.

    `begun` (when they were received) and `expires` (of the access token) in Unix seconds, 0 = unknown.

    A directory gives no refresh token. `account` is the canonical name that signed in there; `password` is kept where
    only it brings the next token, and nowhere but here, under the key in the browser's cookie. `recheck`: nothing is
    prolonged, the directory is asked at `expires` whether the account still stands as `stamp` says it stood.
    """

    provider: str
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)
    begun: int = 0
    expires: int = 0
    scope: str = ""
    account: str = ""
    password: str = field(default="", repr=False)
    stamp: str = ""
    recheck: bool = False

    @property
    def renewable(self) -> bool:
        """Whether something can be done when it ends."""
        return bool(self.refresh_token or self.password or self.recheck)


def log_name(sid: str) -> str:
    """A short hash of a session's id: joins log lines and assertions, and opens nothing."""
    return sha256(f"session:{sid}".encode()).hexdigest()[:12]


Grants = Mapping[str, Grant]
"""Grants of a session by the provider's name."""
