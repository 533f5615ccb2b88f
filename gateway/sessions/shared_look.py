"""Many who want to look at the same thing at the same moment share a look.

A page of a hundred pictures is a hundred checks of one session at once. Each on its own would queue for a connection
to the store, and the last would be told that there was none. What is shared is only a look that began *after* one
came: whatever had ended by then is seen to have ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Line:
    """A look that is going on; `next` is the one of all who came since it began, and waits until this one is `over`."""

    over: asyncio.Future[None] | None = None
    next: asyncio.Task[Any] | None = None


class SharedLook(Generic[T]):
    """For each key one look goes on, and one more is waited for."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, _Line] = {}

    async def at(self, key: Hashable, look: Callable[[], Awaitable[T]]) -> T:
        """The result of `look`, ours or that of somebody who came after the last one began. Raises what it raises."""
        line = self._lines.get(key)
        if line is None:
            return await self._lead(key, look)
        if line.next is None:
            line.over = asyncio.get_running_loop().create_future()
            line.next = _task(self._after(line.over, key, look))
        # Whoever goes away leaves the look to the others.
        result: T = await asyncio.shield(line.next)
        return result

    async def _lead(self, key: Hashable, look: Callable[[], Awaitable[T]]) -> T:
        line = self._lines[key] = _Line()
        try:
            return await look()
        finally:
            if self._lines.get(key) is line:
                del self._lines[key]
            if line.over is not None:
                line.over.set_result(None)

    async def _after(self, over: asyncio.Future[None], key: Hashable, look: Callable[[], Awaitable[T]]) -> T:
        await over
        return await self._lead(key, look)


def _task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.get_running_loop().create_task(work)
    # Looking at the exception marks it as seen: a fault that nobody waits for any more is no surprise.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
