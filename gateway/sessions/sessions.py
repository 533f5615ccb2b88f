"""Sessions: begin, open, commit, end.

A session is one record in the store with two sealed fields, `identity` (small, read by every check) and `grant`
(tokens, read by a refresh), and clear numbers beside them. The last activity is a small value of its own, written at
most once a minute, so that it never conflicts with a refresh. Missing is "no session"; a `StoreFault` is not.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Literal, TypeAlias

from gateway.errors import StoreFault, Unsealable
from gateway.identity.identity import Identity
from gateway.keys.keyring import Keyring
from gateway.observe.events import Emit, SessionBegun, SessionEnded
from gateway.sessions.cookie import CookieSpec, Ticket, issue_ticket
from gateway.sessions.sealing import Logins, Sealing, activity_key, record_key, session_id
from gateway.sessions.session import Grant, Grants, Session, log_name
from gateway.settings.model import Sessions as Limits
from gateway.storage.store import Record, Replaced, Store

TOUCH_EVERY = 60.0
"""Seconds between two notes of activity: an idle limit is days, a write for every check would be all the load."""

# A record outlives the limit that ends it by an hour, so that somebody who comes back is seen to have come too late.
_SLACK = 3600.0
_CHECKED = ("identity", "token_end", "token_begun", "next", "fails")

Committed: TypeAlias = Session | Literal[Replaced.CONFLICT] | None
"""What a commit came to: the new session, somebody else's newer version, or `None` where the session is gone."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A new session: the value for its cookie (secret), the ticket in it, and what a check will see."""

    cookie: str = field(repr=False)
    ticket: Ticket
    session: Session


class Sessions:
    """The sessions of one deployment. `issuers` gives the issuer of each configured provider by its name."""

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
        self._touch_every = min(TOUCH_EVERY, limits.idle / 10)

    async def begin(self, identity: Identity, grant: Grant | None, joins: Ticket | None = None) -> Begun:
        """Begin a session under a new id and a new key, whatever the browser brought along.

        With `joins` the other logins of that session move over and it ends; logins that move live no longer for it.
        Raises `StoreFault`; then nobody holds a ticket to anything new.
        """
        now = int(self._clock())
        joined = await self.open(joins) if joins else None
        moved = await self.grants(joins, joined) if joins and joined else {}
        others = (
            tuple([one for one in joined.identities if one.provider != identity.provider]) if joined else ()
        )
        end = now + int(self._limits.absolute)
        logins = Logins(
            identities=(*others, identity),
            created=now,
            absolute_end=min(end, joined.absolute_end) if joined and others else end,
        )
        grants = {one.provider: moved[one.provider] for one in others if one.provider in moved}
        if grant is not None:
            grants[identity.provider] = grant
        begun = await self._create(logins, grants, now)
        if joins:
            await self._drop(session_id(joins), joined.latest.key if joined else "", "replaced")
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
            **{name: value for name, value in _token_fields(grants).items() if value is not None},
        }
        if not await self._store.create(record_key(sid), fields, self._ttl(logins.absolute_end, now)):
            raise StoreFault("a new session's id is taken")
        token_end, token_begun = _token_times(grants.values())
        session = Session(
            id=sid,
            identities=logins.identities,
            created=logins.created,
            absolute_end=logins.absolute_end,
            version=1,
            seen=now,
            token_end=token_end,
            token_begun=token_begun,
        )
        return Begun(cookie, ticket, session)

    async def open(self, ticket: Ticket) -> Session | None:
        """The session of a ticket; `None` where there is none, or where it has just ended by a limit.

        Logins at a provider that is no longer configured, or that now stands for another issuer, do not count.
        A record that does not open is no session either: it is left alone, since a newer release may have written
        it, and its time to live ends it.
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
        )

    def _limit_reached(self, session: Session, now: float) -> str:
        if now >= session.absolute_end:
            return "absolute"
        return "idle" if now - session.seen > self._limits.idle else ""

    def _configured(self, identities: tuple[Identity, ...]) -> tuple[Identity, ...]:
        # A section of gateway.yaml can come to stand for somebody else; its old logins must not speak for the new.
        return tuple([one for one in identities if self._issuers.get(one.provider) == one.issuer])

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

    async def commit(
        self, ticket: Ticket, session: Session, identities: tuple[Identity, ...], grants: Grants
    ) -> Committed:
        """Write new logins and tokens in one step, if the record still is of `session.version`.

        Sealed anew under the active key. A success forgets failed tries.
        """
        sid = session.id
        logins = Logins(identities=identities, created=session.created, absolute_end=session.absolute_end)
        fields: dict[str, bytes | None] = {
            "identity": self._sealing.seal_logins(ticket, sid, logins),
            "grant": self._sealing.seal_grants(ticket, sid, grants),
            **_token_fields(grants),
            "next": None,
            "fails": None,
        }
        ttl = self._ttl(session.absolute_end, self._clock())
        outcome = await self._store.replace(record_key(sid), session.version, fields, ttl)
        if outcome is Replaced.CONFLICT:
            return Replaced.CONFLICT
        if outcome is Replaced.GONE:
            return None
        token_end, token_begun = _token_times(grants.values())
        return replace(
            session,
            identities=identities,
            version=session.version + 1,
            token_end=token_end,
            token_begun=token_begun,
            next_try=0.0,
            fails=0,
        )

    async def fail(self, ticket: Ticket, session: Session, next_try: float) -> int | None:
        """Count a failed refresh of this version, not to be tried again before `next_try`.

        The number of failures in a row; `None` where the session is gone, or somebody refreshed it meanwhile.
        """
        return await self._store.fail(record_key(session_id(ticket)), session.version, ceil(next_try))

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

    async def _drop(self, sid: str, subject: str, reason: str) -> None:
        gone = await self._store.delete((record_key(sid), activity_key(sid)))
        if gone:  # of several who end it, those who come late have nothing to tell
            self._emit(SessionEnded(log_name(sid), subject, reason))


def _token_times(grants: Iterable[Grant]) -> tuple[int, int]:
    """End and begin of the token that ends first among those that a refresh could prolong; zeros where there is none."""
    return min([(g.expires, g.begun) for g in grants if g.refresh_token and g.expires], default=(0, 0))


def _token_fields(grants: Grants) -> dict[str, bytes | None]:
    token_end, token_begun = _token_times(grants.values())
    return {
        "token_end": b"%d" % token_end if token_end else None,
        "token_begun": b"%d" % token_begun if token_begun else None,
    }


def _number(raw: bytes) -> int:
    # Clear fields can be written by whoever can write to the store: nothing but a plain number is a number.
    if not raw.isdigit() or len(raw) > 12:
        raise Unsealable("a clear field that is no number")
    return int(raw)
