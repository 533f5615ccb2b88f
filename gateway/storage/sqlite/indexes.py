"""Indexes: small ordered sets of members that expire one by one."""

import sqlite3


def add(
    db: sqlite3.Connection, _now: float, index: str, member: str, ttl: float, limit: int, at: float
) -> tuple[str, ...]:
    db.execute("DELETE FROM listed WHERE idx = ? AND exp <= ?", (index, at))
    remove(db, _now, index, member)
    ends = at + ttl
    (last,) = db.execute("SELECT max(exp) FROM listed WHERE idx = ?", (index,)).fetchone()
    if last is not None and ends <= last < ends + 1:
        ends = last + 0.001  # those of one instant stay in the order in which they came
    db.execute("INSERT INTO listed (idx, member, exp) VALUES (?, ?, ?)", (index, member, ends))
    fallen = db.execute(
        """SELECT member FROM listed WHERE idx = ?1 ORDER BY exp
           LIMIT max(0, (SELECT count(*) FROM listed WHERE idx = ?1) - ?2)""",
        (index, limit),
    ).fetchall()
    for (name,) in fallen:
        remove(db, _now, index, name)
    return tuple(name for (name,) in fallen)


def remove(db: sqlite3.Connection, _now: float, index: str, member: str) -> None:
    db.execute("DELETE FROM listed WHERE idx = ? AND member = ?", (index, member))
