"""Answers of the verify endpoints: counted each, while only some have a line in the log.

A check is answered in microseconds and a line of it costs several times as much. So an allow is a number; in each
second the first few have a line as well, and `decision.summary` says once a minute how many had none. Whatever is no
allow has a line wherever the level of the log lets it.
"""

from collections.abc import Collection

from gateway.observe.events import DecisionsSummarised
from gateway.observe.labels import CONTRACTS, OTHER, OUTCOMES
from gateway.observe.timing import Timing

MINUTE = 60


class Decisions:
    """Told of each answer (`events.Decided`), in the thread of the event loop alone.

    `written` are the outcomes that the level of the log lets through, `allows` is how many allows may have a line in a
    second (`inf` for all). Another thread may call `next_second`.
    """

    def __init__(self, written: Collection[str], allows: float) -> None:
        self._timings: dict[tuple[str, str], Timing] = {}
        self._written = frozenset(written)
        self._allows = allows if "allow" in self._written else 0
        # Two threads and no lock: the loop alone raises `_lines`, the other one alone moves the rest.
        self._lines = 0
        self._limit = self._allows
        self._seconds = 0
        self._summarised = 0

    def __call__(self, contract: str, outcome: str, seconds: float) -> bool:
        """Count one answer that took so many seconds; whether its line is wanted."""
        try:
            timing = self._timings[contract, outcome]
        except KeyError:
            timing = self._timing_of(contract, outcome)
        timing.observe(seconds)
        if outcome != "allow":
            return outcome in self._written or (outcome not in OUTCOMES and OTHER in self._written)
        if self._lines >= self._limit:
            return False
        self._lines += 1
        return True

    def _timing_of(self, contract: str, outcome: str) -> Timing:
        """Under words of ours: what a stranger chose must not fill the memory."""
        known = (contract if contract in CONTRACTS else OTHER, outcome if outcome in OUTCOMES else OTHER)
        return self._timings.setdefault(known, Timing())

    def timings(self) -> dict[tuple[str, str], Timing]:
        """What was counted, by contract and outcome."""
        return self._timings.copy()  # in one step of the interpreter: the loop may add a series meanwhile

    def next_second(self) -> DecisionsSummarised | None:
        """A second has gone by: the next allows may have lines again. Once a minute it returns the `summary`."""
        self._limit = self._lines + self._allows
        self._seconds += 1
        return self.summary() if self._seconds % MINUTE == 0 else None

    def summary(self) -> DecisionsSummarised | None:
        """How many allows had no line since the last one; `None` where every one had."""
        allows = sum([one.count for (_, outcome), one in self.timings().items() if outcome == "allow"])
        # The answer under way may be counted and have no line yet, or the other way round; as these numbers never
        # begin anew, the next summary makes up for it.
        count = allows - self._lines - self._summarised
        if count <= 0:
            return None
        self._summarised += count
        return DecisionsSummarised("allow", count)
