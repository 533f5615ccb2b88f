"""The verbs of the volatile store.

Laws of every backend, held by `tests/conformance`:

1. Missing, and expired, is `None`. A fault is `StoreFault`; it is never "nothing there".
2. Every value has a time to live, in seconds. Nothing is kept for ever.
3. Each verb is one atomic step, over all the keys it is given.
4. A repeated call after a lost reply does no harm that the caller cannot see in its result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """A versioned record: `version` counts commits from 1; `fields` holds those that were asked for and exist."""

    version: int
    fields: Mapping[str, bytes]


class Reading(NamedTuple):
    """One look at a record and at the plain values beside it (same order as asked)."""

    record: Record | None
    beside: tuple[bytes | None, ...] = ()


class Turn(Enum):
    """Whose turn it is to ask the provider for new tokens.

    `LEAD` ours; `HELD` ours already, and the reply that said so was lost; `BUSY` somebody else's. `NEWER` the record
    has moved on, `BACKOFF` its next try is still to come, `GONE` there is no record.
    """

    LEAD = "lead"
    HELD = "held"
    BUSY = "busy"
    NEWER = "newer"
    BACKOFF = "backoff"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Acquired:
    """The answer to somebody who wants a lease.

    With `LEAD` and `HELD`: `fence` is the number of this lease, no other one of the record has it; `ambiguous` says
    that an earlier holder never told what came of its request. With `BUSY`: `remaining` seconds of the other's lease.
    """

    turn: Turn
    fence: int = 0
    ambiguous: bool = False
    remaining: float = 0.0


class Written(Enum):
    """How a compare-and-set ended."""

    DONE = "done"
    CONFLICT = "conflict"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit of the generic cell rate algorithm: `burst` at once, then one each `period / burst` seconds.

    A `cost` below 0 gives so many back, and never more than were taken.
    """

    key: str
    burst: int
    period: float
    cost: int = 1


@dataclass(frozen=True, slots=True)
class Reservation:
    """A place among a bounded number.

    `evicted` lost theirs and are to be deleted by the caller, admitted or not: a ceiling that was lowered is reached
    in steps.
    """

    admitted: bool
    evicted: tuple[str, ...] = field(default=())


def lease_key(key: str) -> str:
    """Where the lease of a record is kept; the braces of the record's key keep both on one node of a cluster."""
    return f"{key}:lease"


class Store(Protocol):
    """What the services may ask. Keys are ASCII; a part in braces keeps keys on one node of a cluster.

    `ttl` is in seconds and above 0, `now` is Unix time. A key holds either a plain value or a record, never both.
    Of a record's fields `ver`, `next`, `fails`, `intent`, `fence` and `wf` are the store's own: to be read, not to be
    written; but a record may begin with an `intent`, so that its first lease is ambiguous.
    """

    async def get(self, key: str) -> bytes | None: ...

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]: ...

    async def put(self, key: str, value: bytes, ttl: float) -> None: ...

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        """Put only where nothing is; says whether it did."""
        ...

    async def replace(self, key: str, old: bytes | None, new: bytes, ttl: float) -> bool:
        """Put only where the value is `old` (`None`: where nothing is); says whether it did.

        Repeated after a lost reply it says `False`: who repeats it has to read anew.
        """
        ...

    async def take(self, key: str) -> bytes | None:
        """Get and delete in one step: of many callers exactly one receives the value."""
        ...

    async def delete(self, keys: Sequence[str]) -> int:
        """Delete plain values and records alike; returns how many existed."""
        ...

    async def create(self, key: str, fields: Mapping[str, bytes], ttl: float) -> bool:
        """Write a new record at version 1; `False` if the key is taken."""
        ...

    async def read(self, key: str, fields: Sequence[str], beside: Sequence[str] = ()) -> Reading:
        """The named fields of a record and the plain values of `beside`, seen at one moment."""
        ...

    async def acquire(self, key: str, seen_version: int, owner: str, ttl: float, now: float) -> Acquired:
        """Take the lease of a record for `ttl` seconds, unless the record went on from `seen_version`.

        `owner` is a name that nobody else has; whoever asks again under it is told `HELD`, and the lease is not
        prolonged. A lease that was taken and never answered for (field `intent`) makes the next one ambiguous.
        """
        ...

    async def commit(
        self,
        key: str,
        seen_version: int,
        fence: int,
        owner: str,
        fields: Mapping[str, bytes | None],
        ttl: float,
    ) -> Written:
        """Compare-and-set: write `fields` (`None` removes one) and go to `seen_version + 1`, if that still is.

        Forgets `intent`, `next` and `fails`, and ends the lease of `owner`. Fields that are not named stay as they
        are. Repeated after a lost reply it says `DONE`, known by its `fence` and `owner` (field `wf`), and writes
        nothing. It does not ask whose the lease is: the first commit of a version wins.
        """
        ...

    async def fail(self, key: str, version: int, owner: str, next_try: float, definite: bool) -> int | None:
        """End the lease of `owner`, count its try (field `fails`) and set field `next`; the new count.

        `definite`: the provider cannot have spent the token, so the next lease need not be ambiguous. Both fields are
        ASCII decimals; `next` is `next_try` in whole seconds, rounded up. `None`, and nothing is counted, where the
        record went on or is gone, or the lease is not `owner`'s (any more): so no try counts twice. What is not
        definite makes the next lease ambiguous even then.
        """
        ...

    async def give_back(self, key: str, owner: str, definite: bool) -> None:
        """End the lease of `owner`, if it still has it; no try is counted. `definite` as for `fail`."""
        ...

    async def touch(self, key: str, ttl: float, beside: str, value: bytes, beside_ttl: float) -> bool:
        """Let a record live for `ttl` from now and write the plain value beside it; does nothing if it is gone.

        Says whether the record exists: what has ended never comes back by its own activity.
        """
        ...

    async def count(self, buckets: Sequence[Bucket], now: float) -> float:
        """Take from all buckets or from none. Seconds to wait until it could succeed; 0.0 means taken.

        Where `now` went back by more than two periods a bucket begins anew, so that nobody waits for the clock.
        """
        ...

    async def reserve(
        self, pool: str, holder: str, member: str, ttl: float, ceiling: int, now: float
    ) -> Reservation:
        """Give `member` a place in `pool`, held by `holder`, for `ttl` seconds.

        At `ceiling` members the oldest place of the holder with most of them is evicted; where that is `holder`
        itself (or it holds as many as the largest), the newcomer is not admitted instead. So the total is bounded
        and nobody can lock out those who hold little. A member that has its place already keeps it and is prolonged.
        """
        ...

    async def release(self, pool: str, member: str) -> None: ...

    async def index_add(self, index: str, member: str, ttl: float, limit: int, now: float) -> tuple[str, ...]:
        """Add to a set in the order in which members end; returns the first that fell out over `limit`.

        Those that end within the same second stand in the order of adding. A member that is there already ends anew.
        """
        ...

    async def index_remove(self, index: str, member: str) -> None: ...

    async def index_list(self, index: str, now: float) -> tuple[str, ...]:
        """Members that have not ended, in the order in which they will."""
        ...

    async def bump(self, key: str, ttl: float) -> int:
        """Add one to a counter that starts at 0, and return it; `get` reads it as an ASCII decimal."""
        ...

    def remembers(self, seconds: float) -> bool:
        """Whether no other server has come into the place of the one that we knew, for so long.

        One that took over, or was started again, may not know of a lease that its predecessor gave out.
        """
        ...

    async def ping(self) -> None:
        """Return if the store answers; `StoreFault` if not."""
        ...

    async def close(self) -> None: ...
