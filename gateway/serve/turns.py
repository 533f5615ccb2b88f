"""Accepting on a socket that other workers accept on, too: one connection, then it is somebody else's turn.

A server takes all connections that wait. Where several share a socket, the one that wakes first takes what a proxy
opens at once and keeps for hours: of 64 connections one of four workers took 64. A millisecond aside after each makes
it 18, 15, 16 and 15. It bounds a worker to a thousand new connections a second, which proxies that keep theirs never
need; on TCP under Linux this is not used.
"""

import asyncio
import socket
from collections.abc import Callable

ASIDE = 0.001
"""Seconds between two connections of one worker."""
NO_DESCRIPTORS = 1.0
"""Seconds to wait where the process may not open more files: trying at once would be a busy loop."""


class Turns:
    """Accepts from `sock`, which listens, until it is closed; each connection gets a protocol of `make`."""

    def __init__(self, sock: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        self._sock = sock
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[object]] = set()
        self._open = True
        sock.setblocking(False)
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Accept no more. The socket itself stays open where another process has it."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._sock)
        if self._waiting is not None:
            self._waiting.cancel()
        self._sock.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the client is gone again
        except OSError:
            self._step_aside(NO_DESCRIPTORS)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._make, connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        self._step_aside(ASIDE)

    def _step_aside(self, seconds: float) -> None:
        self._loop.remove_reader(self._sock)
        self._waiting = self._loop.call_later(seconds, self._return)

    def _return(self) -> None:
        if self._open:
            self._loop.add_reader(self._sock, self._accept)
