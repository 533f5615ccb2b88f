"""Whether the event loop keeps turning, and directories that take a connection and say nothing."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from tests.kit.samba import free_address


class Ticking:
    """A task that wants to run every five milliseconds, and how long it could not, in seconds.

    `worst` is what a clock says. `own` leaves out the time in which the loop's thread was ready and the machine ran
    somebody else (`run_delay` of Linux's schedstat): what is left is what this process did, or waited for.
    """

    PACE = 0.005

    def __init__(self) -> None:
        self.worst = self.own = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _tick(self) -> None:
        place = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        while True:
            before, queued = time.perf_counter(), _queued(place)
            await asyncio.sleep(self.PACE)
            stood = time.perf_counter() - before - self.PACE
            self.worst = max(self.worst, stood)
            self.own = max(self.own, stood - (_queued(place) - queued))


def _queued(place: Path) -> float:
    """Seconds that a thread has waited for a core; 0.0 where the system does not count them."""
    try:
        return int(place.read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


@contextmanager
def silent(port: int) -> Iterator[str]:
    """Takes connections, and says nothing; `host:port`."""
    with closing(socket.create_server((free_address(), port), backlog=200)) as listener:
        yield f"{listener.getsockname()[0]}:{listener.getsockname()[1]}"
