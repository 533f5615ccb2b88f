"""One scrape for all workers: their numbers, added up by the parent.

Each reports over its channel when it is asked. Who does not within a second is counted with what it said last, so that
no sum ever goes back; and so are the dead. `gateway_workers` says how many are silent.
"""

from collections import Counter
from collections.abc import Callable

from gateway.observe.sums import Family, Numbers, add, exposition, merged
from gateway.serve.crew import STATES, Crew, Worker
from gateway.serve.timers import Timers

PATIENCE = 1.0
"""Seconds for the workers to report."""

Waiting = Callable[[str], None]


class Scrape:
    """The sums, and who waits for them."""

    def __init__(self, crew: Crew, timers: Timers) -> None:
        self._crew = crew
        self._timers = timers
        self._ended: Numbers = {}
        self._asked: set[Worker] = set()
        self._waiting: list[Waiting] = []
        self._round = 0

    def ask(self, answer: Callable[[str], None]) -> None:
        """Call `answer` with the exposition, within `PATIENCE`."""
        self._waiting.append(answer)
        if len(self._waiting) > 1:
            return
        self._round += 1
        this = self._round
        self._asked = {worker for worker in self._crew if worker.state != "starting"}
        for worker in self._asked:
            worker.line.say("report")
        self._timers.after(PATIENCE, lambda: self._answer() if this == self._round else None)

    def reported(self, worker: Worker) -> None:
        self._asked.discard(worker)
        if not self._asked:
            self._answer()

    def ended(self, worker: Worker) -> None:
        """What it has counted stays in the sums."""
        add(self._ended, worker.numbers)
        self.reported(worker)

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        text = exposition(self._total())
        for answer in waiting:
            answer(text)

    def _total(self) -> Numbers:
        serving = self._crew.serving()
        leaving = [worker.numbers for worker in self._crew.leaving()]
        total = merged({name: one.numbers for name, one in serving.items()}, leaving, self._ended)
        return total | self._about_workers()

    def _about_workers(self) -> Numbers:
        states = Counter(worker.shown for worker in self._crew)
        workers = Family("gateway_workers", "gauge", "Worker processes by what they do.")
        for state in STATES:
            workers.samples["gateway_workers", (("state", state),)] = float(states[state])
        died = Family("gateway_workers_died", "counter", "Worker processes that ended without being told to.")
        died.samples["gateway_workers_died_total", ()] = float(self._crew.died)
        return {one.name: one for one in (workers, died)}
