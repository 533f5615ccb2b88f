"""Notices through a table of the same file; whoever makes a check looks whether there are new ones.

Whoever has written one rings a bell in shared memory, so that a notice is heard at the very next check, in every process
on the machine. Not every writer comes to ring: one may die between its commit and its ring, and an older release, or
somebody who may write the store but not the bell, never does. So the file itself is asked as well, ten times a second
(`PRAGMA data_version` says whether any other connection has written); and at every check where no bell hangs.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gateway.storage.bus import About, Hear, Notice
from gateway.storage.hearing import Hearing
from gateway.storage.sqlite.bell import Bell
from gateway.storage.sqlite.file import StoreFile, open_file
from gateway.storage.sqlite.writer import Writer

KEPT = 60.0
"""Seconds that a notice stands; nobody remembers a session for so long without a look at the store."""

LOOK_EVERY = 0.1
"""Seconds after which the file is asked though the bell is still: so long may a notice stay unheard that was not rung."""

AT_ONCE = 1000
"""Notices that are read one by one; beyond, everything is forgotten, so that no check has to wait for a flood."""

_WRITE_BUSY, _WRITE_DEADLINE, _WAITING = 1.0, 2.0, 2000
_PRUNE = "DELETE FROM notice WHERE seq IN (SELECT seq FROM notice WHERE exp <= ? LIMIT 500)"
_INSERT = "INSERT INTO notice (origin, about, name, at, exp) VALUES (?, ?, ?, ?, ?)"
_NEW = "SELECT seq, origin, about, name, at FROM notice WHERE seq > ? ORDER BY seq LIMIT ?"
_LATEST = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'notice'"


def open_sqlite_bus(
    path: Path,
    origin: str,
    clock: Callable[[], float],
    hearing: Hearing,
    ticks: Callable[[], float] = time.monotonic,
) -> "SqliteBus":
    """The bus in the file at `path`; `StoreFault` as the store has it."""
    return SqliteBus(open_file(path), origin, clock, hearing, ticks)


class SqliteBus:
    """`gateway.storage.bus.Bus`; `origin` is a name that no other process has.

    `clock` gives Unix seconds, `ticks` those of a monotonic clock.
    """

    def __init__(
        self,
        file: StoreFile,
        origin: str,
        clock: Callable[[], float],
        hearing: Hearing,
        ticks: Callable[[], float],
    ) -> None:
        self._file = file
        self._origin = origin
        self._clock = clock
        self._hearing = hearing
        self._ticks = ticks
        self._bell = Bell(file.path)
        self._rung = 0
        self._look_at = -math.inf
        # It waits for nobody: a check that meets a lock asks the store.
        self._watching = file.connect(0.0)
        self._writing = file.connect(_WRITE_BUSY)
        self._writer = Writer(_WAITING, _WRITE_DEADLINE)
        self._open = False
        self._following = False
        self._version = 0
        self._last = 0

    def current(self) -> bool:
        if not self._open:
            return False
        # The bell first: what is rung after this look is seen by the next one.
        rung = self._bell.rung()
        if rung == self._rung and self._ticks() < self._look_at:
            return True
        return self._look(rung)

    def _look(self, rung: int) -> bool:
        """Ask the file whether there is something new, and hear it."""
        self._look_at = -math.inf  # where this look fails the next check has to look again
        try:
            # The version first: what is written after this look is seen by the next one.
            version = self._watching.execute("PRAGMA data_version").fetchone()[0]
            if not self._following:
                self._follow(version)
            elif version != self._version:
                self._catch_up(version)
        except sqlite3.Error as error:
            self._following = False
            self._hearing.changed("lost", type(error).__name__)
            return False
        self._rung = rung
        if self._bell.hangs():
            self._look_at = self._ticks() + LOOK_EVERY
        return True

    def subscribe(self, hear: Hear) -> None:
        self._hearing.subscribe(hear)

    async def publish(self, notice: Notice) -> None:
        self._hearing.deliver(notice)
        try:
            await self._writer.run(partial(self._insert, notice))
        except sqlite3.Error as error:
            raise self._file.fault(error) from error

    async def open(self) -> None:
        self._open = True

    async def close(self) -> None:
        self._open = False
        await self._writer.close()
        await asyncio.to_thread(self._writing.close)
        self._watching.close()
        self._bell.close()

    def _follow(self, version: int) -> None:
        self._last = self._watching.execute(_LATEST).fetchone()[0]
        self._version = version
        self._following = True
        self._hearing.deliver_all()
        self._hearing.changed("current")

    def _catch_up(self, version: int) -> None:
        rows = self._watching.execute(_NEW, (self._last, AT_ONCE + 1)).fetchall()
        self._version = version
        if not rows:
            return
        # A number that is missing is a notice that was taken away before we looked.
        if len(rows) > AT_ONCE or rows[-1][0] - self._last != len(rows):
            self._last = self._watching.execute(_LATEST).fetchone()[0]
            self._hearing.deliver_all()
            return
        self._last = rows[-1][0]
        for row in rows:
            self._hear(*row[1:])

    def _hear(self, origin: str, about: str, name: str, at: float) -> None:
        if origin == self._origin:  # heard when it was published
            return
        known = next((one for one in About if one.value == about), About.ALL)
        self._hearing.receive(Notice(known, name if known is not About.ALL else "", at))

    def _insert(self, notice: Notice) -> None:
        self._file.verify()
        now = self._clock()
        values: tuple[Any, ...] = (self._origin, notice.about.value, notice.name, notice.at, now + KEPT)
        db = self._writing
        db.execute("BEGIN IMMEDIATE")
        try:
            db.execute(_PRUNE, (now,))
            number = db.execute(_INSERT, values).lastrowid or 0
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        # After the commit: whoever hears the ring before it would look, find nothing, and not look again.
        self._bell.ring(_once(number, now))


def _once(number: int, now: float) -> int:
    """A number that the bell is rung with once: that of the notice, which is its own as long as there is this store.

    The time keeps it apart from those of a store that was at this place before.
    """
    return int(now * 1000) % 2**43 << 20 | number % 2**20
