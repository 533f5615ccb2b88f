"""Reads that are asked in one turn of the event loop travel together: one write, one line, and often one read.

A write wakes the server up, and that costs more than the question. Only reads travel so: they are quick, they change
nothing, and they can be asked again where the line breaks under all of them.
"""

import asyncio

from gateway.storage.redis.line import Line, Owed

MOST = 64
"""Reads on one line: so many are asked again when it breaks."""


class Crowd:
    """Those who ask over `line`, which is theirs; the first of them joins at once."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._commands: list[bytes] = []
        self._owed: list[Owed] = []
        self._gone = False
        self._loop.call_soon(self._go)

    @property
    def open(self) -> bool:
        """Whether somebody may still join."""
        return not self._gone and len(self._owed) < MOST

    def join(self, command: bytes) -> Owed:
        """What somebody is owed who travels along; the command is packed."""
        owed: Owed = self._loop.create_future()
        self._commands.append(command)
        self._owed.append(owed)
        return owed

    def _go(self) -> None:
        self._gone = True
        self._line.send(b"".join(self._commands), self._owed)
