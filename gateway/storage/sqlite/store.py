"""The verbs of the store over one SQLite file.

Reads are done where they are asked, in the event loop: one statement, some microseconds, never blocked by a
writer (WAL). Writes go through one thread, each in its own `BEGIN IMMEDIATE`, so that several worker processes
take turns and no step sees half of another's.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from gateway.errors import StoreFault
from gateway.storage.sqlite import indexes, leases, limits, pools, records, values
from gateway.storage.sqlite.file import StoreFile, open_file
from gateway.storage.sqlite.schema import SWEEP
from gateway.storage.sqlite.writer import Writer
from gateway.storage.store import Acquired, Bucket, Reading, Record, Reservation, Written

T = TypeVar("T")
P = ParamSpec("P")

_READ_BUSY = 0.1
_WRITE_BUSY = 1.0
_WRITE_DEADLINE = 2.0
_WAITING_WRITES = 2000
_SWEEP_EVERY = 256
_SWEPT_AT_ONCE = 500

# One statement is one snapshot: the record and what lies beside it are seen at one moment.
_READ = """
SELECT r.ver, f.f, f.v FROM record r LEFT JOIN field f ON f.k = r.k AND f.f IN ({fields})
  WHERE r.k = ?2 AND r.exp > ?1
UNION ALL
SELECT NULL, k, v FROM kv WHERE k IN ({beside}) AND exp > ?1"""
_VALUES = "SELECT k, v FROM kv WHERE k IN ({keys}) AND exp > ?1"


def open_sqlite(path: Path, clock: Callable[[], float]) -> "SqliteStore":
    """Open the store in the file at `path`, made if missing; `StoreFault` says what to mend where it cannot."""
    return SqliteStore(open_file(path), clock)


class SqliteStore:
    """`gateway.storage.store.Store` in one file; `clock` gives Unix seconds and judges every expiry."""

    def __init__(self, file: StoreFile, clock: Callable[[], float]) -> None:
        self._file = file
        self._clock = clock
        self._reading = file.connect(_READ_BUSY)
        self._writing = file.connect(_WRITE_BUSY)
        self._writer = Writer(_WAITING_WRITES, _WRITE_DEADLINE)
        self._written = 0
        self._lost: StoreFault | None = None

    # Plain values

    async def get(self, key: str) -> bytes | None:
        found = self._rows("SELECT v FROM kv WHERE k = ? AND exp > ?", key, self._clock())
        return found[0][0] if found else None

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        found = dict(self._rows(_values(len(keys)), self._clock(), *keys))
        return [found.get(key) for key in keys]

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        await self._write(values.put, key, value, ttl)

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        return await self._write(values.add, key, value, ttl)

    async def replace(self, key: str, old: bytes | None, new: bytes, ttl: float) -> bool:
        return await self._write(values.replace, key, old, new, ttl)

    async def take(self, key: str) -> bytes | None:
        return await self._write(values.take, key)

    async def delete(self, keys: Sequence[str]) -> int:
        return await self._write(values.delete, keys)

    async def bump(self, key: str, ttl: float) -> int:
        return await self._write(values.bump, key, ttl)

    # Records

    async def create(self, key: str, fields: Mapping[str, bytes], ttl: float) -> bool:
        return await self._write(records.create, key, fields, ttl)

    async def read(self, key: str, fields: Sequence[str], beside: Sequence[str] = ()) -> Reading:
        rows = self._rows(_read(len(fields), len(beside)), self._clock(), key, *fields, *beside)
        plain = {name: value for version, name, value in rows if version is None}
        mine = [row for row in rows if row[0] is not None]
        record = Record(mine[0][0], {name: value for _, name, value in mine if name}) if mine else None
        return Reading(record, tuple([plain.get(name) for name in beside]))

    async def acquire(self, key: str, seen_version: int, owner: str, ttl: float, now: float) -> Acquired:
        return await self._write(leases.acquire, key, seen_version, owner, ttl, now)

    async def commit(
        self,
        key: str,
        seen_version: int,
        fence: int,
        owner: str,
        fields: Mapping[str, bytes | None],
        ttl: float,
    ) -> Written:
        return await self._write(leases.commit, key, seen_version, fence, owner, fields, ttl)

    async def fail(self, key: str, version: int, owner: str, next_try: float, definite: bool) -> int | None:
        return await self._write(leases.fail, key, version, owner, next_try, definite)

    async def give_back(self, key: str, owner: str, definite: bool) -> None:
        await self._write(leases.give_back, key, owner, definite)

    async def touch(self, key: str, ttl: float, beside: str, value: bytes, beside_ttl: float) -> bool:
        return await self._write(records.touch, key, ttl, beside, value, beside_ttl)

    # Limits, pools and indexes

    async def count(self, buckets: Sequence[Bucket], now: float) -> float:
        return await self._write(limits.count, buckets, now)

    async def reserve(
        self, pool: str, holder: str, member: str, ttl: float, ceiling: int, now: float
    ) -> Reservation:
        return await self._write(pools.reserve, pool, holder, member, ttl, ceiling, now)

    async def release(self, pool: str, member: str) -> None:
        await self._write(pools.release, pool, member)

    async def index_add(self, index: str, member: str, ttl: float, limit: int, now: float) -> tuple[str, ...]:
        return await self._write(indexes.add, index, member, ttl, limit, now)

    async def index_remove(self, index: str, member: str) -> None:
        await self._write(indexes.remove, index, member)

    async def index_list(self, index: str, now: float) -> tuple[str, ...]:
        rows = self._rows("SELECT member FROM listed WHERE idx = ? AND exp > ? ORDER BY exp", index, now)
        return tuple([name for (name,) in rows])

    # The store itself

    def remembers(self, seconds: float) -> bool:
        return seconds >= 0  # one file, and what is written in it stays

    async def ping(self) -> None:
        self._verify()
        self._rows("SELECT 1")

    async def close(self) -> None:
        await self._writer.close()
        await asyncio.to_thread(self._writing.close)  # the last connection moves the WAL into the file
        self._reading.close()

    def _rows(self, statement: str, *arguments: str | float) -> list[tuple[Any, ...]]:
        if self._lost is not None:
            raise StoreFault(str(self._lost))
        try:
            return self._reading.execute(statement, arguments).fetchall()
        except sqlite3.Error as error:
            raise self._file.fault(error) from error

    async def _write(
        self,
        step: Callable[Concatenate[sqlite3.Connection, float, P], T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        try:
            return await self._writer.run(partial(self._transact, step, *arguments, **named))
        except sqlite3.Error as error:
            raise self._file.fault(error) from error

    def _transact(
        self,
        step: Callable[Concatenate[sqlite3.Connection, float, P], T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        self._verify()
        self._sweep_now_and_then()
        db = self._writing
        db.execute("BEGIN IMMEDIATE")
        try:
            result = step(db, self._clock(), *arguments, **named)
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # the first error is the one to tell
                db.execute("ROLLBACK")
            raise
        return result

    def _sweep_now_and_then(self) -> None:
        self._written += 1
        if self._written % _SWEEP_EVERY == 0:
            now = self._clock()
            for statement in SWEEP:
                self._writing.execute(statement, (now, _SWEPT_AT_ONCE))

    def _verify(self) -> None:
        try:
            self._file.verify()
        except StoreFault as fault:
            self._lost = fault  # reads end too: this worker would serve sessions that others cannot end
            raise


@lru_cache(64)
def _read(fields: int, beside: int) -> str:
    return _READ.format(fields=_places(3, fields), beside=_places(3 + fields, beside))


@lru_cache(64)
def _values(keys: int) -> str:
    return _VALUES.format(keys=_places(2, keys))


def _places(first: int, count: int) -> str:
    """Numbered parameters of a statement. Few different texts come of it, so that each is compiled once."""
    return ",".join([f"?{number}" for number in range(first, first + count)])
