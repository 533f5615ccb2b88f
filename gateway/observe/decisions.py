"""Answers of the verify endpoints: counted each, while only the first of a second have a line in the log.

A check is answered in microseconds and a line of it costs several times as much, whatever the answer is: a crawler
that nobody knows, or a program that polls with a session that has ended, would make the gateway write a book. So every
answer is a number; in each second the first few of each outcome have a line as well, and `decision.summary` says once
a minute how many had none.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping

from gateway.observe.events import DecisionsSummarised
from gateway.observe.labels import CONTRACTS, OTHER, OUTCOMES
from gateway.observe.timing import BUCKETS, Timing
from gateway.settings.model import Log as LogSettings
from gateway.settings.units import Lines

MINUTE = 60
_EVERY_OUTCOME = (*OUTCOMES, OTHER)


def lines_a_second(settings: LogSettings, written: Collection[str]) -> dict[str, float]:
    """How many answers of each outcome may have a line in a second; `written` are those that `log.level` lets through.

    A fault always has one: it is the gateway that failed, and the queue of the log is bound enough.
    """
    most = dict.fromkeys(_EVERY_OUTCOME, _number(settings.denials))
    most |= {"allow": _number(settings.allows), "fault": math.inf}
    return {outcome: most[outcome] for outcome in written}


def _number(lines: Lines) -> float:
    return math.inf if lines == "all" else lines


class _Lines:
    """Those of one outcome, whatever contract it was answered in.

    Two threads and no lock: the loop alone raises `given`, the other one alone moves the rest.
    """

    __slots__ = ("a_second", "given", "limit", "summarised")

    def __init__(self, a_second: float) -> None:
        self.a_second = a_second
        self.given = 0
        self.limit = a_second
        self.summarised = 0


class Decisions:
    """Counts; `answered` is told of each answer (`events.Decided`), in the thread of the event loop alone.

    `lines` says how many answers of an outcome may have a line in a second, `inf` for all; of those that it does not
    name none has one. Another thread may call `next_second`.
    """

    def __init__(self, lines: Mapping[str, float]) -> None:
        self._lines = {outcome: _Lines(lines.get(outcome, 0)) for outcome in _EVERY_OUTCOME}
        self._series: dict[tuple[str, str], tuple[Timing, _Lines]] = {}
        self._seconds = 0

    def answered(self, contract: str, outcome: str, seconds: float) -> bool:
        """Count one answer that took so many seconds; whether its line is wanted."""
        try:
            timing, lines = self._series[contract, outcome]
        except KeyError:
            timing, lines = self._series_of(contract, outcome)
        # `Timing.observe` written out, and no `__call__`: on the path of every check calls cost more than counting.
        timing.buckets[bisect_left(BUCKETS, seconds)] += 1
        timing.total += seconds
        if lines.given >= lines.limit:
            return False
        lines.given += 1
        return True

    def _series_of(self, contract: str, outcome: str) -> tuple[Timing, _Lines]:
        """Under words of ours: what a stranger chose must not fill the memory."""
        known = (contract if contract in CONTRACTS else OTHER, outcome if outcome in OUTCOMES else OTHER)
        return self._series.setdefault(known, (Timing(), self._lines[known[1]]))

    def timings(self) -> dict[tuple[str, str], Timing]:
        """What was counted, by contract and outcome."""
        series = self._series.copy()  # in one step of the interpreter: the loop may add a series meanwhile
        return {words: timing for words, (timing, _) in series.items()}

    def next_second(self) -> list[DecisionsSummarised]:
        """A second has gone by: the next answers may have lines again. Once a minute it returns the `summaries`."""
        for lines in self._lines.values():
            lines.limit = lines.given + lines.a_second
        self._seconds += 1
        return self.summaries() if self._seconds % MINUTE == 0 else []

    def summaries(self) -> list[DecisionsSummarised]:
        """Of each outcome, how many answers had no line since the last time; empty where every one had."""
        answers: Counter[str] = Counter()
        for (_, outcome), timing in self.timings().items():
            answers[outcome] += timing.count
        told = []
        for outcome, lines in self._lines.items():
            # The answer under way may be counted and have no line yet, or the other way round; as these numbers never
            # begin anew, the next summary makes up for it.
            count = answers[outcome] - lines.given - lines.summarised
            if count > 0:
                lines.summarised += count
                told.append(DecisionsSummarised(outcome, count))
        return told
