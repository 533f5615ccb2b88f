"""What a check asks: the session of a ticket, from memory where that is as good as the store, else from the store.

    remembered, the bus current, nothing due    at once, without waiting for anybody
    anything else                               opened, its tokens made fresh, and remembered
    the store does not answer                   a fault; or, where the operator allows it, what was read a moment ago

The doors for people (login, logout, their own pages) never ask here: they ask the store.
"""

from collections.abc import Awaitable, Callable, Hashable

from gateway.errors import StoreFault
from gateway.observe.events import Emit, GraceGiven
from gateway.observe.tally import Tally
from gateway.sessions.cache import Cache, Memory, Miss, Remembered
from gateway.sessions.cookie import Ticket
from gateway.sessions.hand_through import HandThrough, WithTokens
from gateway.sessions.schedule import fresh_until
from gateway.sessions.session import Session
from gateway.settings.model import Sessions as Limits
from gateway.storage.bus import Bus


class Reader:
    """One for a process.

    `open_session` opens, and notes activity at most every `touch_every` seconds; `ensure` keeps tokens fresh, and is told
    how many seconds the request has waited; `hand_through` does both for rules that hand tokens through. `clock` is Unix
    time, `ticks` a monotonic clock.
    """

    def __init__(
        self,
        open_session: Callable[[Ticket], Awaitable[Session | None]],
        ensure: Callable[[Ticket, Session, float], Awaitable[Session | None]],
        hand_through: HandThrough,
        touch_every: float,
        bus: Bus,
        limits: Limits,
        emit: Emit,
        clock: Callable[[], float],
        ticks: Callable[[], float],
    ) -> None:
        self._open = open_session
        self._ensure = ensure
        self._hand_through = hand_through
        self._touch_every = touch_every
        self._bus = bus
        self._idle = limits.idle
        self._grace = limits.grace
        self._cache = Cache(limits.cache_ttl, self._grace)
        self._clock = clock
        self._ticks = ticks
        self._given = Tally(lambda count: emit(GraceGiven(count)), ticks)
        bus.subscribe(self._cache.hear)

    def now(self, ticket: Ticket, *, strict: bool) -> Remembered:
        """What is remembered and may be used, without waiting; `MISS` where `read` has to tell."""
        # The bus first: on some backends to ask it is to hear what is new.
        if strict or not self._bus.current():
            return Miss.MISS
        return self._cache.get(ticket, self._ticks(), self._clock())

    def note(self, memory: Memory, key: Hashable, value: object, weight: int) -> None:
        """Keep what was made of a memory that `now` gave, for as long as that is kept; `weight` in bytes."""
        self._cache.note(memory, key, value, weight)

    async def read(self, ticket: Ticket, *, strict: bool, harmless: bool) -> Session | None:
        """The session as the store has it, its tokens fresh. Raises `StoreFault` where nobody may say.

        During an outage a memory may stand in, for a `harmless` request (RFC 9110 section 9.2.1) that is not `strict`.
        """
        mark = self._cache.mark(self._ticks())
        try:
            session = await self._open(ticket)
            if session is not None:
                session = await self._ensure(ticket, session, self._ticks() - mark.ticks)
        except StoreFault:
            kept = self._by_grace(ticket) if harmless and not strict else None
            if kept is None:
                raise
            self._given.add()
            return kept.session
        self._given.flush()
        self._cache.put(ticket, session, self._until(session), mark)
        return session

    async def read_with_tokens(self, ticket: Ticket, *, strict: bool, harmless: bool) -> WithTokens | None:
        """As `read`, with what rules hand through. In an outage only a memory that has that can stand in."""
        mark = self._cache.mark(self._ticks())
        try:
            found = await self._hand_through.read(ticket, lambda: self._ticks() - mark.ticks)
        except StoreFault:
            kept = self._by_grace(ticket) if harmless and not strict else None
            if kept is None or kept.session is None or kept.handed is None:
                raise
            self._given.add()
            return WithTokens(kept.session, kept.handed)
        self._given.flush()
        session, handed = found or (None, None)
        self._cache.put(ticket, session, self._until(session), mark, handed)
        return found

    def _until(self, session: Session | None) -> float:
        """Until when (Unix seconds) there is nothing to do for the session but to serve it."""
        if session is None:
            return 0.0
        return min(session.absolute_end, session.seen + self._touch_every, fresh_until(session))

    def _by_grace(self, ticket: Ticket) -> Memory | None:
        memory = self._cache.kept(ticket, self._ticks()) if self._grace else None
        session, now = memory.session if memory else None, self._clock()
        if session is None or now >= session.absolute_end or now - session.seen > self._idle:
            return None
        return None if session.token_end and now >= session.token_end else memory
