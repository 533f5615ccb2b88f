"""What is to be done later, in a process without an event loop."""

import heapq
import itertools
from collections.abc import Callable


class Timers:
    """Callables and their times; `ticks` is a monotonic clock in seconds."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._waiting, (self._ticks() + seconds, next(self._order), call))

    def next_in(self) -> float:
        """Seconds until something is due; an hour where nothing waits."""
        return max(self._waiting[0][0] - self._ticks(), 0.0) if self._waiting else 3600.0

    def run(self) -> None:
        """Call what is due."""
        now = self._ticks()
        while self._waiting and self._waiting[0][0] <= now:
            heapq.heappop(self._waiting)[2]()
