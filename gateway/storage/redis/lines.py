"""The lines to one server: bounded, and handed out without waiting where one is idle.

Whoever has asked something gives no line back: it comes back when it owes nothing any more.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from redis.exceptions import ConnectionError as Broken

from gateway.storage.redis.line import Line
from gateway.storage.redis.pool import TURN, Pool


class Lines:
    """At most as many as `pool` has connections; it makes them, and keeps none. `ticks` is a monotonic clock."""

    def __init__(self, pool: Pool, ticks: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._ticks = ticks
        self._places: int = pool.max_connections
        self._idle: list[Line] = []
        self._used: set[Line] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether anybody has a line, or is about to have one."""
        return self._places < self._pool.max_connections

    def idle(self) -> Line | None:
        """A line that is ready, at once. Whoever takes it asks something, or closes it."""
        line = self._ready() if self._places else None
        if line is not None:
            self._places -= 1
        return line

    async def take(self) -> Line:
        """A line, new where none is ready; as `idle` has it.

        Raises what redis-py raises where none can be made. Where all are in use it waits for `TURN` seconds, then it is
        a `ConnectionError` caused by a `TimeoutError`.
        """
        await self._place()
        try:
            return self._ready() or await self._made()
        except BaseException:
            self._leave()
            raise

    def drop_idle(self) -> None:
        """Close those that nobody has."""
        idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def make_no_more(self) -> None:
        """Whoever asks for a new one from now on is told that it was closed: it would be left behind."""
        self._closed = True

    async def close(self) -> None:
        self.make_no_more()
        self.drop_idle()
        for line in tuple(self._used):
            line.close()
        await self._pool.aclose()

    def _ready(self) -> Line | None:
        while self._idle:
            line = self._idle.pop()
            if line.ready:
                self._used.add(line)
                return line
            line.close()
        return None

    async def _made(self) -> Line:
        if self._closed:
            raise Broken("the connection was closed")
        connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.connect()
            line = Line(connection, self.give_back, self._ticks)
        except BaseException:
            connection.let_go()
            raise
        self._used.add(line)
        return line

    def give_back(self, line: Line) -> None:
        """Of a line that owes nothing, or is closed."""
        if line not in self._used:  # it broke while it was idle
            return
        self._used.remove(line)
        if line.ready:
            self._idle.append(line)
        self._leave()

    async def _place(self) -> None:
        if self._places:
            self._places -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(TURN):
                await turn
        except BaseException as error:
            # It may have come at the very moment of giving up: then it is somebody else's.
            if turn.done() and not turn.cancelled():
                self._leave()
            if isinstance(error, TimeoutError):
                raise Broken("No connection available.") from error
            raise

    def _leave(self) -> None:
        """Hand a place on to whoever has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._places += 1
