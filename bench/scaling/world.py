"""The same population event by event: pages, checks, memories, notes of activity, refreshes, ends, notices.

Nothing here knows of the closed form. What a process remembers is decided by the gateway's own cache, and when a token
is due by the gateway's own schedule; the store is a table. Time is virtual, and the store answers at once: checks that
meet while a session is being read share a look in the gateway too (`gateway.sessions.shared_look`).
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum
from itertools import cycle
from random import Random

from bench.scaling.population import Population
from bench.scaling.rates import FLIGHT, Memory
from gateway.identity.identity import Identity
from gateway.sessions.cache import CAPACITY, Cache, Miss, weight
from gateway.sessions.cookie import Ticket
from gateway.sessions.schedule import Due, fresh_until, plan
from gateway.sessions.session import Session
from gateway.sessions.sessions import TOUCH_EVERY
from gateway.storage.bus import About, Notice

BEGIN = 1_900_000_000
"""Unix seconds."""


class _Kind(IntEnum):
    PAGE = 0
    CHECK = 1
    COMMIT = 2


@dataclass(slots=True)
class Seen:
    """What happened between the end of the warm-up and the end."""

    seconds: float
    checks: int = 0
    cold: int = 0
    touches: int = 0
    refreshes: int = 0
    logins: int = 0
    notices: int = 0
    held: int = 0
    """Sessions in the fullest memory of a process at any time."""

    @property
    def hit_share(self) -> float:
        return 1 - self.cold / self.checks


@dataclass(slots=True)
class World:
    """So many sessions in use at so many processes; with `affinity` each session is dealt to one of them.

    `people.life` is how long a session is used before it ends; another one begins in its place.
    """

    people: Population
    sessions: int
    processes: int
    affinity: bool
    memory: Memory
    random: Random
    _store: list[Session] = field(default_factory=list)
    _tickets: list[Ticket] = field(default_factory=list)
    _flying: set[int] = field(default_factory=set)
    _events: list[tuple[float, int, _Kind]] = field(default_factory=list)
    _caches: list[Cache] = field(default_factory=list)
    _turn: Iterator[int] = field(init=False)
    _seen: Seen = field(init=False)

    def __post_init__(self) -> None:
        self._turn = cycle(range(self.processes))
        for number in range(self.sessions):
            self._tickets.append(Ticket("", 0, number.to_bytes(32, "big")))
            self._store.append(self._session(number, BEGIN - int(self.random.random() * TOUCH_EVERY)))
            self._push(BEGIN + self.people.a_rest(self.random), number, _Kind.PAGE)
        capacity = int(min(CAPACITY, self.memory.sessions * weight(self._store[0])))
        self._caches = [Cache(self.memory.seconds, capacity=capacity) for _ in range(self.processes)]

    def run(self, warm: float, seconds: float) -> Seen:
        """Let it be used for `warm` seconds, then for `seconds`; what was seen in the latter."""
        self._until(BEGIN + warm, Seen(0.0))
        seen = Seen(seconds)
        self._until(BEGIN + warm + seconds, seen)
        return seen

    def _until(self, end: float, seen: Seen) -> None:
        self._seen = seen
        while self._events[0][0] < end:
            now, who, kind = heapq.heappop(self._events)
            if kind is _Kind.CHECK:
                self._check(now, who)
            elif kind is _Kind.PAGE:
                self._page(now, who)
            else:
                self._commit(now, who)

    def _push(self, when: float, who: int, kind: _Kind) -> None:
        heapq.heappush(self._events, (when, who, kind))

    def _session(self, number: int, now: int) -> Session:
        """A session whose token was received a while ago: not all of them end together."""
        begun = now - int(self.random.random() * self.people.token * 0.8)
        somebody = Identity(
            provider="corp",
            issuer="https://corp.example.com",
            subject=str(number),
            user="u",
            authenticated_at=now,
        )
        return Session(
            id=str(number), identities=(somebody,), created=now, absolute_end=now + 30 * 86_400, version=1, seen=now,
            token_end=begun + int(self.people.token), token_begun=begun,
        )  # fmt: skip

    def _page(self, now: float, who: int) -> None:
        if self.random.random() < self.people.pause / self.people.life:
            self._replace(now, who)
        for offset in self.people.a_page(self.random):
            self._push(now + offset, who, _Kind.CHECK)
        self._push(now + self.people.a_pause(self.random), who, _Kind.PAGE)

    def _replace(self, now: float, who: int) -> None:
        """A session ends, by a logout or by itself, and its person signs in again."""
        if self.random.random() < self.people.logouts:
            self._tell(who)
        self._seen.logins += 1
        # A new session has a new ticket, which nobody remembers; the old one's memories go by age.
        self._tickets[who] = Ticket("", int(now), self.random.randbytes(32))
        fresh = self._session(who, int(now))
        self._store[who] = replace(fresh, token_begun=int(now), token_end=int(now + self.people.token))

    def _check(self, now: float, who: int) -> None:
        seen, ticket = self._seen, self._tickets[who]
        cache = self._caches[who % self.processes if self.affinity else next(self._turn)]
        seen.checks += 1
        if cache.get(ticket, now, now) is not Miss.MISS:
            return
        seen.cold += 1
        mark, session = cache.mark(now), self._store[who]
        if now - session.seen >= TOUCH_EVERY:
            seen.touches += 1
            session = self._store[who] = replace(session, seen=int(now))
        if plan(session, now) is not Due.FRESH and who not in self._flying:
            seen.refreshes += 1
            self._flying.add(who)
            self._push(now + FLIGHT, who, _Kind.COMMIT)
        cache.put(ticket, session, min(session.seen + TOUCH_EVERY, fresh_until(session)), mark)
        seen.held = max(seen.held, len(cache))

    def _commit(self, now: float, who: int) -> None:
        self._flying.discard(who)
        session, end = self._store[who], int(now + self.people.token)
        self._store[who] = replace(session, version=session.version + 1, token_begun=int(now), token_end=end)
        self._tell(who)

    def _tell(self, who: int) -> None:
        self._seen.notices += 1
        for cache in self._caches:
            cache.hear(Notice(About.SESSION, self._store[who].id))
