"""Where events go: `Events` fans out, `Queued` puts a slow subscriber behind a bounded queue.

    log = Log(settings.log, sys.stdout, time.time)
    metrics = Metrics(…)
    queued = Queued(log, wants=log.wants, overflow=metrics)
    emit = Events(metrics, queued)
    …
    queued.close()          # writes what is left

The domain calls `emit` in the middle of an answer. So it never waits and never raises, whatever a subscriber does.
"""

import contextlib
import sys
import threading
from collections import deque
from collections.abc import Callable

from gateway.observe.events import DecisionMade, Emit, Event
from gateway.observe.lost import Lost


def to_stderr(sentence: str) -> None:
    """The last resort of a process whose log does not work."""
    sys.stderr.write(f"{sentence}\n")


class Events:
    """Hands each event to every subscriber, in order. `failures` counts what subscribers raised."""

    def __init__(self, *subscribers: Emit, report: Callable[[str], None] = to_stderr) -> None:
        self._subscribers = subscribers
        self._report = report
        self.failures = 0

    def __call__(self, event: Event) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception as error:  # noqa: BLE001 - a broken log must not break a decision
                self._failed(event, error)

    def _failed(self, event: Event, error: Exception) -> None:
        self.failures += 1
        if self.failures > 1:
            return
        # Kind and event only: the message of the error may quote what it choked on.
        sentence = f"gateway: a subscriber failed at {event.name} with {type(error).__name__}"
        with contextlib.suppress(Exception):  # where stderr is closed there is nobody left to tell
            self._report(f"{sentence}; further failures are only counted")


class Queued:
    """A subscriber that a background thread feeds, so that a terminal or a pipe that stalls stalls nobody.

    Beyond `capacity` waiting events decisions are dropped; other events are dropped beyond twice of it, so that a
    flood of checks cannot push an alarm or a login out of the log. What was dropped is summarised; the subscriber and
    `overflow` receive one `LogLinesDropped` for it when there is room again. Several threads may call.
    """

    def __init__(
        self,
        subscriber: Emit,
        *,
        wants: Callable[[Event], bool],
        overflow: Emit,
        capacity: int = 10_000,
        pause: float = 0.02,
    ) -> None:
        self._feed = Events(subscriber)
        self._tell = Events(subscriber, overflow)
        self._wants = wants
        self._capacity = capacity
        self._pause = pause
        self._waiting: deque[Event] = deque()
        self._lost = Lost()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-queue", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        if not self._wants(event):
            return
        room = self._capacity if isinstance(event, DecisionMade) else 2 * self._capacity
        if len(self._waiting) >= room:
            self._lost.add(event)
        else:
            self._waiting.append(event)
        # One wake-up for a whole batch: waking the thread for each event would cost more than the check itself.
        if not self._wake.is_set():
            self._wake.set()

    def close(self, timeout: float = 2.0) -> None:
        """Write what is waiting and end the thread; give up after `timeout` seconds."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(self._pause)  # lets a batch gather
            self._wake.clear()
            self._drain()
        self._drain()

    def _drain(self) -> None:
        for _ in range(len(self._waiting)):
            self._feed(self._waiting.popleft())
        if dropped := self._lost.take():
            self._tell(dropped)
