"""Commands that are asked in one turn of the event loop travel together: one write, one line, and often one read.

A write wakes the server up, and that costs more than the question. And whoever would have to wait for a line waits with
all others who do: a thousand at one moment are sixteen lines, not a thousand turns at thirty-two. Each has a reply of
its own, in order, so who travels with whom makes no difference to what is done. Where the line breaks, it breaks under
all of them, and each does what it would have done alone: a read is asked again, a write is not.
"""

import asyncio
from collections.abc import Awaitable, Callable

from redis.exceptions import ConnectionError as Broken

from gateway.storage.redis.line import Line, Owed
from gateway.storage.redis.lines import Lines

MOST = 64
"""Commands on one line."""


class Crowd:
    """Those who ask over the next line of `lines`: one that is idle, or else the first that they come by.

    `wait` waits for one, or makes it; `waiting` is who does so, to be cancelled where the lines are closed.
    """

    def __init__(self, lines: Lines, wait: Callable[[], Awaitable[Line]]) -> None:
        self._lines = lines
        self._loop = asyncio.get_running_loop()
        self._commands: list[bytes] = []
        self._owed: list[Owed] = []
        self._gone = False
        self.waiting: asyncio.Task[None] | None = None
        line = lines.idle()
        self._waits = line is None
        if line is None:
            self.waiting = self._loop.create_task(self._wait(wait))
        else:
            self._loop.call_soon(self._go, line)

    @property
    def open(self) -> bool:
        """Whether somebody may still join."""
        return not self._gone and len(self._owed) < MOST

    def join(self, command: bytes) -> Owed:
        """What somebody is owed who travels along; the command is packed."""
        owed: Owed = self._loop.create_future()
        self._commands.append(command)
        self._owed.append(owed)
        if self._waits and (line := self._lines.idle()) is not None:
            # Sooner than the one that is waited for.
            self._waits = False
            self._loop.call_soon(self._go, line)
        return owed

    def _go(self, line: Line) -> None:
        self._gone = True
        # Who has gone away meanwhile asks nothing: a write that nobody waits for is not begun.
        asked = [pair for pair in zip(self._commands, self._owed, strict=True) if not pair[1].done()]
        if asked:
            commands, owed = zip(*asked, strict=True)
            line.send(b"".join(commands), owed)
        else:
            self._lines.give_back(line)

    async def _wait(self, wait: Callable[[], Awaitable[Line]]) -> None:
        try:
            line = await wait()
        except asyncio.CancelledError:
            self._tell(Broken("the connection was closed"))
            raise
        except Exception as fault:  # noqa: BLE001 - it is told to each of them
            self._tell(fault)
            return
        if self._waits:
            self._waits = False
            self._go(line)
        else:
            self._lines.give_back(line)

    def _tell(self, fault: Exception) -> None:
        if not self._waits:  # they have come by another line
            return
        self._gone = True
        for owed in self._owed:
            if not owed.done():
                owed.set_exception(fault)
