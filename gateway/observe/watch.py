"""Everybody who listens to events, put together: counters first, then the log behind its queue."""

import hashlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version

from gateway.observe.alarms import Once
from gateway.observe.beat import Beat
from gateway.observe.decisions import Decisions, lines_a_second
from gateway.observe.events import Decided, Emit, Event
from gateway.observe.log import Log
from gateway.observe.metrics import Metrics
from gateway.observe.subscribers import Events, Queued
from gateway.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Watch:
    """`emit` is where events are dropped, `decided` where each answer of a verify endpoint is told.

    `close` writes what is waiting and gives the process its own log back.
    """

    emit: Emit
    decided: Decided
    log: Log
    metrics: Metrics
    close: Callable[[], None]


def watch(settings: Settings, clock: Callable[[], float]) -> Watch:
    """Count, and write to standard error, what happens from now on."""
    log = Log(settings.log, sys.stderr, clock)
    undo = log.adopt_stdlib()
    decisions = Decisions(lines_a_second(settings.log, log.outcomes()))
    metrics = Metrics(
        decisions,
        providers=settings.providers,
        version=version("auth-gateway"),
        config_hash=config_hash(settings),
        started=clock(),
    )
    queue = Queued(log, wants=log.wants, overflow=metrics)

    def tell(summaries: Iterable[Event]) -> None:
        for summary in summaries:
            queue(summary)

    beat = Beat(lambda: tell(decisions.next_second()))

    def close() -> None:
        beat.close()
        tell(decisions.summaries())
        queue.close()
        undo()

    return Watch(Once(Events(metrics, queue), clock), decisions.answered, log, metrics, close)


def config_hash(settings: Settings) -> str:
    """A short digest by which two replicas can be seen to run the same settings; secrets do not enter it."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:12]
