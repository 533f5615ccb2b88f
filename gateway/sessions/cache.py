"""What a process remembers of the sessions that it has opened, and what makes it forget.

Two things bound how wrong a memory can be: its age, and the notices of the bus. A notice can also come while a
session is being read: what was read may be older than what the notice tells of, and must not be kept after it. So a
read is marked before it begins, and what it finds is kept only if nothing that concerns it was told since.

Ages are of a monotonic clock; only the limits of the session itself are Unix time.
"""

from collections import OrderedDict
from collections.abc import Hashable
from enum import Enum
from typing import Any, Literal, NamedTuple, TypeAlias

from gateway.identity.identity import Identity
from gateway.sessions.cookie import Ticket
from gateway.sessions.handed import HandedTokens
from gateway.sessions.person import person_of
from gateway.sessions.session import Session
from gateway.storage.bus import About, Notice

CAPACITY = 16_000_000
"""Bytes, as `weight` reckons them."""

NOBODY_FOR = 1.0
"""Seconds for which it is remembered that a ticket opens nothing; such a memory can only deny."""

NAMES = 1000
"""Notices that are kept in mind for the reads under way; beyond, all of these are in vain."""


NOTES = 32
"""Notes on one memory."""


class Miss(Enum):
    """Nothing is remembered that may be used. `None` is something else: there is no session."""

    MISS = "miss"


class Mark(NamedTuple):
    """The moment at which a read began: by the clock, and in the order of the notices."""

    ticks: float
    notices: int


class Memory:
    """A session as it was read, and what has been made of it since, which is forgotten with it.

    `session` is `None` for a ticket that opens nothing; `handed` is `None` where nobody has asked for its tokens.
    `notes` are for whoever asks: they hold as long as the memory.
    """

    __slots__ = ("handed", "names", "notes", "read", "session", "ticket", "until", "weight")

    def __init__(
        self,
        ticket: Ticket,
        session: Session | None,
        read: float,
        until: float,
        handed: HandedTokens | None = None,
    ) -> None:
        self.ticket = ticket
        self.session = session
        self.handed = handed
        self.read = read
        self.until = until
        self.names = _names(session)
        self.weight = weight(session) + sum([one.weight for one in (handed or {}).values()])
        self.notes: dict[Hashable, Any] = {}


Remembered: TypeAlias = Memory | Literal[Miss.MISS] | None


class Cache:
    """Sessions by their tickets, which whoever asks has verified.

    `ttl` seconds is the age up to which a memory is used, `kept` (at least as long) that up to which it is kept for
    an outage; `capacity` in bytes, beyond which those that were used longest ago go.
    """

    def __init__(self, ttl: float, kept: float = 0.0, capacity: int = CAPACITY) -> None:
        self._ttl = ttl
        self._nobody_for = min(ttl, NOBODY_FOR)
        self._kept = max(ttl, kept)
        self._capacity = capacity
        # By the secret, which is found quicker than a whole ticket; the rest of it is compared.
        self._memories: OrderedDict[bytes, Memory] = OrderedDict()
        self._named: dict[tuple[About, str], set[bytes]] = {}
        self._told: dict[tuple[About, str], int] = {}
        self._notices = 0
        self._all = 0
        self.weight = 0

    def __len__(self) -> int:
        return len(self._memories)

    def get(self, ticket: Ticket, ticks: float, now: float) -> Remembered:
        """What is remembered of a ticket, `None` where it has no session, `MISS` where a read has to tell."""
        memory = self._memories.get(ticket.secret)
        if memory is None or (memory.ticket is not ticket and memory.ticket != ticket):
            return Miss.MISS
        if memory.session is None:
            return None if ticks - memory.read < self._nobody_for else Miss.MISS
        if ticks - memory.read >= self._ttl or now >= memory.until:
            return Miss.MISS
        self._memories.move_to_end(ticket.secret)
        return memory

    def note(self, memory: Memory, key: Hashable, value: object, weight: int) -> None:
        """Keep `value`, of `weight` bytes, with a memory that was got a moment ago."""
        # One session at a thousand hosts under a wildcard is a stranger's choice, not a reason to grow.
        if len(memory.notes) < NOTES:
            memory.notes[key] = value
            memory.weight += weight
            self.weight += weight
            self._make_room(memory.read)

    def kept(self, ticket: Ticket, ticks: float) -> Memory | None:
        """What is kept for an outage; a ticket that opened nothing is not known to open nothing now."""
        memory = self._memories.get(ticket.secret)
        if memory is None or memory.session is None or memory.ticket != ticket:
            return None
        return memory if ticks - memory.read < self._kept else None

    def mark(self, ticks: float) -> Mark:
        """To be taken before a read begins."""
        return Mark(ticks, self._notices)

    def put(
        self,
        ticket: Ticket,
        session: Session | None,
        until: float,
        mark: Mark,
        handed: HandedTokens | None = None,
    ) -> None:
        """Remember what a read found that began at `mark`; `until` (Unix seconds) it may be used, and no longer."""
        memory = Memory(ticket, session, mark.ticks, until, handed)
        if self._notices > mark.notices and self._is_told_of(memory, mark):
            return
        known = self._memories.get(ticket.secret)
        if known is not None and known.read > mark.ticks:
            return  # this read was overtaken
        self._forget(ticket.secret)
        self._keep(ticket.secret, memory)
        self._make_room(mark.ticks)

    def _is_told_of(self, memory: Memory, mark: Mark) -> bool:
        """Whether a notice came since `mark` that concerns it."""
        return self._all > mark.notices or any(
            self._told.get(name, 0) > mark.notices for name in memory.names
        )

    def hear(self, notice: Notice) -> None:
        """Forget what a notice names, and let nothing in that was read before it."""
        self._notices += 1
        if notice.about is About.ALL:
            self._memories.clear()
            self._named.clear()
            self._forget_notices()
            self.weight = 0
            return
        name = (notice.about, notice.name)
        for secret in tuple(self._named.get(name, ())):
            self._forget(secret)
        self._told[name] = self._notices
        if len(self._told) > NAMES:
            self._forget_notices()

    def _forget_notices(self) -> None:
        self._told.clear()
        self._all = self._notices

    def _keep(self, secret: bytes, memory: Memory) -> None:
        self._memories[secret] = memory
        self.weight += memory.weight
        for name in memory.names:
            self._named.setdefault(name, set()).add(secret)

    def _forget(self, secret: bytes) -> None:
        memory = self._memories.pop(secret, None)
        if memory is None:
            return
        self.weight -= memory.weight
        for name in memory.names:
            secrets = self._named[name]
            secrets.discard(secret)
            if not secrets:
                del self._named[name]

    def _make_room(self, ticks: float) -> None:
        # The one that was used longest ago is often past all use: so the cache shrinks by itself.
        while self._memories:
            secret, memory = next(iter(self._memories.items()))
            if self.weight <= self._capacity and ticks - memory.read < self._kept:
                return
            self._forget(secret)


def weight(session: Session | None) -> int:
    """About how many bytes a memory takes, the ways to it included; never less than it does."""
    if session is None:
        return 900
    return 1700 + sum([_weight(identity) for identity in session.identities])


def _weight(identity: Identity) -> int:
    words = (
        identity.provider,
        identity.issuer,
        identity.subject,
        identity.user,
        identity.tenant,
        identity.email,
        identity.name,
        identity.acr,
        identity.sid,
        *identity.groups,
        *identity.amr,
    )
    # A text takes up to four bytes for each of its characters, and some sixty beside. One that is not ASCII makes all
    # of them count so: to look at each would take as long as to open the session.
    text = "".join(words)
    return 800 + 60 * len(words) + len(text) * (1 if text.isascii() else 4)


def _names(session: Session | None) -> tuple[tuple[About, str], ...]:
    """What notices can call it by."""
    if session is None:
        return ()
    people = {person_of(identity) for identity in session.identities}
    return ((About.SESSION, session.id), *[(About.PERSON, person) for person in people])
