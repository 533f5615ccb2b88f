"""A session together with the tokens that rules hand through: opened by one look, and as fresh as the provider lets it be.

A refresh writes new tokens, so what was read before it is old. What the store would not take yet is read out of the
draft that waits for it: an application must not get a token that the provider has replaced.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias

from gateway.sessions.cookie import Ticket
from gateway.sessions.handed import HandedTokens, handed_of
from gateway.sessions.session import Grants, Session
from gateway.sessions.sessions import Opened

Open: TypeAlias = Callable[[Ticket], Awaitable[Opened | None]]
Ensure: TypeAlias = Callable[[Ticket, Session, float], Awaitable[Session | None]]
Waiting: TypeAlias = Callable[[Ticket, Session], Grants | None]


class WithTokens(NamedTuple):
    """A session, and what rules hand through of its tokens."""

    session: Session
    handed: HandedTokens


class HandThrough:
    """One for a process.

    `open_session` opens a session with its grants; `ensure` keeps them fresh, and is told how many seconds the request
    has waited; `waiting` has the grants of a version that the store does not have yet. `kept` are the kinds of tokens
    that rules hand through, by provider.
    """

    def __init__(
        self, open_session: Open, ensure: Ensure, waiting: Waiting, kept: Mapping[str, frozenset[str]]
    ) -> None:
        self._open = open_session
        self._ensure = ensure
        self._waiting = waiting
        self._kept = kept

    async def read(self, ticket: Ticket, waited: Callable[[], float]) -> WithTokens | None:
        """The session and its tokens of one and the same version. Raises `StoreFault` where nobody may say."""
        found = await self._open(ticket)
        session = await self._ensure(ticket, found.session, waited()) if found else None
        if found is None or session is None:
            return None
        if session.version == found.session.version:
            return self._with(session, found.grants)
        waiting = self._waiting(ticket, session)
        if waiting is not None:
            return self._with(session, waiting)
        newer = await self._open(ticket)
        return self._with(newer.session, newer.grants) if newer else None

    def _with(self, session: Session, grants: Grants) -> WithTokens:
        return WithTokens(session, handed_of(grants, self._kept))
