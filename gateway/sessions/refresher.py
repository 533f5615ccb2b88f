"""Keeps the provider's tokens of a session alive while its person is active, once for all of their requests.

    fresh   the request goes on
    soft    the request goes on, a refresh runs beside it
    hard    the request waits for the refresh, `WAIT` seconds at most, and goes on without it

Once means: in this process one flight that all requests share, between processes one lease for each session, and in
the store one commit for each version, whatever became of the other two.
"""

import asyncio
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
from gateway.sessions.renewal import Renewals
from gateway.sessions.report import Report
from gateway.sessions.schedule import WAIT, Due, plan
from gateway.sessions.session import Session
from gateway.sessions.sessions import Sessions
from gateway.sessions.single_flight import SingleFlight
from gateway.settings.model import Sessions as Limits


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
        self._clock = clock
        self._flights: SingleFlight[Session | None] = SingleFlight()
        self._limbo = Limbo(sessions.commit, sleep)
        self._orphans = Orphans(catalog)
        self._refresh = Refresh(
            sessions,
            leases,
            Renewals(catalog, clock),
            self._limbo,
            self._orphans,
            Report(emit, clock),
            catalog.admits,
            limits.outage_grace,
            clock,
            sleep,
        )

    async def ensure(self, ticket: Ticket, session: Session) -> Session | None:
        """The session to go on with; `None` where the refresh ended it, or somebody logged out. Raises nothing."""
        waiting = self._limbo.instead_of(session)
        if waiting is not None:
            return waiting
        due = plan(session, self._clock())
        if due is Due.FRESH:
            return session
        if due is Due.SOFT:
            self._flights.start(session.id, lambda: self._refresh.run(ticket))
            return session
        try:
            return await self._flights.join(session.id, lambda: self._refresh.run(ticket), WAIT)
        except (TimeoutError, StoreFault):
            return session

    async def close(self, patience: float) -> None:
        """Let what is in the air land and be written, for at most `patience` seconds in all."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + patience
        await self._flights.close(patience)
        await self._limbo.close(max(ends - loop.time(), 0.0))
        await self._orphans.close(max(ends - loop.time(), 0.0))
