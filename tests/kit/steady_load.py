"""Checks without a pause, as a strict client sends them: connections are kept and used again, and nothing is retried.

What fails is a request that was sent and got no whole answer, or a connection that could not be had: what a proxy
would have to hide.
"""

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_PACE = 0.002
"""Seconds between two requests of one client: the machine is to have time for the gateway."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: when its request was sent (monotonic clock) and how many seconds it took."""

    sent: float
    took: float
    status: int
    head: bytes = field(repr=False)


class SteadyLoad:
    """`clients` threads that send `request` over and over, every `pace` seconds at most.

    `connect` opens a connection; `note` is told of each answer, by the thread that got it.
    """

    def __init__(
        self,
        connect: Callable[[], socket.socket],
        request: bytes,
        clients: int = 8,
        *,
        pace: float = _PACE,
        note: Callable[[Answered], None] = lambda _: None,
    ) -> None:
        self._connect = connect
        self._request = request
        self._pace = pace
        self._note = note
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []
        self.connections = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    def wait_for(self, more: int, seconds: float = 20) -> None:
        """Until so many more requests have been answered."""
        goal, end = self.answered + more, time.monotonic() + seconds
        while self.answered < goal:
            assert time.monotonic() < end, (
                f"{self.answered} of {goal} answered, failures: {self.failures[-3:]}"
            )
            time.sleep(0.02)

    def _run(self) -> None:
        link: socket.socket | None = None
        while not self._over.is_set():
            try:
                if link is None:
                    link = self._connect()
                    self.connections += 1
                if not self._ask(link):
                    link.close()
                    link = None
            except OSError as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                if link is not None:
                    link.close()
                    link = None
            time.sleep(self._pace)
        if link is not None:
            with suppress(OSError):
                link.close()

    def _ask(self, link: socket.socket) -> bool:
        """One request; whether the connection may be used again."""
        sent = time.monotonic()
        link.sendall(self._request)
        head, body = _head(link)
        length = int(found[1]) if (found := _LENGTH.search(head)) else 0
        while len(body) < length:
            body += _more(link)
        status = int(head.split(b" ", 2)[1])
        self.statuses[status] += 1
        self._note(Answered(sent, time.monotonic() - sent, status, head))
        return _CLOSE.search(head) is None


def _head(link: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(link)
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body


def _more(link: socket.socket) -> bytes:
    piece = link.recv(65_536)
    if not piece:
        raise ConnectionError("closed before the answer was whole")
    return piece
