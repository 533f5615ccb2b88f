"""Sessions: begin, open, commit, end.

A session is one record in the store with two sealed fields, `identity` (small, read by every check) and `grant`
(tokens, read by a refresh), and clear numbers beside them. The last activity is a small value of its own, written at
most once a minute, so that it never conflicts with a refresh. Missing is "no session"; a `StoreFault` is not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import Literal, TypeAlias

from gateway.errors import StoreFault, Unsealable
from gateway.identity.identity import Identity
from gateway.keys.keyring import Keyring
from gateway.observe.events import Emit, SessionBegun, SessionEnded
from gateway.sessions.cookie import CookieSpec, Ticket, issue_ticket
from gateway.sessions.draft import Draft, token_fields
from gateway.sessions.lease import Lease
from gateway.sessions.schedule import token_times
from gateway.sessions.sealing import Logins, Sealing, activity_key, record_key, session_id
from gateway.sessions.session import Grant, Grants, Session, log_name
from gateway.settings.model import Sessions as Limits
from gateway.storage.store import Record, Store, Written

TOUCH_EVERY = 60.0
"""Seconds between two notes of activity: an idle limit is days, a write for every check would be all the load."""

# A record outlives the limit that ends it by an hour, so that somebody who comes back is seen to have come too late.
_SLACK = 3600.0
_CHECKED = ("identity", "token_end", "token_begun", "next", "fails")

Committed: TypeAlias = Session | Literal[Written.CONFLICT] | None
"""What a commit came to: the new session, somebody else's newer version, or `None` where the session is gone."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A new session: the value for its cookie (secret), the ticket in it, and what a check will see."""

    cookie: str = field(repr=False)
    ticket: Ticket
    session: Session


class Sessions:
    """The sessions of one deployment.

    `issuers` gives the issuer of each configured provider by its name; `admits` says whom their `allow:` lists.
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
    ) -> None:
        self._store = store
        self._ring = ring
        self._spec = spec
        self._limits = limits
        self._sealing = Sealing(ring, deployment, random)
        self._emit = emit
        self._clock = clock
        self._random = random
        self._issuers = issuers
        self._admits = admits
        self._touch_every = min(TOUCH_EVERY, limits.idle / 10)

    async def begin(
        self, identity: Identity, grant: Grant | None, joins: Ticket | None = None, browser: str = ""
    ) -> Begun:
        """Begin a session under a new id and a new key, whatever the browser brought along.

        With `joins` that session ends, and its other logins move over if it was begun in the same `browser`; they live
        no longer for it. Raises `StoreFault`; then nobody holds a ticket to anything new.
        """
        now = int(self._clock())
        joined = await self.open(joins) if joins else None
        moved = await self.grants(joins, joined) if joins and joined else {}
        # A neighbour under the parent domain can plant a session of its own (RFC 6265 section 8.6), but no mark: or
        # its login would live on in the session of whoever signs in next.
        known = joined.identities if joined and compare_digest(joined.browser, browser) else ()
        others = tuple([one for one in known if one.provider != identity.provider])
        end = now + int(self._limits.absolute)
        logins = Logins(
            identities=(*others, identity),
            created=now,
            absolute_end=min(end, joined.absolute_end) if joined and others else end,
            browser=browser,
        )
        grants = {one.provider: moved[one.provider] for one in others if one.provider in moved}
        if grant is not None:
            grants[identity.provider] = grant
        begun = await self._create(logins, grants, now)
        ended = joins and await self._drop(session_id(joins), joined.latest.key if joined else "", "replaced")
        if others and not ended:
            # Somebody signed out after we had looked: their logins must not live on under the new name.
            await self._store.delete((record_key(begun.session.id), activity_key(begun.session.id)))
            return await self.begin(identity, grant, browser=browser)
        self._emit(SessionBegun(log_name(begun.session.id), identity.key, identity.provider))
        return begun

    async def _create(self, logins: Logins, grants: Grants, now: int) -> Begun:
        cookie, ticket = issue_ticket(self._ring, self._spec, now, self._random)
        sid = session_id(ticket)
        # The activity first: a record without one counts as idle.
        await self._store.put(activity_key(sid), b"%d" % now, self._limits.idle)
        fields = {
            "identity": self._sealing.seal_logins(ticket, sid, logins),
            "grant": self._sealing.seal_grants(ticket, sid, grants),
            **{name: value for name, value in token_fields(grants).items() if value is not None},
        }
        if not await self._store.create(record_key(sid), fields, self._ttl(logins.absolute_end, now)):
            raise StoreFault("a new session's id is taken")
        token_end, token_begun = token_times(grants.values())
        session = Session(
            id=sid,
            identities=logins.identities,
            created=logins.created,
            absolute_end=logins.absolute_end,
            version=1,
            seen=now,
            token_end=token_end,
            token_begun=token_begun,
            browser=logins.browser,
        )
        return Begun(cookie, ticket, session)

    async def open(self, ticket: Ticket) -> Session | None:
        """The session of a ticket; `None` where there is none, or where it has just ended by a limit.

        Logins do not count at a provider that is not configured any more, that stands for another issuer now, or that
        no longer admits the person. A record that does not open is no session either: it is left alone, since a newer
        release may have written it, and its time to live ends it.
        """
        sid = session_id(ticket)
        reading = await self._store.read(record_key(sid), _CHECKED, (activity_key(sid),))
        if reading.record is None:
            return None
        try:
            session = self._unseal(ticket, sid, reading.record, reading.beside[0])
        except Unsealable:
            self._emit(SessionEnded(log_name(sid), "", "unreadable"))
            return None
        now = self._clock()
        ended = self._limit_reached(session, now)
        if ended:
            await self._drop(sid, session.latest.key, ended)
            return None
        known = self._configured(session.identities)
        if not known:
            return None
        return await self._touched(replace(session, identities=known), now)

    def _unseal(self, ticket: Ticket, sid: str, record: Record, activity: bytes | None) -> Session:
        clear = record.fields
        logins = self._sealing.open_logins(ticket, sid, clear.get("identity", b""))
        if not logins.identities:
            raise Unsealable("a session of nobody")
        return Session(
            id=sid,
            identities=logins.identities,
            created=logins.created,
            absolute_end=logins.absolute_end,
            version=record.version,
            seen=_number(activity or b"0"),
            token_end=_number(clear.get("token_end", b"0")),
            token_begun=_number(clear.get("token_begun", b"0")),
            next_try=_number(clear.get("next", b"0")),
            fails=_number(clear.get("fails", b"0")),
            browser=logins.browser,
        )

    def _limit_reached(self, session: Session, now: float) -> str:
        if now >= session.absolute_end:
            return "absolute"
        return "idle" if now - session.seen > self._limits.idle else ""

    def _configured(self, identities: tuple[Identity, ...]) -> tuple[Identity, ...]:
        # A section of gateway.yaml can come to stand for somebody else; its old logins must not speak for the new.
        # And whoever was taken off its `allow:` is out with the restart, not when the session ends in a month.
        return tuple(
            [one for one in identities if self._issuers.get(one.provider) == one.issuer and self._admits(one)]
        )

    async def _touched(self, session: Session, now: float) -> Session | None:
        if now - session.seen < self._touch_every:
            return session
        seen = int(now)
        exists = await self._store.touch(
            record_key(session.id),
            self._ttl(session.absolute_end, now),
            activity_key(session.id),
            b"%d" % seen,
            self._limits.idle,
        )
        return replace(session, seen=seen) if exists else None

    def _ttl(self, absolute_end: int, now: float) -> float:
        return min(self._limits.idle, absolute_end - now) + _SLACK

    async def grants(self, ticket: Ticket, session: Session) -> Grants:
        """The tokens of a session; empty where it is gone, was committed anew since, or does not open."""
        reading = await self._store.read(record_key(session.id), ("grant",))
        sealed = reading.record.fields.get("grant") if reading.record else None
        if sealed is None:
            return {}
        try:
            grants = self._sealing.open_grants(ticket, session.id, sealed)
        except Unsealable:
            return {}
        configured = {one.provider for one in session.identities}
        return {name: grant for name, grant in grants.items() if name in configured}

    def draft(
        self, ticket: Ticket, session: Session, lease: Lease, identities: tuple[Identity, ...], grants: Grants
    ) -> Draft:
        """New logins and tokens to go on top of `session`, sealed under the active key. A success forgets failed tries."""
        logins = Logins(
            identities=identities,
            created=session.created,
            absolute_end=session.absolute_end,
            browser=session.browser,
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
        new, lease = draft.session, draft.lease
        ttl = self._ttl(new.absolute_end, self._clock())
        outcome = await self._store.commit(
            record_key(new.id), new.version - 1, lease.fence, lease.owner, draft.fields, ttl
        )
        if outcome is Written.CONFLICT:
            return Written.CONFLICT
        return new if outcome is Written.DONE else None

    async def fail(self, session: Session, lease: Lease, next_try: float, *, definite: bool) -> int | None:
        """Count a failed refresh of this version, not to be tried again before `next_try`, and end its lease.

        `definite`: the refresh token cannot have been spent. The number of failures in a row; `None` where the session
        is gone, somebody refreshed it meanwhile, or the lease is over.
        """
        key = record_key(session.id)
        return await self._store.fail(key, session.version, lease.owner, next_try, definite)

    async def end(self, ticket: Ticket, reason: str) -> None:
        """End the session, if there is one; `reason` goes into the log. Ended means deleted, not marked."""
        sid = session_id(ticket)
        reading = await self._store.read(record_key(sid), ("identity",))
        if reading.record is None:
            return
        try:
            logins = self._sealing.open_logins(ticket, sid, reading.record.fields.get("identity", b""))
            subject = logins.identities[-1].key
        except (Unsealable, IndexError):
            subject = ""
        await self._drop(sid, subject, reason)

    async def _drop(self, sid: str, subject: str, reason: str) -> bool:
        """End a session; whether it was there to be ended."""
        gone = await self._store.delete((record_key(sid), activity_key(sid)))
        if gone:  # of several who end it, those who come late have nothing to tell
            self._emit(SessionEnded(log_name(sid), subject, reason))
        return gone > 0


def _number(raw: bytes) -> int:
    # Clear fields can be written by whoever can write to the store: nothing but a plain number is a number.
    if not raw.isdigit() or len(raw) > 12:
        raise Unsealable("a clear field that is no number")
    return int(raw)
