"""The gate before a directory: how many are asked about at once, and how long anybody waits for their turn.

It bounds concurrency and counts nobody: a flood of names fills the line for as long as it lasts, and locks nobody out.

Laws:

1. Whoever leaves while waiting loses the place in the line, and the directory is not asked.
2. A question that has been asked is not taken back: a directory counts a wrong password whether or not somebody still
   waits for the answer, and a login that was cut off in the middle would leave its connection in doubt. It keeps its
   place at the gate until it is answered, so that a silent directory is never asked more than `at_once` questions.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from gateway.errors import ProviderBusy, ProviderUnavailable
from gateway.late import heard_late

T = TypeVar("T")


class Gate(Generic[T]):
    """The gate of one provider. `deadline` is in seconds, the wait for a turn included."""

    def __init__(self, provider: str, at_once: int, deadline: float) -> None:
        self._provider = provider
        self._deadline = deadline
        self._free = asyncio.Semaphore(at_once)
        self._asked: set[asyncio.Task[T]] = set()

    async def pass_through(self, question: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the question comes to. At the deadline `ProviderBusy` where it was not asked, else `ProviderUnavailable`."""
        asked: asyncio.Task[T] | None = None
        try:
            async with asyncio.timeout(self._deadline):
                await self._free.acquire()
                # No await between the two: a place that is taken is given back by the task, and by nobody else.
                asked = self._ask(question())
                return await asyncio.shield(asked)
        except TimeoutError:
            if asked is None:
                raise ProviderBusy(self._provider) from None
            raise ProviderUnavailable(self._provider, "no answer in time", ambiguous=True) from None
        finally:
            if asked is not None and not asked.done():
                asked.add_done_callback(lambda late: heard_late(late, "a question at the gate"))

    async def close(self, patience: float) -> None:
        """Wait for answers that are still to come, for at most `patience` seconds."""
        if self._asked:
            await asyncio.wait(set(self._asked), timeout=patience)
        for late in self._asked:
            late.cancel()

    def _ask(self, question: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(question)
        self._asked.add(task)
        task.add_done_callback(self._answered)
        return task

    def _answered(self, task: asyncio.Task[T]) -> None:
        self._asked.discard(task)
        self._free.release()
