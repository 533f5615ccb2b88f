"""Writing steps on versioned records. Each runs inside one transaction; `now` is the store's clock."""

import sqlite3
from collections.abc import Mapping

from gateway.storage.sqlite import values


def create(
    db: sqlite3.Connection, now: float, key: str, fields: Mapping[str, bytes | None], ttl: float
) -> bool:
    if version(db, now, key) is not None:
        return False
    db.execute("DELETE FROM record WHERE k = ?", (key,))  # an expired one, and by the trigger its fields
    db.execute("INSERT INTO record VALUES (?, 1, ?)", (key, now + ttl))
    write(db, key, fields)
    return True


def touch(
    db: sqlite3.Connection,
    now: float,
    key: str,
    ttl: float,
    beside: str,
    value: bytes,
    beside_ttl: float,
) -> bool:
    if version(db, now, key) is None:  # an ended session must not come back by its own activity
        return False
    db.execute("UPDATE record SET exp = ? WHERE k = ?", (now + ttl, key))
    values.put(db, now, beside, value, beside_ttl)
    return True


def version(db: sqlite3.Connection, now: float, key: str) -> int | None:
    found = db.execute("SELECT ver FROM record WHERE k = ? AND exp > ?", (key, now)).fetchone()
    return found[0] if found else None


def write(db: sqlite3.Connection, key: str, fields: Mapping[str, bytes | None]) -> None:
    for name, value in fields.items():
        if value is None:
            db.execute("DELETE FROM field WHERE k = ? AND f = ?", (key, name))
        else:
            db.execute("INSERT OR REPLACE INTO field VALUES (?, ?, ?)", (key, name, value))
