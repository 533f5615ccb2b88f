"""The bell beside the store's file: eight bytes of memory that the processes of a machine share.

Whoever publishes rings it after the commit, and whoever checks looks whether it was rung: some nanoseconds in place of
a question to SQLite. It holds no notice and decides nothing; it only says that there is something to read. So it may
be wrong until the bus asks the file itself, which it does ten times a second: after a writer that died between its
commit and its ring, or one that does not know of the bell.

The file `STORE-bell` is mapped, as SQLite maps its own `STORE-shm`, and like that one must not be cut short while the
gateway runs (SIGBUS). A read of the file would be safe from that, but hand the interpreter's lock to another thread at
every check. No backup needs it.
"""

import mmap
import os
import stat
from contextlib import suppress
from pathlib import Path

SIZE = 8


class Bell:
    """One for a process. Where its file cannot be used nothing is raised: it does not hang, and nobody trusts it."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(f"{store.name}-bell")
        self._memory: mmap.mmap | None = None
        self._inode = (0, 0)
        with suppress(OSError):
            self._memory, self._inode = _mapped(self._path, store)
        self._word = memoryview(self._memory or bytearray(SIZE)).cast("Q")

    def rung(self) -> int:
        """The number that it was last rung with."""
        return self._word[0]

    def ring(self, number: int) -> None:
        """Ring with a `number` that nobody ever rings with again.

        A counter to which each adds one would not do: of two that ring at once one may put back a number that a third
        has seen before, and to the third nothing has changed.
        """
        self._word[0] = number

    def hangs(self) -> bool:
        """Whether those who start now ring this one: once its file is replaced or removed, theirs is another."""
        if self._memory is None:
            return False
        try:
            state = self._path.stat()
        except OSError:
            return False
        return (state.st_dev, state.st_ino) == self._inode

    def close(self) -> None:
        self._word.release()
        if self._memory is not None:
            self._memory.close()


def _mapped(path: Path, store: Path) -> tuple[mmap.mmap, tuple[int, int]]:
    """The memory of the bell's file, made where it is missing, and its inode."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        state = os.fstat(file)
        if not stat.S_ISREG(state.st_mode):
            raise OSError("not a file")
        _keep_to_ourselves(file, state, store)
        # Never made shorter: whoever has mapped what is cut off dies of SIGBUS at the next look.
        if state.st_size < SIZE:
            os.ftruncate(file, SIZE)
        return mmap.mmap(file, SIZE), (state.st_dev, state.st_ino)
    finally:
        os.close(file)


def _keep_to_ourselves(file: int, state: os.stat_result, store: Path) -> None:
    """As the store's file is kept: of its owner, and 0600."""
    if os.geteuid() == 0:
        # Of the command line, say: the gateway that comes later is its own user's. SQLite does so with its files.
        owner = store.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)
    if state.st_mode & 0o077:
        with suppress(PermissionError):
            os.fchmod(file, 0o600)
