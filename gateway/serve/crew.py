"""The workers: one to a seat, replaced when they die, and one after the other when the configuration changes.

Whoever is replaced goes on until its successor is ready, and then stays for the connections that it has. A worker that
dies is replaced at once; where that happens again and again, after a pause that grows to a second and no further: what
waits in its queue meanwhile is to be answered within the patience of a proxy.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gateway.errors import WorkerFault
from gateway.observe.sums import Numbers, unpacked
from gateway.serve.channel import Line
from gateway.serve.listeners import ANSWERING, LINGER
from gateway.serve.process import Plan
from gateway.serve.timers import Timers

STARTING, READY, LEAVING, SILENT = "starting", "ready", "leaving", "silent"
STATES = (STARTING, READY, LEAVING, SILENT)

MOST_DEATHS = 5
"""Workers that may die before the first one was ready; then the start has failed."""
QUICK = 10.0
"""Seconds that a worker must have lived for its death to count as a single misfortune."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
COMES_UP = 20.0
"""Seconds for a successor to become ready when the configuration changes; else everything stays as it is."""
REPORTS_MISSED = 4
"""Reports in a row that a worker may owe before it counts as hung, and is killed."""
GOES = LINGER + ANSWERING + 10.0
"""Seconds for a worker that was replaced: its connections, its answers, a refresh at the provider."""

Say: TypeAlias = Callable[[str, str, Mapping[str, Any]], None]
Fork: TypeAlias = Callable[[int, Plan], tuple[int, Line]]
"""Start a worker for a seat: its pid and the line to it."""


@dataclass(slots=True, eq=False)
class Worker:
    """A process that answers, as the parent knows it."""

    pid: int
    seat: int
    line: Line
    plan: Plan
    born: float
    state: str = STARTING
    owes: int = 0
    numbers: Numbers = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """Its state; `silent` where it does not report."""
        return SILENT if self.owes > 1 else self.state

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@dataclass(slots=True)
class Seating:
    """One seat: who answers there, and who is about to."""

    number: int
    serving: Worker | None = None
    coming: Worker | None = None
    deaths: int = 0


class Crew:
    """All workers. `ticks` is a monotonic clock; `say` writes a line of the log."""

    def __init__(
        self, count: int, plan: Plan, fork: Fork, timers: Timers, ticks: Callable[[], float], say: Say
    ) -> None:
        self._fork = fork
        self._timers = timers
        self._ticks = ticks
        self._say = say
        self._seats = [Seating(number) for number in range(count)]
        self._leaving: list[Worker] = []
        self._before = plan
        self.plan = plan
        self.whole = False
        self.died = 0
        self.stopping = False

    # Looking

    def __iter__(self) -> Iterator[Worker]:
        for seat in self._seats:
            yield from (one for one in (seat.serving, seat.coming) if one)
        yield from self._leaving

    def serving(self) -> dict[str, Worker]:
        """Who answers, by the number that people see."""
        return {str(seat.number + 1): seat.serving for seat in self._seats if seat.serving}

    def leaving(self) -> list[Worker]:
        return [worker for worker in self if worker not in self.serving().values()]

    def states(self) -> dict[str, str]:
        """The state of every seat, by the number that people see."""
        return {
            str(seat.number + 1): seat.serving.shown if seat.serving else STARTING for seat in self._seats
        }

    # Coming

    def start(self) -> None:
        for seat in self._seats:
            self._fill(seat)

    def _fill(self, seat: Seating) -> None:
        if self.stopping or seat.coming:
            return
        pid, line = self._fork(seat.number, self.plan)
        worker = seat.coming = Worker(pid, seat.number, line, self.plan, self._ticks())
        self._say("info", "worker.started", {"worker": seat.number + 1, "pid": pid})
        if seat.serving:
            self._timers.after(COMES_UP, lambda: self._hurry(seat, worker))

    def _hurry(self, seat: Seating, worker: Worker) -> None:
        if seat.coming is worker:
            worker.kill()

    def ready(self, worker: Worker) -> None:
        """It answers: whoever sat there before may go."""
        seat = self._seats[worker.seat]
        if self.stopping or seat.coming is not worker:
            return
        before, seat.serving, seat.coming = seat.serving, worker, None
        worker.state = READY
        self._say("info", "worker.ready", {"worker": seat.number + 1, "pid": worker.pid})
        if before:
            self._retire(before)
        self.whole = self.whole or all(one.serving for one in self._seats)
        self._replace_next()

    # Going

    def _retire(self, worker: Worker) -> None:
        worker.state = LEAVING
        worker.line.say("retire")
        self._leaving.append(worker)
        self._timers.after(GOES, lambda: worker.kill() if worker in self._leaving else None)

    def wants_to_leave(self, worker: Worker) -> None:
        """Somebody sent it SIGTERM: it is replaced first."""
        seat = self._seats[worker.seat]
        if seat.serving is worker:
            self._fill(seat)

    def ended(self, worker: Worker, how: str) -> None:
        """The process is gone."""
        if worker in self._leaving:
            self._leaving.remove(worker)
            return
        seat = self._seats[worker.seat]
        if seat.serving is worker:
            seat.serving = None
        elif seat.coming is worker:
            seat.coming = None
        if self.stopping:
            return
        self._mourn(seat, worker, how)
        self._abandon_what_fails(worker)
        seat.deaths = seat.deaths + 1 if self._ticks() - worker.born < QUICK else 0
        pause = min(FIRST_PAUSE * 2.0 ** (seat.deaths - 1), LONGEST_PAUSE) if seat.deaths else 0.0
        self._timers.after(pause, lambda: self._go_on(seat))

    def _mourn(self, seat: Seating, worker: Worker, how: str) -> None:
        self.died += 1
        self._say("error", "worker.died", {"worker": seat.number + 1, "pid": worker.pid, "how": how})
        if not self.whole and self.died >= MOST_DEATHS:
            raise WorkerFault(
                f"serve: {self.died} worker processes ended before all were ready, the last one with {how}"
            )

    def _go_on(self, seat: Seating) -> None:
        if seat.serving is None:
            self._fill(seat)
        else:
            self._replace_next()

    # Changing

    def change(self, plan: Plan) -> None:
        """Replace everybody, one after the other, by workers that run `plan`."""
        if self._in_force(self.plan):
            # Perhaps not at everybody's yet; but it is good, and what there is to go back to.
            self._before = self.plan
        self.plan = plan
        self._replace_next()

    def _replace_next(self) -> None:
        if self.stopping or any(seat.coming for seat in self._seats):
            return
        old = [seat for seat in self._seats if seat.serving and seat.serving.plan is not self.plan]
        if old:
            self._fill(old[0])
        elif self._before is not self.plan and all(seat.serving for seat in self._seats):
            self._before = self.plan
            self._say("info", "configuration.changed", {"workers": len(self._seats)})

    def _abandon_what_fails(self, worker: Worker) -> None:
        """A new configuration that not even the first worker comes up with is none."""
        if self._before is self.plan or worker.plan is not self.plan:
            return
        if not self._in_force(self.plan):
            self.plan = self._before
            message = "no worker comes up with it; they go on with the configuration that they have"
            self._say("error", "configuration.refused", {"message": message})

    def _in_force(self, plan: Plan) -> bool:
        """Whether somebody answers by it."""
        return any(seat.serving and seat.serving.plan is plan for seat in self._seats)

    # Ending

    def report(self) -> None:
        """Ask everybody for their numbers; who owes too many answers is hung."""
        for worker in list(self):
            worker.owes += 1
            if worker.owes > REPORTS_MISSED:
                self._say("error", "worker.hung", {"worker": worker.seat + 1, "pid": worker.pid})
                worker.kill()
            worker.line.say("report")

    def reported(self, worker: Worker, rows: list[Any]) -> None:
        worker.owes = 0
        worker.numbers = unpacked(rows)

    def stop(self) -> None:
        """Everybody ends, at their own pace."""
        self.stopping = True
        for worker in self:
            worker.line.say("stop")

    def kill(self) -> None:
        """Everybody ends now."""
        for worker in self:
            worker.kill()
