"""The people of a file, as they stand in it now.

It is looked at when somebody asks, at most once a second, and read anew when it is another one. A new file that is
broken changes nothing but that the operator hears of it: the people of the old one stay. So a slip of an editor locks
nobody out, and neither does an editor that empties the file before it writes.

Everything here waits for the disk: never call it on the event loop.
"""

import os
import stat
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from gateway.settings.users_file import Users, read_users
from gateway.storage.key_file import open_to_others

LOOK_EVERY: Final = 1.0
"""Seconds between two looks."""
MOST_BYTES: Final = 4 * 1024 * 1024


class Signature(NamedTuple):
    """What tells one state of a file from the next; `ctime` is set by no program (so `touch -r` hides nothing)."""

    device: int
    inode: int
    size: int
    mtime: int
    ctime: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Signature":
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class UsersSource:
    """For several threads at once. `timer` never goes back; `news` are faults of the file, until they are taken."""

    def __init__(self, file: Path, timer: Callable[[], float]) -> None:
        self._file = file
        self._timer = timer
        self._lock = Lock()
        self._looked = float("-inf")
        self._signature: Signature | None = None
        self._users: Users | None = None
        self._told: tuple[str, ...] = ()
        self.news: deque[str] = deque(maxlen=100)

    def users(self) -> Users | None:
        """The people of the last file that was good; `None` where none ever was."""
        with self._lock:
            now = self._timer()
            if now - self._looked >= LOOK_EVERY:
                self._looked = now
                self._look()
            return self._users

    def _look(self) -> None:
        try:
            signature = Signature.of(self._file.stat())
        except (OSError, ValueError):
            signature = None
        if signature is not None and signature == self._signature:
            return
        found, self._signature = read_file(self._file)
        # A fault that lasts is told once: a file that is gone is looked for every second.
        self.news.extend([fault for fault in found.faults if fault not in self._told])
        self._told = found.faults
        if not found.faults:
            self._users = found


def read_file(file: Path) -> tuple[Users, Signature | None]:
    """The people of a file and the state that it was in; a file that cannot be read is a fault like any other."""
    try:
        # Not to wait for a writer, which a FIFO would have us do; what it is says the file that is open.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "it does not open").lower()
        return _broken(file, f"cannot be read: {reason}; make it, or write where it is"), None
    with os.fdopen(descriptor, "rb") as opened:
        status = os.fstat(descriptor)
        signature = Signature.of(status)
        if not stat.S_ISREG(status.st_mode):
            return _broken(file, "cannot be read: it is not a regular file; write one"), signature
        raw = opened.read(MOST_BYTES + 1)
        if Signature.of(os.fstat(descriptor)) != signature:
            # Half of a file can be a good one, of half the people: the others' sessions would end.
            return _broken(file, "changed while it was read; put a whole one in its place with `mv`"), None
    if len(raw) > MOST_BYTES:
        return _broken(file, "is larger than 4 MB; so many people belong in a directory"), signature
    try:
        found = read_users(raw.decode("utf-8-sig"), str(file))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return _broken(file, "is not UTF-8; save the file as UTF-8", line), signature
    return _with_mode(found, file, status), signature


def _broken(file: Path, what: str, line: int = 0) -> Users:
    return Users({}, (f"{file}{f':{line}' if line else ''}: {what}",))


def _with_mode(found: Users, file: Path, status: os.stat_result) -> Users:
    if not open_to_others(status):
        return found
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    note = f"{file}: is open to other users (mode {mode}), who may guess at the hashes or write their own; run `chmod 600`"
    return replace(found, notes=(note, *found.notes))
