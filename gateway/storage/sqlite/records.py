"""Writing steps on versioned records. Each runs inside one transaction; `now` is the store's clock."""

import math
import sqlite3
from collections.abc import Mapping

from gateway.storage.sqlite import values
from gateway.storage.store import Replaced


def create(
    db: sqlite3.Connection, now: float, key: str, fields: Mapping[str, bytes | None], ttl: float
) -> bool:
    if _version(db, now, key) is not None:
        return False
    db.execute("DELETE FROM record WHERE k = ?", (key,))  # an expired one, and by the trigger its fields
    db.execute("INSERT INTO record VALUES (?, 1, ?)", (key, now + ttl))
    _write(db, key, fields)
    return True


def replace(
    db: sqlite3.Connection,
    now: float,
    key: str,
    version: int,
    fields: Mapping[str, bytes | None],
    ttl: float,
) -> Replaced:
    stored = _version(db, now, key)
    if stored is None:
        return Replaced.GONE
    if stored != version:
        return Replaced.CONFLICT
    db.execute("UPDATE record SET ver = ver + 1, exp = ? WHERE k = ?", (now + ttl, key))
    _write(db, key, fields)
    return Replaced.DONE


def fail(db: sqlite3.Connection, now: float, key: str, version: int, next_try: float) -> int | None:
    if _version(db, now, key) != version:
        return None
    found = db.execute("SELECT v FROM field WHERE k = ? AND f = 'fails'", (key,)).fetchone()
    fails = int(found[0]) + 1 if found else 1
    _write(db, key, {"fails": b"%d" % fails, "next": b"%d" % math.ceil(next_try)})
    return fails


def touch(
    db: sqlite3.Connection,
    now: float,
    key: str,
    ttl: float,
    beside: str,
    value: bytes,
    beside_ttl: float,
) -> bool:
    if _version(db, now, key) is None:  # an ended session must not come back by its own activity
        return False
    db.execute("UPDATE record SET exp = ? WHERE k = ?", (now + ttl, key))
    values.put(db, now, beside, value, beside_ttl)
    return True


def _version(db: sqlite3.Connection, now: float, key: str) -> int | None:
    found = db.execute("SELECT ver FROM record WHERE k = ? AND exp > ?", (key, now)).fetchone()
    return found[0] if found else None


def _write(db: sqlite3.Connection, key: str, fields: Mapping[str, bytes | None]) -> None:
    for name, value in fields.items():
        if value is None:
            db.execute("DELETE FROM field WHERE k = ? AND f = ?", (key, name))
        else:
            db.execute("INSERT OR REPLACE INTO field VALUES (?, ?, ?)", (key, name, value))
