"""Checks of several kinds, sent without a pause at every gateway of a fleet, and each answer written down.

A `Lane` is one kind of request at one gateway: a thread with a connection of its own that retries nothing. What the
lanes have seen is judged afterwards, by the moment at which a request was sent.
"""

import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Self

from tests.kit.fleet import Fleet
from tests.kit.steady_load import Answered, SteadyLoad

PACE = 0.05
"""Seconds between two requests of a lane: many lanes, and the machine is to have time for the gateways."""


@dataclass(eq=False)
class Lane:
    """One kind of request at one gateway; `answers` in the order of their requests."""

    kind: str
    gateway: int
    load: SteadyLoad
    answers: list[Answered]

    def since(self, moment: float) -> list[Answered]:
        return [one for one in list(self.answers) if one.sent >= moment]

    def first(self, status: int, since: float) -> float:
        """When the first such answer came to a request that was sent since then (monotonic clock); inf for none."""
        ends = [one.sent + one.took for one in self.since(since) if one.status == status]
        return min(ends, default=math.inf)

    def for_good(self, status: int, since: float) -> float:
        """When the first answer of this status came (monotonic clock) behind which no other follows; inf for none."""
        moment = math.inf
        for one in reversed(self.since(since)):
            if one.status != status:
                break
            moment = one.sent + one.took
        return moment


@dataclass
class WatchedChecks:
    """Add lanes, enter, and leave; then read."""

    fleet: Fleet
    lanes: list[Lane] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def add(self, kind: str, cookie: str, uri: str) -> None:
        """A lane at each gateway."""
        for number, gateway in enumerate(self.fleet.gateways):
            bind = gateway.settings.server.verify_bind
            assert bind.port
            answers: list[Answered] = []
            load = SteadyLoad(
                _opener(bind.port), self._request(cookie, uri), 1, pace=PACE, note=answers.append
            )
            self.lanes.append(Lane(kind, number, load, answers))

    def _request(self, cookie: str, uri: str) -> bytes:
        lines = [
            "GET /verify/forward-auth HTTP/1.1", "Host: gateway", "X-Forwarded-Method: GET",
            f"X-Forwarded-Host: {self.fleet.host}", f"X-Forwarded-Uri: {uri}",
        ]  # fmt: skip
        lines += [f"Cookie: {cookie}"] if cookie else []
        return "\r\n".join([*lines, "", ""]).encode()

    def __enter__(self) -> Self:
        for lane in self.lanes:
            self._stack.enter_context(lane.load)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def of(self, *kinds: str, gateway: int | None = None) -> list[Lane]:
        return [one for one in self.lanes if one.kind in kinds and gateway in {None, one.gateway}]

    def answers(
        self, *kinds: str, gateway: int | None = None, since: float = -math.inf
    ) -> Iterator[Answered]:
        for lane in self.of(*kinds, gateway=gateway) if kinds else self.lanes:
            yield from lane.since(since)

    def settled(self, *kinds: str, seconds: float, without: frozenset[int]) -> bool:
        """Whether for so long all answers of these kinds were others than `without`, and there were some."""
        since = time.monotonic() - seconds
        recent = [lane.since(since) for lane in self.of(*kinds)]
        # A request that is still waiting was sent before: its lane has been silent for as long.
        return all(recent) and not any(one.status in without for answers in recent for one in answers)

    def lately(self, seconds: float) -> str:
        """What each lane has been told in so many seconds."""
        since = time.monotonic() - seconds
        told = [(lane, [one.status for one in lane.since(since)]) for lane in self.lanes]
        return ", ".join(
            f"{lane.kind} at {lane.gateway}: {sorted(set(said))} x {len(said)}" for lane, said in told
        )

    def last(self, *kinds: str, status: int, since: float) -> float:
        """Seconds from `since` until the last answer of this status came, of all that came after it; 0 for none."""
        ends = [one.sent + one.took - since for one in self.answers(*kinds) if one.status == status]
        return max([0.0, *ends])

    def slowest(self) -> float:
        return max(one.took for one in self.answers())


def _opener(port: int) -> Callable[[], socket.socket]:
    return lambda: socket.create_connection(("127.0.0.1", port), timeout=15)
