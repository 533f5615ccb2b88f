"""What the refreshes of a process tell: how each ended, and what the operator has to mend."""

from collections.abc import Callable

from gateway.observe.events import Alarm, Emit, RefreshFinished
from gateway.sessions.session import log_name

ALARM_EVERY = 60.0


class Report:
    """`clock` gives Unix seconds."""

    def __init__(self, emit: Emit, clock: Callable[[], float]) -> None:
        self._emit = emit
        self._clock = clock
        self._alarmed: dict[str, float] = {}

    def finished(self, sid: str, provider: str, outcome: str, began: float, fails: int = 0) -> None:
        """One provider was asked, at `began`; `outcome` as in `RefreshFinished`."""
        self._emit(RefreshFinished(log_name(sid), provider, outcome, fails, self._clock() - began))

    def alarm(self, provider: str, sentence: str) -> None:
        """Tell the operator, once a minute and not once a session; "" is nothing to tell."""
        now = self._clock()
        if sentence and now - self._alarmed.get(provider, float("-inf")) >= ALARM_EVERY:
            self._alarmed[provider] = now
            self._emit(Alarm("provider_refresh", sentence))
