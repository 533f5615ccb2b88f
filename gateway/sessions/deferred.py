"""Ends of sessions that the store would not take: kept in this process, and tried again until it does.

Somebody signs out while the store is down. The browser forgets its ticket, and this process what it remembers of the
session; that the record goes too follows here. What this process has not ended when it dies ends by its limits.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.errors import StoreFault
from gateway.sessions.notices import Notices

MOST = 10_000
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 1.0
"""Seconds between two tries. A try is one call, however many wait; and the page promised that the end follows as soon
as the store is back: until then a copy of the cookie works elsewhere."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    reason: str
    until: float


class DeferredEnds:
    """`end` ends a session by its id; `lifetime` is the absolute limit of one, in seconds."""

    def __init__(
        self,
        end: Callable[[str, str], Awaitable[bool]],
        notices: Notices,
        lifetime: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._end = end
        self._notices = notices
        self._lifetime = lifetime
        self._clock = clock
        self._sleep = sleep
        self._waiting: dict[str, _Waiting] = {}
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    async def add(self, sid: str, reason: str) -> bool:
        """End a session as soon as the store answers; whether there was room to keep it in mind."""
        if len(self._waiting) >= MOST and sid not in self._waiting:
            return False
        # No session lives for longer: then there is nothing left to end.
        self._waiting[sid] = _Waiting(reason, self._clock() + self._lifetime)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        # The others hear it if they can; this process does in any case, and serves the session from memory no more.
        await self._notices.session(sid)
        return True

    def holds(self, sid: str) -> bool:
        """Whether a session is to end that the store may still have."""
        return sid in self._waiting

    async def close(self, patience: float) -> None:
        """Try once more, for at most `patience` seconds; what is left then ends by its limits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._offer()

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while self._waiting:
            await self._sleep(pause)
            pause = FIRST_PAUSE if await self._offer() else min(pause * 2, LONGEST_PAUSE)

    async def _offer(self) -> bool:
        """End what is waiting, one after the other; whether the store took all of it."""
        for sid, one in list(self._waiting.items()):
            if self._clock() < one.until:
                try:
                    await self._end(sid, one.reason)
                except StoreFault:
                    return False
            self._waiting.pop(sid, None)
        return True
