"""Sides that take turns: A B A B, the same seconds each, so that a ratio means something on a machine with neighbours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.cores import cpu_seconds, pinned
from bench.load import Load, Ran, run_wrk
from bench.row import Measured
from bench.sample import Sample
from bench.servers import Server
from tests.kit.wire import Answer, exchange


@dataclass(frozen=True, slots=True)
class Expected:
    """What every answer must be: the status, and headers that are there and not empty."""

    status: int = 200
    headers: tuple[str, ...] = ()

    def hold(self, answer: Answer, label: str) -> None:
        """Raises `RuntimeError`: a bench of 503s is fast."""
        empty = [name for name in self.headers if not answer.first(name)]
        if answer.status != self.status or empty:
            raise RuntimeError(f"{label}: {answer.status}, not {self.status}; missing: {empty or 'nothing'}")


@dataclass(frozen=True, slots=True)
class Side:
    """What is asked. `counted` are the servers whose time is measured, `beside` those whose time is only shown."""

    label: str
    port: int
    load: Load
    counted: tuple[Server, ...]
    expected: Expected = Expected()
    beside: Mapping[str, int] = field(default_factory=dict)
    size: float | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long, how often, from which cores, and where scripts are written."""

    rounds: int
    seconds: int
    load: frozenset[int]
    folder: Path


def alternate(sides: Sequence[Side], bounds: Bounds) -> tuple[Measured, ...]:
    """Each side once a round, behind a run that is not counted. All must answer as expected before and after."""
    for side in sides:
        side.expected.hold(exchange(side.port, side.load.first()), side.label)
    clients = [Client(side, bounds) for side in sides]
    for client in clients:
        client.run()  # caches are filled, and connections to a store are open
    rounds = [[client.run() for client in clients] for _ in range(bounds.rounds)]
    for side in sides:
        side.expected.hold(exchange(side.port, side.load.first()), side.label)
    found = zip(sides, zip(*rounds, strict=True), strict=True)
    return tuple([Measured(side.label, samples, side.size) for side, samples in found])


class Client:
    """Asks one side. Each run goes on where the last one ended: with the next address, and the next session."""

    def __init__(self, side: Side, bounds: Bounds) -> None:
        self._side = side
        self._bounds = bounds
        self.answered = 0

    def run(self) -> Sample:
        """One run of the load generator. Raises `RuntimeError` where an answer is missing or wrong."""
        side, bounds = self._side, self._bounds
        counted = [server.pid for server in side.counted]
        before = cpu_seconds(counted)
        beside = {name: cpu_seconds([pid]) for name, pid in side.beside.items()}
        with pinned(bounds.load):
            ran = run_wrk(side.load, side.port, bounds.seconds, bounds.folder, self.answered)
        spent = cpu_seconds(counted) - before
        aside = {name: cpu_seconds([pid]) - beside[name] for name, pid in side.beside.items()}
        hold_sound(side, ran)
        self.answered += ran.requests
        for server in side.counted:
            server.forget_log()
        return sample_of(ran, spent, aside)


def sample_of(ran: Ran, spent: float, beside: Mapping[str, float]) -> Sample:
    """`spent` and `beside` in seconds of CPU."""
    each = 1e6 / ran.requests
    return Sample(
        requests=ran.requests,
        per_second=ran.requests / ran.seconds,
        cpu_us=spent * each,
        p50_ms=ran.p50 / 1000,
        p99_ms=ran.p99 / 1000,
        p999_ms=ran.p999 / 1000,
        beside={name: seconds * each for name, seconds in beside.items()},
    )


def hold_sound(side: Side, ran: Ran) -> None:
    """Raises `RuntimeError` where a request had no answer, or one of another status (as far as wrk tells them apart)."""
    refused = ran.requests if side.expected.status >= 400 else 0
    if ran.requests == 0 or ran.errors or ran.above_399 != refused:
        raise RuntimeError(
            f"{side.label}: of {ran.requests} answers {ran.above_399} above 399, {ran.errors} socket errors"
        )
