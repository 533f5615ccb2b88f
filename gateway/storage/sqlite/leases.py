"""Writing steps on a record and its lease. Each runs inside one transaction; `now` is the store's clock.

The lease is a plain value beside the record: fence, whether it is ambiguous, owner.
"""

import math
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.storage.sqlite import records, values
from gateway.storage.store import Acquired, Turn, Written, lease_key


@dataclass(frozen=True, slots=True)
class _Lease:
    fence: int
    ambiguous: bool
    owner: str
    ends: float


def acquire(
    db: sqlite3.Connection, now: float, key: str, seen_version: int, owner: str, ttl: float, asked_at: float
) -> Acquired:
    """`asked_at` is the caller's clock, which judges the next try; ours judges the lease."""
    stored = records.version(db, now, key)
    if stored is None:
        return Acquired(Turn.GONE)
    if stored > seen_version:
        return Acquired(Turn.NEWER)
    held = _held(db, now, key)
    if held is not None:
        if held.owner == owner:
            return Acquired(Turn.HELD, held.fence, held.ambiguous)
        return Acquired(Turn.BUSY, remaining=held.ends - now)
    if (_number(db, key, "next") or 0) > asked_at:
        return Acquired(Turn.BACKOFF)
    # An intent that is still there belongs to a holder that never told what came of its request.
    ambiguous = _number(db, key, "intent") is not None
    fence = (_number(db, key, "fence") or 0) + 1
    records.write(db, key, {"fence": b"%d" % fence, "intent": b"%d" % fence})
    values.put(db, now, lease_key(key), f"{fence} {ambiguous:d} {owner}".encode("ascii"), ttl)
    return Acquired(Turn.LEAD, fence, ambiguous)


def commit(
    db: sqlite3.Connection,
    now: float,
    key: str,
    seen_version: int,
    fence: int,
    owner: str,
    fields: Mapping[str, bytes | None],
    ttl: float,
) -> Written:
    stored = records.version(db, now, key)
    if stored is None:
        return Written.GONE
    writer = f"{fence} {owner}".encode("ascii")
    if stored == seen_version + 1 and _field(db, key, "wf") == writer:
        return Written.DONE  # our own commit, whose reply was lost
    if stored != seen_version:
        return Written.CONFLICT
    db.execute("UPDATE record SET ver = ver + 1, exp = ? WHERE k = ?", (now + ttl, key))
    ours: dict[str, bytes | None] = {"wf": writer, "intent": None, "next": None, "fails": None}
    records.write(db, key, {**fields, **ours})
    _end(db, now, key, owner)
    return Written.DONE


def fail(
    db: sqlite3.Connection, now: float, key: str, version: int, owner: str, next_try: float, definite: bool
) -> int | None:
    ours, current = _end(db, now, key, owner), records.version(db, now, key) == version
    if not ours and current and not definite and _number(db, key, "intent") is None:
        records.write(db, key, {"intent": b"0"})  # whoever asked may have spent the token, lease or no lease
    if not ours or not current:
        return None
    fails = (_number(db, key, "fails") or 0) + 1
    records.write(db, key, {"fails": b"%d" % fails, "next": b"%d" % math.ceil(next_try)})
    if definite:
        records.write(db, key, {"intent": None})
    return fails


def give_back(db: sqlite3.Connection, now: float, key: str, owner: str, definite: bool) -> None:
    if _end(db, now, key, owner) and definite:
        records.write(db, key, {"intent": None})


def _held(db: sqlite3.Connection, now: float, key: str) -> _Lease | None:
    found = db.execute("SELECT v, exp FROM kv WHERE k = ? AND exp > ?", (lease_key(key), now)).fetchone()
    if found is None:
        return None
    fence, ambiguous, owner = found[0].decode("ascii").split(" ", 2)
    return _Lease(int(fence), ambiguous == "1", owner, found[1])


def _end(db: sqlite3.Connection, now: float, key: str, owner: str) -> bool:
    held = _held(db, now, key)
    if held is None or held.owner != owner:
        return False
    db.execute("DELETE FROM kv WHERE k = ?", (lease_key(key),))
    return True


def _number(db: sqlite3.Connection, key: str, name: str) -> int | None:
    found = _field(db, key, name)
    return None if found is None else int(found)


def _field(db: sqlite3.Connection, key: str, name: str) -> bytes | None:
    found = db.execute("SELECT v FROM field WHERE k = ? AND f = ?", (key, name)).fetchone()
    return bytes(found[0]) if found else None
