"""Signals as numbers that can be waited for, in a process without an event loop."""

import signal
import socket
from collections.abc import Iterator

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


class Signals:
    """Hears `HEARD` from its making until `close`; readable when one has come."""

    def __init__(self) -> None:
        self._read, self._written = socket.socketpair()
        self._read.setblocking(False)
        self._written.setblocking(False)
        self._before = {number: signal.signal(number, _nothing) for number in HEARD}
        self._wakeup = signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)

    def fileno(self) -> int:
        return self._read.fileno()

    def heard(self) -> Iterator[int]:
        """What has come since the last time, in order."""
        try:
            yield from self._read.recv(4096)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Give the process its own handlers back; a child does so, too, before anything else."""
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._read.close()
        self._written.close()


def _nothing(_number: int, _frame: object) -> None:
    """Python writes the number to the wakeup descriptor before it calls this."""
