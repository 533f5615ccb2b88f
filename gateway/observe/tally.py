"""What happens often and is told seldom: the first time at once, then at most once a minute with its number."""

from collections.abc import Callable

EVERY = 60.0


class Tally:
    """`tell` is given the number of times since it was called last; `ticks` is a monotonic clock in seconds."""

    def __init__(self, tell: Callable[[int], None], ticks: Callable[[], float], every: float = EVERY) -> None:
        self._tell = tell
        self._ticks = ticks
        self._every = every
        self._count = 0
        self._told = float("-inf")

    def add(self) -> None:
        self._count += 1
        if self._ticks() - self._told >= self._every:
            self.flush()

    def flush(self) -> None:
        """Tell what has not been told yet, if there is any."""
        if self._count:
            count, self._count = self._count, 0
            self._told = self._ticks()
            self._tell(count)
