"""The file of the embedded store: made, opened, recognised, and explained where it fails."""

import os
import sqlite3
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import StoreFault
from gateway.storage.sqlite.schema import APPLICATION_ID, SCHEMA, UPGRADES, VERSION

_OPENING = 5.0
"""Seconds to wait for other workers that open the same file at the same moment."""

_WRITABLE = "make the file and its directory writable for the gateway's user, or set store: to another place"
_ADVICE = {
    "SQLITE_CANTOPEN": _WRITABLE,
    "SQLITE_READONLY": _WRITABLE,
    "SQLITE_PERM": _WRITABLE,
    "SQLITE_NOTADB": "move that file away, or set store: to another path",
    "SQLITE_CORRUPT": "the file is damaged: move it away and restart (people sign in again)",
    "SQLITE_FULL": "free some space on the disk",
    "SQLITE_BUSY": "another process holds its lock",
    "SQLITE_IOERR": "look after the disk that holds it",
}


@dataclass(frozen=True, slots=True)
class StoreFile:
    """One file on the disk, known by its inode, so that a file put in its place is noticed."""

    path: Path
    inode: tuple[int, int]

    def connect(self, busy: float) -> sqlite3.Connection:
        """Open a connection that waits `busy` seconds for locks; every error is raised as `StoreFault`."""
        try:
            return _connect(self.path, busy)
        except sqlite3.Error as error:
            raise self.fault(error) from error

    def verify(self) -> None:
        """Raise if the path no longer leads to the file that was opened.

        A worker that starts now would open the other file, and a logout written here would not reach it.
        """
        if _inode(self.path) != self.inode:
            raise StoreFault(f"{self.path} was replaced or removed while the gateway was running: restart it")

    def fault(self, error: sqlite3.Error) -> StoreFault:
        """The fault that says what happened to which file, and what to do."""
        name: str = getattr(error, "sqlite_errorname", "")
        advice = next((text for code, text in _ADVICE.items() if name.startswith(code)), "")
        said = f"cannot use {self.path}: {error}"
        return StoreFault(f"{said}; {advice}" if advice else said)


def open_file(path: Path) -> StoreFile:
    """Make the file where it is missing (0600, its directory 0700) and bring it to our schema."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(path)
        file = StoreFile(path, _inode(path) or (0, 0))
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise StoreFault(f"cannot write {path}: {reason}; {_WRITABLE}") from error
    db = file.connect(_OPENING)
    try:
        _recognise(db, path)
    except sqlite3.Error as error:
        raise file.fault(error) from error
    finally:
        db.close()
    return file


def _make(path: Path) -> None:
    # An existing file is never opened by us beside SQLite: closing any descriptor of it would drop the POSIX
    # locks that this process holds through SQLite (sqlite.org/howtocorrupt.html, section 2.2).
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise StoreFault(f"cannot use {path}: it is not a file; set store: to another path")
    if state.st_mode & 0o077:
        with suppress(PermissionError):  # the file of somebody else who lets us write stays as they made it
            path.chmod(0o600)


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return (state.st_dev, state.st_ino)


def _connect(path: Path, busy: float) -> sqlite3.Connection:
    # `check_same_thread` is off because a store may be built before its loop runs; each connection still has
    # one user at a time: the event loop reads with one, the writer thread writes with the other.
    db = sqlite3.connect(path, timeout=busy, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last commits, never the file
    except sqlite3.Error:
        db.close()
        raise
    return db


def _recognise(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN IMMEDIATE")  # of several workers that start at once, one builds the schema
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    filled = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not filled:
        for statement in SCHEMA:
            db.execute(statement)
    elif owner != APPLICATION_ID:
        raise StoreFault(f"cannot use {path}: it belongs to another program; set store: to another path")
    else:
        _upgrade(db, path, version)
    db.execute("COMMIT")
    if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreFault(
            f"cannot use {path}: its file system has no shared memory for WAL; put it on a local disk"
        )


def _upgrade(db: sqlite3.Connection, path: Path, version: int) -> None:
    while version in UPGRADES:
        for statement in UPGRADES[version]:
            db.execute(statement)
        version += 1
    if version != VERSION:
        raise StoreFault(
            f"cannot use {path}: it was made by another version of the gateway; "
            "move it away and restart (people sign in again)"
        )
