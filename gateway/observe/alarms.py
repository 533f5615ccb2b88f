"""The same alarm once a minute: whoever opens the login page again and again must not drown the log in it."""

from collections.abc import Callable

from gateway.observe.events import Alarm, Emit, Event

EVERY = 60.0
_REMEMBERED = 256


class Once:
    """Hands every event on, and of alarms that say the same only one in `EVERY` seconds. `clock` is Unix time."""

    def __init__(self, emit: Emit, clock: Callable[[], float]) -> None:
        self._emit = emit
        self._clock = clock
        self._told: dict[Alarm, float] = {}

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Alarm) or self._is_news(event):
            self._emit(event)

    def _is_news(self, alarm: Alarm) -> bool:
        now = self._clock()
        if 0 <= now - self._told.get(alarm, float("-inf")) < EVERY:
            return False
        if len(self._told) >= _REMEMBERED:
            self._told.clear()
        self._told[alarm] = now
        return True
