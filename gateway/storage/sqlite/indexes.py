"""Indexes: small ordered sets of members that expire one by one."""

import sqlite3


def add(
    db: sqlite3.Connection, _now: float, index: str, member: str, ttl: float, limit: int, at: float
) -> tuple[str, ...]:
    db.execute("DELETE FROM listed WHERE idx = ? AND exp <= ?", (index, at))
    db.execute(
        """INSERT OR REPLACE INTO listed VALUES
           (?1, ?2, coalesce((SELECT max(seq) FROM listed WHERE idx = ?1), 0) + 1, ?3)""",
        (index, member, at + ttl),
    )
    fallen = db.execute(
        """SELECT member FROM listed WHERE idx = ?1 ORDER BY seq
           LIMIT max(0, (SELECT count(*) FROM listed WHERE idx = ?1) - ?2)""",
        (index, limit),
    ).fetchall()
    for (name,) in fallen:
        remove(db, _now, index, name)
    return tuple(name for (name,) in fallen)


def remove(db: sqlite3.Connection, _now: float, index: str, member: str) -> None:
    db.execute("DELETE FROM listed WHERE idx = ? AND member = ?", (index, member))
