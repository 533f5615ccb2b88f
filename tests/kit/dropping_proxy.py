"""A TCP proxy between a gateway and its Redis that loses things on purpose.

    pass     everything goes through
    swallow  connections stay open, and carry nothing in either direction: a firewall that forgot them
    cut      connections are closed, and new ones as well: a server that is not there

`lose_reply` is the hard one: the command has been done, and whoever sent it never learns so.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, Self

Mode = Literal["pass", "swallow", "cut"]
Predicate = Callable[[bytes, bytes], bool]
"""Of the bytes that were sent since the last reply, and of the reply."""


class DroppingProxy:
    """Listens on a free port of loopback and passes on to `port`."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._mode: Mode = "pass"
        self._losing: list[Predicate] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._lines: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.lost = 0

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def become(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "cut":
            for writer in self._writers:
                writer.close()

    def lose_reply(self, predicate: Predicate) -> None:
        """Close the connection in place of the next reply that fits; `lost` counts them."""
        self._losing.append(predicate)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "cut":
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, back}
        asked = bytearray()
        for carry in (self._forth(reader, back, asked), self._back(there, writer, asked)):
            line = asyncio.create_task(carry)
            self._lines.add(line)
            line.add_done_callback(self._lines.discard)

    async def _forth(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, asked: bytearray
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                asked += data
                if self._mode == "pass":
                    sink.write(data)
                    await sink.drain()
        sink.close()

    async def _back(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, asked: bytearray) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self._is_lost(bytes(asked), data):
                    break
                asked.clear()
                if self._mode == "pass":
                    sink.write(data)
                    await sink.drain()
        sink.close()

    def _is_lost(self, asked: bytes, reply: bytes) -> bool:
        for predicate in self._losing:
            if predicate(asked, reply):
                self._losing.remove(predicate)
                self.lost += 1
                return True
        return False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for line in list(self._lines):
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
