"""Events that had no room in the queue of the log, kept as numbers: what was lost, and which rules forbade.

It is called when the machine is short of everything, so it keeps no event, and its words are bounded: names of events
and outcomes are ours, and of the rules only the first `MAX_RULES` are told apart.
"""

import threading
from collections import Counter

from gateway.observe.events import DecisionMade, Event, LogLinesDropped
from gateway.observe.labels import OTHER, OUTCOMES

MAX_RULES = 20
NO_RULE = "(none)"


class Lost:
    """Counts what is lost until somebody takes it. Safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._what: Counter[str] = Counter()
        self._rules: Counter[str] = Counter()

    def add(self, event: Event) -> None:
        with self._lock:
            if not isinstance(event, DecisionMade):
                self._what[event.name] += 1
                return
            self._what[event.outcome if event.outcome in OUTCOMES else OTHER] += 1
            if event.outcome == "forbid":
                self._rules[self._bounded(event.rule or NO_RULE)] += 1

    def _bounded(self, rule: str) -> str:
        return rule if rule in self._rules or len(self._rules) < MAX_RULES else OTHER

    def take(self) -> LogLinesDropped | None:
        """All that was lost since the last time; `None` where nothing was."""
        if not self._what:
            return None
        with self._lock:
            what, self._what = self._what, Counter()
            rules, self._rules = self._rules, Counter()
        return LogLinesDropped(what.total(), _listed(what), _listed(rules))


def _listed(counts: Counter[str]) -> str:
    """Most frequent first: `forbid 80, allow 20`."""
    return ", ".join([f"{word} {count}" for word, count in counts.most_common()])
