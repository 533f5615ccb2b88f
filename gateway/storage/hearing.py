"""Who listens to a bus in this process, and what is told about it to the operator."""

from collections.abc import Callable

from gateway.observe.events import BusChanged, Emit, NoticeHeard, NoticesIgnored
from gateway.observe.tally import Tally
from gateway.storage.bus import About, Hear, Notice


class Hearing:
    """`clock` gives Unix seconds, `ticks` those of a monotonic clock."""

    def __init__(self, emit: Emit, clock: Callable[[], float], ticks: Callable[[], float]) -> None:
        self._emit = emit
        self._clock = clock
        self._listeners: list[Hear] = []
        self._told = ""
        self.ignored = Tally(lambda count: emit(NoticesIgnored(count)), ticks)

    def subscribe(self, hear: Hear) -> None:
        self._listeners.append(hear)

    def deliver(self, notice: Notice) -> None:
        """To everybody in this process."""
        for hear in self._listeners:
            hear(notice)

    def deliver_all(self) -> None:
        """Something may have been missed: everything is to be looked at anew."""
        self.deliver(Notice(About.ALL))

    def receive(self, notice: Notice) -> None:
        """A notice of another process."""
        self.deliver(notice)
        # Clocks of two machines differ; below zero the figure would only spoil the sum.
        self._emit(NoticeHeard(notice.about.value, max(self._clock() - notice.at, 0.0)))

    def changed(self, outcome: str, reason: str = "") -> None:
        """Tell that the bus is `current` or `lost`, once for each change."""
        if outcome != self._told:
            self._told = outcome
            self._emit(BusChanged(outcome, reason))
