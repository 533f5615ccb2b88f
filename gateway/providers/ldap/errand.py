"""One question to a directory: until when it may take, and what is open for it.

The library waits in a thread, which nobody can interrupt. So the errand knows its connections: when its time is up they
are shut down under the thread, which then finds them broken at once instead of holding its place.
"""

import threading
from collections.abc import Callable
from typing import Protocol

from gateway.errors import ProviderUnavailable


class Abandonable(Protocol):
    def abandon(self) -> None: ...


class OutOfTime(ProviderUnavailable):
    """The errand's time was up before somebody could be asked."""


class Errand:
    """`ends` by the same `timer`, in seconds."""

    def __init__(self, provider: str, ends: float, timer: Callable[[], float]) -> None:
        self._provider = provider
        self._ends = ends
        self._timer = timer
        self._lock = threading.Lock()
        self._open: list[Abandonable] = []
        self._abandoned = False

    def patience(self, most: float) -> float:
        """Seconds to wait for one answer, `most` at most. Raises `OutOfTime` where none are left."""
        left = self._ends - self._timer()
        if left <= 0 or self._abandoned:
            raise OutOfTime(self._provider, "no time left to ask the directory")
        return min(most, left)

    def attach(self, link: Abandonable) -> None:
        with self._lock:
            self._open.append(link)
            late = self._abandoned
        if late:
            link.abandon()

    def detach(self, link: Abandonable) -> None:
        with self._lock:
            self._open = [one for one in self._open if one is not link]

    def abandon(self) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self._abandoned, links = True, self._open
        for link in links:
            link.abandon()
