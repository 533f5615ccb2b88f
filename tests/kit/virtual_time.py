"""An event loop whose time stands still until somebody waits for it to pass; then it jumps to the next timer.

No socket, no thread, no real second: `asyncio.sleep`, `asyncio.timeout` and `asyncio.wait(timeout=...)` work as ever,
and always in the same order. What waits for something that no timer and no task will ever bring is a deadlock, and is
said to be one.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any


class _Jump:
    """Stands in for the selector: where the loop would block, time goes on."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise AssertionError("deadlock: nothing is left that could happen")
        if timeout > 0:
            self._loop.now += timeout
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """`now` is the loop's time in seconds; as Unix time it is `clock()`."""

    EPOCH = 1_800_000_000.0

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector = _Jump(self)
        self._clock_resolution = 1e-9
        self.crashes: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.crashes.append(context))

    def time(self) -> float:
        return self.now

    def clock(self) -> float:
        return self.EPOCH + self.now

    def pass_time(self, seconds: float) -> None:
        """Let everything happen that is due within so many seconds."""
        self.run_until_complete(asyncio.sleep(seconds))

    def settle(self, turns: int = 50) -> None:
        """Let everything happen that needs no time."""
        self.run_until_complete(_turns(turns))

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody else's thread has anything to say here."""


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def run(loop: VirtualLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine, at whatever time it is there."""
    return loop.run_until_complete(coroutine)
