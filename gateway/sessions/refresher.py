"""Keeps the provider's tokens of a session alive while its person is active, once for all of their requests.

    fresh   the request goes on
    soft    the request goes on, a refresh runs beside it
    hard    the request waits for the refresh, `WAIT` seconds at most, and goes on without it

A refresh that fails ends a session in two cases only: the provider says that the grant is dead, or the token has
ended, several tries in a row have failed, and the operator's grace has passed. Everything else is weather.

Between processes the record's version decides (compare-and-set): the first commit wins, and whoever loses takes
over what the winner wrote. A lease that saves the second request to the provider belongs in `_refresh`, around
`_renew_all`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from gateway.errors import StoreFault
from gateway.identity.identity import Identity
from gateway.observe.events import Alarm, Emit, RefreshFinished
from gateway.providers.catalog import Catalog
from gateway.providers.provider import Refreshed
from gateway.sessions.cookie import Ticket
from gateway.sessions.renewal import Failed, Renewals
from gateway.sessions.schedule import Due, exhausted, is_due, next_try, plan
from gateway.sessions.session import Grant, Grants, Session, log_name
from gateway.sessions.sessions import Committed, Sessions
from gateway.sessions.single_flight import SingleFlight
from gateway.settings.model import Sessions as Limits
from gateway.storage.store import Replaced

WAIT = 2.5  # below the time that proxies give a check
COMMIT_PAUSES = (0.1, 0.3, 1.0, 3.0, 10.0, 20.0, 25.0)
REREAD_PAUSES = (0.0, 0.2, 0.8)
ALARM_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class _Failure:
    provider: str
    failed: Failed
    began: float


class Refresher:
    """One for a process. `flights` holds what is in the air; close it last, so that answers are written down."""

    def __init__(
        self,
        sessions: Sessions,
        catalog: Catalog,
        flights: SingleFlight[Session | None],
        limits: Limits,
        emit: Emit,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._sessions = sessions
        self._catalog = catalog
        self._renewals = Renewals(catalog)
        self._flights = flights
        self._limits = limits
        self._emit = emit
        self._clock = clock
        self._sleep = sleep
        self._alarmed: dict[str, float] = {}

    async def ensure(self, ticket: Ticket, session: Session) -> Session | None:
        """The session to go on with; `None` where the refresh ended it, or somebody logged out. Raises nothing."""
        due = plan(session, self._clock())
        if due is Due.FRESH:
            return session
        if due is Due.SOFT:
            self._flights.start(session.id, lambda: self._refresh(ticket, session.id))
            return session
        try:
            return await self._flights.join(session.id, lambda: self._refresh(ticket, session.id), WAIT)
        except (TimeoutError, StoreFault):
            return session

    async def _refresh(self, ticket: Ticket, sid: str) -> Session | None:
        began = self._clock()
        try:
            current = await self._sessions.open(ticket)
            # What the request saw may be seconds old: somebody may have refreshed, or failed to, since.
            if current is None or plan(current, self._clock()) is Due.FRESH:
                return current
            return await self._renew_all(ticket, current)
        except StoreFault:
            self._emit(RefreshFinished(log_name(sid), "", "store_fault", 0, self._clock() - began))
            raise

    async def _renew_all(self, ticket: Ticket, current: Session) -> Session | None:
        """Renew every grant that is due. Each success is written at once: the next provider may take its time."""
        grants = await self._sessions.grants(ticket, current)
        due = [grant for grant in grants.values() if is_due(grant, self._clock())]
        if not due:
            return await self._without_due(ticket, current, grants)
        failures: list[_Failure] = []
        for grant in due:
            began = self._clock()
            result = await self._renewals.ask(grant, _of(current, grant), int(began))
            self._alarm(grant.provider, result.alarm)
            if isinstance(result, Failed):
                failures.append(_Failure(grant.provider, result, began))
                continue
            kept = await self._keep(ticket, current, grant, result)
            self._say(current, grant.provider, "ok" if kept else "gone", 0, began)
            if kept is None:
                return None
            current = kept
        return await self._failed(ticket, current, failures) if failures else current

    async def _without_due(self, ticket: Ticket, current: Session, grants: Grants) -> Session | None:
        """A session that is due and holds nothing that is: a provider left gateway.yaml, or its tokens do not open."""
        if grants:
            # Written as it is, so that its token's end is worked out anew.
            kept = await self._commit(ticket, current, current.identities, grants)
            return await self._sessions.open(ticket) if kept is Replaced.CONFLICT else kept
        unknown = _Failure(current.latest.provider, Failed("unknown"), self._clock())
        return await self._failed(ticket, current, [unknown])

    async def _keep(
        self, ticket: Ticket, current: Session, spent: Grant, result: Refreshed
    ) -> Session | None:
        """Write new tokens down; `None` where there is no session any more, and none is made again for them."""
        if result.identity is not None and not self._catalog.admits(result.identity):
            # Signed in today, no longer on the list of those who may: the provider has just said so.
            await self._sessions.end(ticket, "refresh_refused")
            return None
        latest: Session | None = current
        while latest is not None:
            grants = await self._sessions.grants(ticket, latest)
            held = grants.get(spent.provider)
            if held is None or held.refresh_token != spent.refresh_token:
                return await self._sessions.open(ticket)  # another process has refreshed: its tokens count
            identities = _with(latest.identities, result.identity)
            kept = await self._commit(ticket, latest, identities, {**grants, spent.provider: result.grant})
            if kept is not Replaced.CONFLICT:
                return kept
            # Written by somebody for another reason. The token is spent, so ours must go on top of theirs.
            latest = await self._sessions.open(ticket)
        return None

    async def _commit(
        self, ticket: Ticket, session: Session, identities: tuple[Identity, ...], grants: Grants
    ) -> Committed:
        """Commit, for a minute if need be: a rotated token that is not written down is a session lost."""
        for pause in COMMIT_PAUSES:
            try:
                return await self._sessions.commit(ticket, session, identities, grants)
            except StoreFault:
                await self._sleep(pause)
        return await self._sessions.commit(ticket, session, identities, grants)

    async def _failed(self, ticket: Ticket, current: Session, failures: list[_Failure]) -> Session | None:
        if any(one.failed.verdict == "refused" for one in failures):
            return await self._refused(ticket, current, failures)
        now = self._clock()
        waits = [one.failed.retry_after for one in failures if one.failed.retry_after is not None]
        at = next_try(current.fails, now, max(waits, default=None))
        fails = await self._sessions.fail(ticket, current, at)
        if fails is None:
            self._say_all(current, failures, "conflict", 0)
            return await self._sessions.open(ticket)
        self._say_all(current, failures, "", fails)
        if exhausted(fails, current.token_end, now, self._limits.outage_grace):
            await self._sessions.end(ticket, "refresh_exhausted")
            return None
        return replace(current, fails=fails, next_try=at)

    async def _refused(self, ticket: Ticket, current: Session, failures: list[_Failure]) -> Session | None:
        """The grant is dead; unless another process spent the token first, and is about to write its new one."""
        for pause in REREAD_PAUSES:
            await self._sleep(pause)
            newer = await self._sessions.open(ticket)
            if newer is None or newer.version != current.version:
                self._say_all(current, failures, "conflict" if newer else "gone", 0)
                return newer
        self._say_all(current, failures, "", current.fails)
        await self._sessions.end(ticket, "refresh_refused")
        return None

    def _say_all(self, session: Session, failures: list[_Failure], outcome: str, fails: int) -> None:
        for one in failures:
            self._say(session, one.provider, outcome or one.failed.verdict, fails, one.began)

    def _say(self, session: Session, provider: str, outcome: str, fails: int, began: float) -> None:
        seconds = self._clock() - began
        self._emit(RefreshFinished(log_name(session.id), provider, outcome, fails, seconds))

    def _alarm(self, provider: str, sentence: str) -> None:
        """Tell the operator, once a minute and not once a session."""
        now = self._clock()
        if sentence and now - self._alarmed.get(provider, float("-inf")) >= ALARM_EVERY:
            self._alarmed[provider] = now
            self._emit(Alarm("provider_refresh", sentence))


def _of(session: Session, grant: Grant) -> Identity:
    return next(one for one in session.identities if one.provider == grant.provider)


def _with(identities: tuple[Identity, ...], renewed: Identity | None) -> tuple[Identity, ...]:
    """The identities with one of them renewed, each in its place."""
    if renewed is None:
        return identities
    return tuple([renewed if one.provider == renewed.provider else one for one in identities])
