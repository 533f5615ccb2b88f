"""A circuit breaker: while the server is known to be away, callers learn it at once and one probe goes out."""

from collections import deque
from collections.abc import Callable

from gateway.errors import StoreFault


class Breaker:
    """Opens after `failures` within `window` seconds; then lets one call through each `pause` seconds.

    The first call that works closes it. `ticks` is a monotonic clock.
    """

    def __init__(
        self,
        ticks: Callable[[], float],
        *,
        failures: int = 5,
        window: float = 2.0,
        pause: float = 1.0,
    ) -> None:
        self._ticks = ticks
        self._failed: deque[float] = deque(maxlen=failures)
        self._failures = failures
        self._window = window
        self._pause = pause
        self._next_probe: float | None = None

    def admit(self) -> None:
        """Return if the call may go out; `StoreFault` while the server rests."""
        if self._next_probe is None:
            return
        now = self._ticks()
        if now < self._next_probe:
            raise StoreFault("redis does not answer; it is asked again within a second")
        self._next_probe = now + self._pause

    def worked(self) -> None:
        self._next_probe = None
        self._failed.clear()

    def failed(self) -> None:
        now = self._ticks()
        self._failed.append(now)
        if len(self._failed) == self._failures and now - self._failed[0] <= self._window:
            self._next_probe = now + self._pause
