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
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """A versioned record: `version` counts commits from 1; `fields` holds those that were asked for and exist."""

    version: int
    fields: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a record and at the plain values beside it (same order as asked)."""

    record: Record | None
    beside: tuple[bytes | None, ...] = ()


class Replaced(Enum):
    """How a compare-and-set ended."""

    DONE = "done"
    CONFLICT = "conflict"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit of the generic cell rate algorithm: `burst` at once, then one each `period / burst` seconds."""

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


class Store(Protocol):
    """What the services may ask. Keys are ASCII; a part in braces keeps keys on one node of a cluster.

    `ttl` is in seconds and above 0, `now` is Unix time. A key holds either a plain value or a record, never both.
    """

    async def get(self, key: str) -> bytes | None: ...

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]: ...

    async def put(self, key: str, value: bytes, ttl: float) -> None: ...

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        """Put only where nothing is; says whether it did."""
        ...

    async def take(self, key: str) -> bytes | None:
        """Get and delete in one step: of many callers exactly one receives the value."""
        ...

    async def delete(self, keys: Sequence[str]) -> int:
        """Delete plain values and records alike; returns how many existed."""
        ...

    async def create(self, key: str, fields: Mapping[str, bytes], ttl: float) -> bool:
        """Write a new record at version 1; `False` if the key is taken. `ver` is no name for a field: it is ours."""
        ...

    async def read(self, key: str, fields: Sequence[str], beside: Sequence[str] = ()) -> Reading:
        """The named fields of a record and the plain values of `beside`, seen at one moment."""
        ...

    async def replace(
        self, key: str, version: int, fields: Mapping[str, bytes | None], ttl: float
    ) -> Replaced:
        """Compare-and-set: write `fields` (`None` removes one) and go to `version + 1`, if `version` still is.

        Repeated after a lost reply it says `CONFLICT`. Fields that are not named stay as they are.
        """
        ...

    async def fail(self, key: str, version: int, next_try: float) -> int | None:
        """Count a failed refresh of this version (field `fails`) and set field `next`; the new count, else `None`.

        Both fields are ASCII decimals; `next` is `next_try` in whole seconds, rounded up.
        """
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
        """Add to an ordered set; returns the oldest members that fell out over `limit`. Members expire by `ttl`.

        A member that is there already becomes the newest.
        """
        ...

    async def index_remove(self, index: str, member: str) -> None: ...

    async def index_list(self, index: str, now: float) -> tuple[str, ...]:
        """Members that have not expired, oldest first."""
        ...

    async def bump(self, key: str, ttl: float) -> int:
        """Add one to a counter that starts at 0, and return it; `get` reads it as an ASCII decimal."""
        ...

    async def ping(self) -> None:
        """Return if the store answers; `StoreFault` if not."""
        ...

    async def close(self) -> None: ...
