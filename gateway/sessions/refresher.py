"""Keeps the provider's tokens of a session alive while its person is active, once for all of their requests.

    fresh   the request goes on
    soft    the request goes on, a refresh runs beside it
    hard    the request waits for the refresh, until it has taken `WAIT` seconds in all, and goes on without it

Once means: in this process one flight that all requests share, between processes one lease for each session, and in
the store one commit for each version, whatever became of the other two.

When the tokens of a thousand people end in one second, their flights take turns. One that waits has taken no lease and
presented no token, so it can wait as long as it must; its requests go on meanwhile.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.errors import StoreFault
from gateway.observe.events import Emit
from gateway.providers.catalog import Catalog
from gateway.sessions.cookie import Ticket
from gateway.sessions.lease import Leases
from gateway.sessions.limbo import Limbo
from gateway.sessions.orphans import Orphans
from gateway.sessions.refresh import Refresh
from gateway.sessions.relogin import Relogins
from gateway.sessions.renewal import Renewals
from gateway.sessions.report import Report
from gateway.sessions.schedule import WAIT, Due, plan
from gateway.sessions.session import Grants, Session
from gateway.sessions.sessions import Sessions
from gateway.sessions.single_flight import SingleFlight
from gateway.settings.model import Sessions as Limits

AT_ONCE = 32
"""Flights at a time, for sessions of the same providers. Fewer than requests that `Transport` lets go: logins pass by."""


class Refresher:
    """One for a process. Close it last: what a provider has answered must be written down."""

    def __init__(
        self,
        sessions: Sessions,
        leases: Leases,
        catalog: Catalog,
        limits: Limits,
        emit: Emit,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._flights: SingleFlight[Session | None] = SingleFlight()
        self._turns: defaultdict[tuple[str, ...], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(AT_ONCE)
        )
        self._limbo = Limbo(sessions.commit, sleep)
        self._orphans = Orphans(catalog)
        renewals = Renewals(catalog, clock)
        self._refresh = Refresh(
            sessions,
            leases,
            renewals,
            Relogins(sessions.suspicions, renewals, sleep),
            self._limbo,
            self._orphans,
            Report(emit, clock),
            catalog.admits,
            limits.outage_grace,
            clock,
            sleep,
        )

    async def ensure(self, ticket: Ticket, session: Session, waited: float = 0.0) -> Session | None:
        """The session to go on with; `None` where the refresh ended it, or somebody logged out. Raises nothing.

        `waited`: seconds that the request has taken already. The proxy's patience is one for all of it.
        """
        waiting = self._limbo.instead_of(session)
        if waiting is not None:
            return waiting
        due = plan(session, self._clock())
        if due is Due.FRESH:
            return session
        if due is Due.SOFT:
            self._flights.start(session.id, lambda: self._in_turn(ticket, session))
            return session
        try:
            wait = max(WAIT - waited, 0.0)
            return await self._flights.join(session.id, lambda: self._in_turn(ticket, session), wait)
        except (TimeoutError, StoreFault):
            return session

    def waiting(self, ticket: Ticket, session: Session) -> Grants | None:
        """The tokens of a version that `ensure` gave and the store does not have yet; `None` where it has it."""
        draft = self._limbo.draft_of(session)
        return self._sessions.drafted(ticket, draft) if draft else None

    async def _in_turn(self, ticket: Ticket, session: Session) -> Session | None:
        # A provider that hangs holds up its own people alone.
        async with self._turns[tuple([one.provider for one in session.identities])]:
            return await self._refresh.run(ticket)

    async def close(self, patience: float) -> None:
        """Let what is in the air land and be written, for at most `patience` seconds in all."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + patience
        await self._flights.close(patience)
        await self._limbo.close(max(ends - loop.time(), 0.0))
        await self._orphans.close(max(ends - loop.time(), 0.0))
