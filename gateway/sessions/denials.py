"""Sessions that have ended while tokens of theirs may still be in hands.

An access token opens no session, so it is held against this list. A session is called by its `log_name` here, as in the
token; an entry lives as long as the youngest token of its session can. The chain of refresh tokens goes with the session.
"""

from dataclasses import dataclass

from gateway.sessions.sealing import chain_key
from gateway.sessions.session import log_name
from gateway.storage.store import Store

SLACK = 120.0
"""Seconds for a token that was being issued at the moment of the end, and for clocks that differ."""


@dataclass(frozen=True, slots=True)
class Denials:
    """`seconds` is the lifetime of access tokens; 0 where none are issued, and then nothing is noted."""

    store: Store
    seconds: float = 0.0

    async def note(self, sid: str) -> None:
        """Take no token of this session from now on."""
        if self.seconds:
            await self.store.put(denial_key(log_name(sid)), b"1", self.seconds + SLACK)

    async def forget(self, sid: str) -> None:
        """Drop the chain of a session whose record is gone; without that it opens nothing."""
        if self.seconds:
            await self.store.delete((chain_key(sid),))


def denial_key(name: str) -> str:
    """Where it stands that a session has ended; `name` is its `log_name`."""
    return f"ended:{{{name}}}"
