"""Everybody who listens to events, put together: counters first, then the log behind its queue."""

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from gateway.observe.alarms import Once
from gateway.observe.events import Emit
from gateway.observe.log import Log
from gateway.observe.metrics import Metrics
from gateway.observe.subscribers import Events, Queued
from gateway.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Watch:
    """`emit` is where events are dropped; `close` writes what is waiting and gives the process its own log back."""

    emit: Emit
    log: Log
    metrics: Metrics
    close: Callable[[], None]


def watch(settings: Settings, clock: Callable[[], float]) -> Watch:
    """Count, and write to standard error, what happens from now on."""
    metrics = Metrics(
        providers=settings.providers,
        version=version("auth-gateway"),
        config_hash=config_hash(settings),
        started=clock(),
    )
    log = Log(settings.log, sys.stderr, clock)
    undo = log.adopt_stdlib()
    queue = Queued(log, wants=log.wants, overflow=metrics)

    def close() -> None:
        queue.close()
        undo()

    return Watch(Once(Events(metrics, queue), clock), log, metrics, close)


def config_hash(settings: Settings) -> str:
    """A short digest by which two replicas can be seen to run the same settings; secrets do not enter it."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:12]
