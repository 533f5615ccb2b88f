"""The records of sessions in the store: how one is read, created, touched, committed and deleted.

No limit is judged here, and nobody is told of anything: that is for those who use them.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import NamedTuple

from gateway.errors import StoreFault, Unsealable
from gateway.sessions.cookie import Ticket
from gateway.sessions.draft import Draft, token_fields
from gateway.sessions.lease import Lease
from gateway.sessions.schedule import token_times
from gateway.sessions.sealing import Logins, Sealing, activity_key, record_key, session_id
from gateway.sessions.session import Grants, Session
from gateway.storage.store import Record, Store, Written

SLACK = 3600.0
"""Seconds for which a record outlives the limit that ends it: who comes back is seen to have come too late."""

_CHECKED = ("identity", "token_end", "token_begun", "next", "fails")
_HANDED_ON = (*_CHECKED, "grant")
_NOT_ASKED_FOR: Grants = MappingProxyType({})


class Found(NamedTuple):
    """One look: a session, and the plain values that were asked for beside it, in their order; its tokens if asked for."""

    session: Session
    beside: tuple[bytes | None, ...]
    grants: Grants = _NOT_ASKED_FOR


class Records:
    """`idle` is the idle limit in seconds; `clock` gives Unix seconds."""

    def __init__(self, store: Store, sealing: Sealing, idle: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._sealing = sealing
        self._idle = idle
        self._clock = clock

    async def create(
        self,
        ticket: Ticket,
        logins: Logins,
        grants: Grants,
        beside: dict[str, bytes] | None = None,
        waits: float = 0.0,
    ) -> Session:
        """Write a new session, with the sealed fields of `beside` too. `StoreFault` where it could not be.

        With `waits` it is gone after so many seconds, unless it was touched.
        """
        sid, now = session_id(ticket), int(self._clock())
        # The activity first: a record without one counts as idle.
        await self._store.put(activity_key(sid), b"%d" % now, waits or self._idle)
        fields = {
            "identity": self._sealing.seal_logins(ticket, sid, logins),
            "grant": self._sealing.seal_grants(ticket, sid, grants),
            **(beside or {}),
            **{name: value for name, value in token_fields(grants).items() if value is not None},
        }
        if not await self._store.create(
            record_key(sid), fields, waits or self._ttl(logins.absolute_end, now)
        ):
            raise StoreFault("a new session's id is taken")
        token_end, token_begun = token_times(grants.values())
        return Session(
            id=sid,
            identities=logins.identities,
            created=logins.created,
            absolute_end=logins.absolute_end,
            version=1,
            seen=now,
            token_end=token_end,
            token_begun=token_begun,
            browser=logins.browser,
            epochs=logins.epochs,
        )

    async def read(
        self, ticket: Ticket, sid: str, beside: Sequence[str] = (), *, grants: bool = False
    ) -> Found | None:
        """The session of a ticket as it stands, and the plain values `beside` it; `sid` is the ticket's.

        With `grants` its tokens too: none where they do not open. Raises `Unsealable` where the session does not.
        """
        fields = _HANDED_ON if grants else _CHECKED
        reading = await self._store.read(record_key(sid), fields, (activity_key(sid), *beside))
        record = reading.record
        if record is None:
            return None
        activity, *plain = reading.beside
        session = self._unseal(ticket, sid, record, activity)
        if not grants:
            return Found(session, tuple(plain))
        return Found(session, tuple(plain), self._opened(ticket, sid, record.fields.get("grant")))

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
            seen=number(activity or None),
            token_end=number(clear.get("token_end")),
            token_begun=number(clear.get("token_begun")),
            next_try=number(clear.get("next")),
            fails=number(clear.get("fails")),
            browser=logins.browser,
            epochs=logins.epochs,
        )

    async def logins(self, ticket: Ticket) -> Logins | None:
        """Who is signed in; empty where that does not open, `None` where there is no record."""
        sid = session_id(ticket)
        reading = await self._store.read(record_key(sid), ("identity",))
        if reading.record is None:
            return None
        try:
            return self._sealing.open_logins(ticket, sid, reading.record.fields.get("identity", b""))
        except Unsealable:
            return Logins(identities=(), created=0, absolute_end=0)

    async def grants(self, ticket: Ticket, sid: str) -> Grants:
        """The tokens; empty where there is no record, or where they do not open."""
        reading = await self._store.read(record_key(sid), ("grant",))
        return self._opened(ticket, sid, reading.record.fields.get("grant") if reading.record else None)

    def drafted(self, ticket: Ticket, draft: Draft) -> Grants:
        """The tokens of a draft; empty where they do not open."""
        return self._opened(ticket, draft.session.id, draft.fields.get("grant"))

    def _opened(self, ticket: Ticket, sid: str, sealed: bytes | None) -> Grants:
        if sealed is None:
            return {}
        try:
            return self._sealing.open_grants(ticket, sid, sealed)
        except Unsealable:
            return {}

    async def touch(self, session: Session, seen: int) -> bool:
        """Note an activity; whether the session is still there."""
        ttl = self._ttl(session.absolute_end, seen)
        key = record_key(session.id)
        return await self._store.touch(key, ttl, activity_key(session.id), b"%d" % seen, self._idle)

    async def commit(self, draft: Draft) -> Written:
        new, lease = draft.session, draft.lease
        ttl = self._ttl(new.absolute_end, self._clock())
        return await self._store.commit(
            record_key(new.id), new.version - 1, lease.fence, lease.owner, draft.fields, ttl
        )

    async def fail(self, session: Session, lease: Lease, next_try: float, *, definite: bool) -> int | None:
        key = record_key(session.id)
        return await self._store.fail(key, session.version, lease.owner, next_try, definite)

    def _ttl(self, absolute_end: int, now: float) -> float:
        return min(self._idle, absolute_end - now) + SLACK


def number(raw: bytes | None) -> int:
    """A clear field, 0 where there is none, or `Unsealable`.

    Whoever can write to the store writes them, so only a plain number is one.
    """
    if raw is None:
        return 0
    if not raw.isdigit() or len(raw) > 12:
        raise Unsealable("a clear field that is no number")
    return int(raw)
