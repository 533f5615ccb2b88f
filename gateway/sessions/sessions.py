"""Sessions: begin, open, commit, end.

A session is one record in the store with two sealed fields, `identity` (small, read by every check) and `grant`
(tokens, read by a refresh), a third one for lists (`meta`), and clear numbers beside them. The last activity is a
small value of its own, written at most once a minute, so that it never conflicts with a refresh. Missing is "no
session"; a `StoreFault` is not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from hmac import compare_digest
from typing import Any, Literal, TypeAlias

from gateway.identity.identity import Identity
from gateway.keys.keyring import Keyring
from gateway.observe.events import Emit, SessionBegun
from gateway.sessions.beginning import Beginnings, Begun, carried
from gateway.sessions.cookie import CookieSpec, Ticket
from gateway.sessions.device import Device
from gateway.sessions.draft import Draft, token_fields
from gateway.sessions.ending import Endings
from gateway.sessions.entry import EntrySealing
from gateway.sessions.farewell import Farewells
from gateway.sessions.index import Index
from gateway.sessions.joining import Joined, Joining
from gateway.sessions.lease import Lease, Leases
from gateway.sessions.notices import Notices
from gateway.sessions.opening import Opened, Openings
from gateway.sessions.over import LoginsOver
from gateway.sessions.person import list_names
from gateway.sessions.records import Records
from gateway.sessions.report import Report
from gateway.sessions.rights import Rights
from gateway.sessions.schedule import token_times
from gateway.sessions.sealing import Logins, Sealing, session_id
from gateway.sessions.session import Grant, Grants, Session, log_name
from gateway.sessions.suspicion import Suspicions
from gateway.sessions.sweeping import Sweeps
from gateway.settings.model import Sessions as Limits
from gateway.storage.bus import Bus
from gateway.storage.store import Store, Written

__all__ = ["Begun", "Committed", "Opened", "Sessions"]

TOUCH_EVERY = 60.0
"""Seconds between two notes of activity: an idle limit is days, a write for every check would be all the load."""

Committed: TypeAlias = Session | Literal[Written.CONFLICT] | None
"""What a commit came to: the new session, somebody else's newer version, or `None` where the session is gone."""


class Sessions:
    """The sessions of one deployment.

    `issuers` gives the issuer of each configured provider by its name; `admits` says whom their `allow:` lists. `bus`
    tells the other processes; `None` where no process remembers a session. `token_lifetime`: as in `Endings`.
    """

    def __init__(
        self,
        store: Store,
        ring: Keyring,
        spec: CookieSpec,
        limits: Limits,
        deployment: str,
        emit: Emit,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        issuers: Mapping[str, str],
        admits: Callable[[Identity], bool] = lambda _: True,
        bus: Bus | None = None,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        token_lifetime: float = 0.0,
    ) -> None:
        self._limits = limits
        self._sealing = Sealing(ring, deployment, random)
        self._emit = emit
        self._clock = clock
        self.touch_every = min(TOUCH_EVERY, limits.idle / 10)
        self._records = Records(store, self._sealing, limits.idle, clock)
        rights = Rights(store, ring, deployment, limits.absolute, clock, random)
        self._notices = Notices(bus, clock)
        self._leases = Leases(store, clock, random, sleep)
        index, entries = Index(store, clock), EntrySealing(ring, deployment, random)
        self._endings = Endings(store, index, self._notices, emit, token_lifetime)
        self._farewells = Farewells(store)
        self._sweeps = Sweeps(store, entries, index, self._endings, self._notices, emit, sleep)
        self.suspicions = Suspicions(
            store, rights, self._sweeps.end, limits.refusals_before_logout, Report(emit, clock), clock
        )
        self._openings = Openings(
            self._records,
            rights,
            self._endings,
            limits.idle,
            self.touch_every,
            issuers,
            admits,
            emit,
            clock,
            self.suspicions,
        )
        self._beginnings = Beginnings(
            ring,
            spec,
            self._records,
            entries,
            index,
            rights,
            LoginsOver(store),
            self._endings,
            clock,
            random,
        )

    async def begin(
        self,
        identity: Identity,
        grant: Grant | None,
        joins: Ticket | None = None,
        browser: str = "",
        device: Device = Device(),  # noqa: B008 (a frozen value)
        waits: float = 0.0,
    ) -> Begun:
        """Begin a session under a new id and a new key, whatever the browser brought along.

        With `joins` that session ends, and its other logins move over if it was begun in the same `browser`; they live
        no longer for it. With `waits` the session is gone after so many seconds, unless it was kept (`keep`).

        Raises `StoreFault`, `NotAllowed` for a person who is disabled and `AttemptUnknown` where the provider has ended
        the login meanwhile; then nobody holds a ticket to anything new.
        """
        now = int(self._clock())
        # Read before anything is written: whoever ends all of the person's sessions from here on ends this one too.
        epoch = await self._beginnings.epoch(identity)
        joined = await self._joined(joins, identity.provider, browser) if joins else Joined()
        known, others = joined.session, _others(joined.session, identity.provider, browser)
        end = now + int(self._limits.absolute)
        logins = Logins(
            identities=(*others, identity),
            created=now,
            absolute_end=min(end, known.absolute_end) if known and others else end,
            browser=browser,
            # Those who moved keep the epoch that they came with: read anew, it would forgive what was ended just now.
            epochs=carried({**(known.epochs if known and others else {}), identity.provider: epoch}),
        )
        grants = {**joined.grants, **({identity.provider: grant} if grant is not None else {})}
        if grant is not None:
            await self.suspicions.signed_in(identity, grant)
        begun = await self._beginnings.write(logins, grants, device, doubtful=joined.doubtful, waits=waits)
        replaced = not joins or await self._replaced(joins, joined.session)
        if others and not (replaced and await self._beginnings.still_on(others)):
            # Somebody signed out, or was, after we had looked: their logins must not live on under the new name.
            await self._endings.discard(begun.session.id, list_names(logins.identities))
            return await self.begin(identity, grant, browser=browser, device=device, waits=waits)
        self._emit(SessionBegun(log_name(begun.session.id), identity.key, identity.provider))
        return begun

    async def keep(self, session: Session) -> bool:
        """Let a session that waits (`begin`) live by the limits of all; whether it is still there."""
        return await self._records.touch(session, int(self._clock()))

    async def _joined(self, ticket: Ticket, provider: str, browser: str) -> Joined:
        joining = Joining(lambda: self.open(ticket), lambda one: self.grants(ticket, one), self._leases)
        return await joining.look(
            lambda session: frozenset([one.provider for one in _others(session, provider, browser)])
        )

    async def _replaced(self, ticket: Ticket, session: Session | None) -> bool:
        """End the session that another one takes the place of; whether it was there."""
        subject, names = (session.latest.key, list_names(session.identities)) if session else ("", ())
        return await self._endings.end(session_id(ticket), subject, "replaced", names)

    async def open(self, ticket: Ticket) -> Session | None:
        """The session of a ticket, as `Openings.open`."""
        opened = await self._openings.open(ticket)
        return opened.session if opened else None

    async def open_with_grants(self, ticket: Ticket) -> Opened | None:
        """As `open`, and its tokens, by the same look."""
        return await self._openings.open(ticket, grants=True)

    async def grants(self, ticket: Ticket, session: Session) -> Grants:
        """The tokens of a session; empty where it is gone, was committed anew since, or does not open."""
        grants = await self._records.grants(ticket, session.id)
        configured = {one.provider for one in session.identities}
        return {name: grant for name, grant in grants.items() if name in configured}

    def drafted(self, ticket: Ticket, draft: Draft) -> Grants:
        """The tokens of a draft; empty where they do not open."""
        return self._records.drafted(ticket, draft)

    def draft(
        self, ticket: Ticket, session: Session, lease: Lease, identities: tuple[Identity, ...], grants: Grants
    ) -> Draft:
        """New logins and tokens to go on top of `session`, sealed under the active key. A success forgets failed tries."""
        logins = Logins(
            identities=identities,
            created=session.created,
            absolute_end=session.absolute_end,
            browser=session.browser,
            epochs=session.epochs,
        )
        fields = {
            "identity": self._sealing.seal_logins(ticket, session.id, logins),
            "grant": self._sealing.seal_grants(ticket, session.id, grants),
            **token_fields(grants),
        }
        token_end, token_begun = token_times(grants.values())
        committed = replace(
            session,
            identities=identities,
            version=session.version + 1,
            token_end=token_end,
            token_begun=token_begun,
            next_try=0.0,
            fails=0,
        )
        return Draft(committed, lease, fields)

    async def commit(self, draft: Draft) -> Committed:
        """Write a draft in one step, if the record still is of the version below it; ends its lease.

        May be repeated after a `StoreFault`: what was written is not written twice.
        """
        outcome = await self._records.commit(draft)
        if outcome is Written.CONFLICT:
            return Written.CONFLICT
        if outcome is Written.GONE:
            return None
        await self._notices.session(draft.session.id)
        return draft.session

    async def fail(self, session: Session, lease: Lease, next_try: float, *, definite: bool) -> int | None:
        """Count a failed refresh of this version, not to be tried again before `next_try`, and end its lease.

        `definite`: the refresh token cannot have been spent. The number of failures in a row; `None` where the session
        is gone, somebody refreshed it meanwhile, or the lease is over.
        """
        return await self._records.fail(session, lease, next_try, definite=definite)

    async def end(self, ticket: Ticket, reason: str) -> None:
        """End the session, if there is one; `reason` goes into the log. Ended means deleted, not marked."""
        logins = await self._records.logins(ticket)
        known = logins.identities if logins else ()
        subject = known[-1].key if known else ""
        await self._endings.end(session_id(ticket), subject, reason, list_names(known))

    async def why_over(self, ticket: Ticket) -> str:
        """Why the session of a ticket has ended that its person did not end, a reason of `SessionEnded`; "" for none."""
        return await self._farewells.of(session_id(ticket))

    async def close(self, patience: float) -> None:
        """Let the deletions that are under way end, for at most `patience` seconds; then leave the rest."""
        await self._sweeps.close(patience)


def _others(session: Session | None, provider: str, browser: str) -> tuple[Identity, ...]:
    """The logins of a session that move to a new one at this provider, in this browser."""
    # A neighbour under the parent domain can plant a session of its own (RFC 6265 section 8.6), but no mark: or its
    # login would live on in the session of whoever signs in next.
    if session is None or not compare_digest(session.browser, browser):
        return ()
    return tuple([one for one in session.identities if one.provider != provider])
