"""Writing steps on plain values. Each runs inside one transaction; `now` is the store's clock."""

import json
import sqlite3
from collections.abc import Sequence

from gateway.errors import StoreFault

_PUT = """INSERT INTO kv VALUES (?1, ?2, ?3)
          ON CONFLICT (k) DO UPDATE SET v = excluded.v, exp = excluded.exp"""


def put(db: sqlite3.Connection, now: float, key: str, value: bytes, ttl: float) -> None:
    db.execute(_PUT, (key, value, now + ttl))


def add(db: sqlite3.Connection, now: float, key: str, value: bytes, ttl: float) -> bool:
    return db.execute(f"{_PUT} WHERE kv.exp <= ?4", (key, value, now + ttl, now)).rowcount == 1


def replace(db: sqlite3.Connection, now: float, key: str, old: bytes | None, new: bytes, ttl: float) -> bool:
    if old is None:
        return add(db, now, key, new, ttl)
    statement = "UPDATE kv SET v = ?, exp = ? WHERE k = ? AND v = ? AND exp > ?"
    return db.execute(statement, (new, now + ttl, key, old, now)).rowcount == 1


def take(db: sqlite3.Connection, now: float, key: str) -> bytes | None:
    found = db.execute("SELECT v FROM kv WHERE k = ? AND exp > ?", (key, now)).fetchone()
    if found is None:
        return None
    db.execute("DELETE FROM kv WHERE k = ?", (key,))
    value: bytes = found[0]
    return value


def delete(db: sqlite3.Connection, now: float, keys: Sequence[str]) -> int:
    named = json.dumps(list(keys))
    db.execute(
        "DELETE FROM kv WHERE k IN (SELECT value FROM json_each(?)) AND exp <= ?",
        (named, now),
    )
    values = db.execute("DELETE FROM kv WHERE k IN (SELECT value FROM json_each(?))", (named,))
    db.execute(
        "DELETE FROM record WHERE k IN (SELECT value FROM json_each(?)) AND exp <= ?",
        (named, now),
    )
    records = db.execute("DELETE FROM record WHERE k IN (SELECT value FROM json_each(?))", (named,))
    return values.rowcount + records.rowcount


def bump(db: sqlite3.Connection, now: float, key: str, ttl: float) -> int:
    found = db.execute("SELECT v FROM kv WHERE k = ? AND exp > ?", (key, now)).fetchone()
    try:
        number = int(found[0]) + 1 if found else 1
    except ValueError as error:
        raise StoreFault("bump: the key holds a value that is not a counter") from error
    put(db, now, key, b"%d" % number, ttl)
    return number
