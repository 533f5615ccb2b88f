"""One refresh of one session, from the lease to the commit.

A refresh that fails ends a session in two cases only: the provider says that the grant is dead or the account disabled,
or the token has ended, several tries in a row have failed, and the operator's grace has passed. What a refused password
means is judged elsewhere (`sessions.suspicion`). Everything else is weather.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from gateway.errors import StoreFault
from gateway.identity.identity import Identity
from gateway.providers.provider import Refreshed
from gateway.sessions.cookie import Ticket
from gateway.sessions.draft import Draft
from gateway.sessions.flight import Failure, Flight, Landed
from gateway.sessions.lease import Lease, Leases
from gateway.sessions.limbo import Limbo
from gateway.sessions.orphans import Orphans
from gateway.sessions.relogin import Relogins
from gateway.sessions.renewal import Failed, Renewals
from gateway.sessions.report import Report
from gateway.sessions.schedule import Due, exhausted, is_due, lease_time, next_try, plan
from gateway.sessions.sealing import session_id
from gateway.sessions.session import Grant, Grants, Session
from gateway.sessions.sessions import Committed, Sessions
from gateway.storage.store import Written

REREAD_PAUSES = (0.0, 0.2, 0.8)
WRITING = lease_time(0.0)
"""Seconds of a lease under which nobody is asked."""


class Refresh:
    """What every flight of a process does.

    `admits` says whom the providers' `allow:` lists; `outage_grace` in seconds past the token's end.
    """

    def __init__(
        self,
        sessions: Sessions,
        leases: Leases,
        renewals: Renewals,
        relogins: Relogins,
        limbo: Limbo,
        orphans: Orphans,
        report: Report,
        admits: Callable[[Identity], bool],
        outage_grace: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]],
    ) -> None:
        self._sessions = sessions
        self._leases = leases
        self._renewals = renewals
        self._relogins = relogins
        self._limbo = limbo
        self._orphans = orphans
        self._report = report
        self._admits = admits
        self._outage_grace = outage_grace
        self._clock = clock
        self._sleep = sleep

    async def run(self, ticket: Ticket) -> Session | None:
        """The session after the refresh, whoever did it; `None` where there is none any more. Raises `StoreFault`."""
        began = self._clock()
        try:
            current = await self._sessions.open(ticket)
            # What the request saw may be seconds old: somebody may have refreshed, or failed to, since.
            if current is None or plan(current, self._clock()) is Due.FRESH:
                return current
            return (await self._fly(Flight(ticket, current))).session
        except StoreFault:
            self._report.finished(session_id(ticket), "", "store_fault", began)
            raise

    async def _fly(self, flight: Flight) -> Landed:
        """Renew every grant that is due. Each success is written at once: the next provider may take its time."""
        # Read before the lease is taken: the lease is of the version that they belong to, and no time of it is lost.
        flight.grants = await self._sessions.grants(flight.ticket, flight.session)
        due = [grant for grant in flight.grants.values() if is_due(grant, self._clock())]
        if not due:
            return await self._without_due(flight)
        for grant in due:
            lease = await self._lease_to_ask(flight, grant.provider)
            if isinstance(lease, Landed):
                self._tell(flight, "conflict")
                return lease
            landed = await self._renew(flight, lease, grant)
            if landed:
                return landed
        return await self._failed(flight) if flight.failures else Landed(flight.session)

    async def _without_due(self, flight: Flight) -> Landed:
        """A session that is due and holds nothing that is: a provider left gateway.yaml, or its tokens do not open."""
        if not flight.grants:
            unknown = Failed("unknown")
            flight.failures.append(Failure(flight.session.latest.provider, unknown, self._clock()))
            return await self._failed(flight)
        lease = await self._take(flight, WRITING)
        if isinstance(lease, Landed):
            return lease
        # Written as it is, so that its token's end is worked out anew.
        written = await self._commit(self._draft(flight, lease, flight.session.identities, flight.grants))
        if written is Written.CONFLICT:
            return Landed(await self._sessions.open(flight.ticket))
        return Landed(written)

    # The lease

    async def _lease_to_ask(self, flight: Flight, provider: str) -> Lease | Landed:
        """A lease with time enough for this provider."""
        if flight.lease and not self._renewals.in_time(provider, flight.lease):
            await self._give_back(flight, flight.lease)  # the provider before has used it up
        lease = flight.lease or await self._take(flight, self._renewals.lease_time(provider))
        if isinstance(lease, Landed) or self._renewals.in_time(provider, lease):
            return lease
        # The store was slow. Who asks past the end of a lease may present a token that another one presents as well.
        await self._give_back(flight, lease)
        return Landed(flight.session)

    async def _take(self, flight: Flight, seconds: float) -> Lease | Landed:
        urgent = plan(flight.session, self._clock()) is Due.HARD
        taken = await self._leases.take(flight.session, seconds, urgent=urgent)
        if not isinstance(taken, Lease):
            return Landed(await self._sessions.open(flight.ticket))
        if flight.doubtful is None:  # later ones can be ambiguous by what we did ourselves, and that we know
            flight.doubtful = taken.ambiguous
        flight.lease = taken
        return taken

    async def _give_back(self, flight: Flight, lease: Lease) -> None:
        flight.lease = None
        await self._leases.give_back(flight.session, lease, definite=flight.definite)

    # Success

    async def _renew(self, flight: Flight, lease: Lease, grant: Grant) -> Landed | None:
        """Ask for one grant; `None` where the flight goes on."""
        began = self._clock()
        identity = next(one for one in flight.session.identities if one.provider == grant.provider)
        result = await self._asked(flight, grant, identity)
        if result is None:  # another session of the person is asking, or was refused a moment ago
            await self._give_back(flight, lease)
            return Landed(flight.session)
        self._report.alarm(grant.provider, result.alarm)
        if isinstance(result, Failed):
            flight.failures.append(Failure(grant.provider, result, began))
            return None
        if result.barred or (result.identity is not None and not self._admits(result.identity)):
            # Signed in today, no longer on the list of those who may: the provider has just said so.
            self._report.finished(flight.session.id, grant.provider, "gone", began)
            self._orphans.give_back(result.grant, grant)
            return await self._end(flight, "refresh_refused")
        return await self._keep(flight, lease, grant, result, began)

    async def _asked(self, flight: Flight, grant: Grant, identity: Identity) -> Refreshed | Failed | None:
        if grant.password:
            return await self._relogins.ask(grant, identity)
        return await self._renewals.ask(grant, identity, doubtful=bool(flight.doubtful))

    async def _keep(
        self, flight: Flight, lease: Lease, spent: Grant, result: Refreshed, began: float
    ) -> Landed | None:
        """Write new tokens down. Where there is no session any more, none is made again for them."""

        def settled(outcome: str) -> None:
            self._report.finished(flight.session.id, spent.provider, outcome, began)
            if outcome == "gone":  # somebody signed out meanwhile: the new tokens are nobody's
                self._orphans.give_back(result.grant, spent)

        while True:
            identities = _with(flight.session.identities, result.identity)
            grants = {**flight.grants, spent.provider: result.grant}
            draft = self._draft(flight, lease, identities, grants)
            try:
                written = await self._commit(draft)
            except StoreFault:
                self._limbo.keep(draft, settled)
                return Landed(draft.session)
            if written is None:
                settled("gone")
                return Landed(None)
            if written is not Written.CONFLICT:
                settled("ok")
                flight.session, flight.grants, flight.lease = written, grants, None
                return None
            landed = await self._overtaken(flight, spent)
            if landed:
                settled("conflict" if landed.session else "gone")
                return landed

    async def _overtaken(self, flight: Flight, spent: Grant) -> Landed | None:
        """Somebody has written since we read: take over what they wrote, or, with `None`, go on top of it."""
        latest = await self._sessions.open(flight.ticket)
        if latest is None:
            return Landed(None)
        grants = await self._sessions.grants(flight.ticket, latest)
        held = grants.get(spent.provider)
        if held != spent:
            return Landed(latest)  # they have refreshed: their tokens count
        # They wrote for another reason. The token is spent, so ours must not be lost.
        flight.session, flight.grants = latest, grants
        return None

    def _draft(self, flight: Flight, lease: Lease, identities: tuple[Identity, ...], grants: Grants) -> Draft:
        return self._sessions.draft(flight.ticket, flight.session, lease, identities, grants)

    async def _commit(self, draft: Draft) -> Committed:
        try:
            return await self._sessions.commit(draft)
        except StoreFault:  # perhaps its reply alone was lost: asked again, the store knows our commit
            return await self._sessions.commit(draft)

    # Failure

    async def _failed(self, flight: Flight) -> Landed:
        disabled = [one.provider for one in flight.failures if one.failed.verdict == "disabled"]
        if disabled:
            return await self._switched_off(flight, disabled[0])
        if any(one.failed.verdict == "refused" for one in flight.failures):
            return await self._refused(flight)
        # A lease ends with the tokens of another provider that were written under it.
        lease = flight.lease or await self._take(flight, WRITING)
        if isinstance(lease, Landed):
            self._tell(flight, "conflict")
            return lease
        now, current = self._clock(), flight.session
        waits = [one.failed.retry_after for one in flight.failures if one.failed.retry_after is not None]
        at = next_try(current.fails, now, max(waits, default=None))
        fails = await self._sessions.fail(current, lease, at, definite=flight.definite)
        if fails is None:
            self._tell(flight, "conflict")
            return Landed(await self._sessions.open(flight.ticket))
        self._tell(flight, "", fails)
        if exhausted(fails, current.token_end, now, self._outage_grace):
            return await self._end(flight, "refresh_exhausted")
        return Landed(replace(current, fails=fails, next_try=at))

    async def _refused(self, flight: Flight) -> Landed:
        """The grant is dead; unless another process spent the token first, and is about to write its new one."""
        current = flight.session
        for pause in REREAD_PAUSES:
            await self._sleep(pause)
            newer = await self._sessions.open(flight.ticket)
            if newer is None or newer.version != current.version:
                self._tell(flight, "conflict" if newer else "gone")
                return Landed(newer)
        self._tell(flight, "", current.fails)
        return await self._end(flight, "refresh_refused")

    async def _switched_off(self, flight: Flight, provider: str) -> Landed:
        """The directory says that the account is disabled: all sessions of the person end, and this one first."""
        identity = next(one for one in flight.session.identities if one.provider == provider)
        await self._sessions.suspicions.switched_off(identity)
        self._tell(flight, "", flight.session.fails)
        return await self._end(flight, "disabled")

    async def _end(self, flight: Flight, reason: str) -> Landed:
        try:
            await self._sessions.end(flight.ticket, reason)
        except StoreFault:  # ending twice ends once
            await self._sessions.end(flight.ticket, reason)
        return Landed(None)

    def _tell(self, flight: Flight, outcome: str, fails: int = 0) -> None:
        """How each failure ended: by the outcome, or where it is "" by its own verdict."""
        for one in flight.failures:
            self._report.finished(
                flight.session.id, one.provider, outcome or one.failed.verdict, one.began, fails
            )


def _with(identities: tuple[Identity, ...], renewed: Identity | None) -> tuple[Identity, ...]:
    """The identities with one of them renewed, each in its place."""
    if renewed is None:
        return identities
    return tuple([renewed if one.provider == renewed.provider else one for one in identities])
