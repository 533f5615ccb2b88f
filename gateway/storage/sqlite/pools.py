"""Bounded pools: places that are reserved, evicted from whoever holds most, and given back."""

import sqlite3

from gateway.storage.store import Reservation

_EXPIRED_AT_ONCE = 100
_EVICTED_AT_ONCE = 16
"""More than one only after the ceiling was lowered; a call stays short, and the next one goes on."""


def reserve(
    db: sqlite3.Connection,
    _now: float,
    pool: str,
    holder: str,
    member: str,
    ttl: float,
    ceiling: int,
    at: float,
) -> Reservation:
    db.execute(
        """DELETE FROM place WHERE (pool, member) IN
           (SELECT pool, member FROM place WHERE exp <= ? AND pool = ? LIMIT ?)""",
        (at, pool, _EXPIRED_AT_ONCE),
    )
    prolonged = db.execute("UPDATE place SET exp = ? WHERE pool = ? AND member = ?", (at + ttl, pool, member))
    if prolonged.rowcount:
        return Reservation(admitted=True)
    evicted: list[str] = []
    while _size(db, pool) >= ceiling:
        loser = _oldest_of_heaviest(db, pool, holder)
        if loser is None or len(evicted) == _EVICTED_AT_ONCE:
            return Reservation(admitted=False, evicted=tuple(evicted))
        release(db, _now, pool, loser)
        evicted.append(loser)
    db.execute(
        """INSERT INTO place VALUES
           (?1, ?2, ?3, coalesce((SELECT seq FROM pool WHERE pool = ?1), 0) + 1, ?4)""",
        (pool, member, holder, at + ttl),
    )
    return Reservation(admitted=True, evicted=tuple(evicted))


def release(db: sqlite3.Connection, _now: float, pool: str, member: str) -> None:
    db.execute("DELETE FROM place WHERE pool = ? AND member = ?", (pool, member))


def _size(db: sqlite3.Connection, pool: str) -> int:
    found = db.execute("SELECT places FROM pool WHERE pool = ?", (pool,)).fetchone()
    return found[0] if found else 0


def _oldest_of_heaviest(db: sqlite3.Connection, pool: str, holder: str) -> str | None:
    """The place to give up, or `None` where nobody holds more than the newcomer's own holder."""
    heaviest = db.execute(
        "SELECT holder, places FROM holder WHERE pool = ? ORDER BY places DESC LIMIT 1", (pool,)
    ).fetchone()
    own = db.execute(
        "SELECT places FROM holder WHERE pool = ? AND holder = ?", (pool, holder)
    ).fetchone() or (0,)
    if heaviest is None or own[0] >= heaviest[1]:
        return None
    found = db.execute(
        "SELECT member FROM place WHERE pool = ? AND holder = ? ORDER BY seq LIMIT 1", (pool, heaviest[0])
    ).fetchone()
    member: str = found[0]
    return member
