"""A TCP proxy between a gateway and its Redis that loses things on purpose.

    pass     everything goes through
    swallow  connections stay open, and carry nothing in either direction: a firewall that forgot them
    deaf     the same for connections that subscribe to a channel, and for no others
    cut      connections are closed, and new ones as well: a server that is not there
    reset    the same, with RST in place of FIN

A connection that has lost bytes carries nothing any more, whatever becomes of the proxy: TCP has no holes.
`lose_reply` is the hard one: the command has been done, and whoever sent it never learns so.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Self

Mode = Literal["pass", "swallow", "deaf", "cut", "reset"]
Predicate = Callable[[bytes, bytes], bool]
"""Of the bytes that were sent since the last reply, and of the reply."""

_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: close(2) sends RST."""


@dataclass(eq=False)
class _Line:
    """One connection through the proxy: to the gateway, to the server, and what was asked since the last reply."""

    front: asyncio.StreamWriter
    back: asyncio.StreamWriter
    asked: bytearray = field(default_factory=bytearray)
    hears: bool = False
    dead: bool = False


class DroppingProxy:
    """Listens on a free port of loopback and passes on to `port`."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._mode: Mode = "pass"
        self._losing: list[Predicate] = []
        self._lines: list[_Line] = []
        self._pipes: set[asyncio.Task[None]] = set()
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
        for line in self._lines:
            self._judge(line)

    def lose_reply(self, predicate: Predicate) -> None:
        """Close the connection in place of the next reply that fits; `lost` counts them."""
        self._losing.append(predicate)

    def _judge(self, line: _Line) -> None:
        if self._mode == "swallow" or (self._mode == "deaf" and line.hears):
            line.dead = True
        if self._mode in {"cut", "reset"}:
            _close(line.front, reset=self._mode == "reset")
            line.back.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode in {"cut", "reset"}:
            _close(writer, reset=self._mode == "reset")
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # the server is not there
            writer.close()
            return
        line = _Line(writer, back)
        self._lines.append(line)
        self._judge(line)
        for carry in (self._forth(reader, line), self._back(there, line)):
            pipe = asyncio.create_task(carry)
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)

    async def _forth(self, source: asyncio.StreamReader, line: _Line) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                line.asked += data
                if b"SUBSCRIBE" in data:
                    line.hears = True
                    self._judge(line)
                await _write(line.back, data, line)
        _end(line.back, line)

    async def _back(self, source: asyncio.StreamReader, line: _Line) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self._is_lost(bytes(line.asked), data):
                    break
                line.asked.clear()
                await _write(line.front, data, line)
        _end(line.front, line)

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
        for pipe in list(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        for writer in [writer for line in self._lines for writer in (line.front, line.back)]:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _write(sink: asyncio.StreamWriter, data: bytes, line: _Line) -> None:
    if not line.dead:
        sink.write(data)
        await sink.drain()


def _end(sink: asyncio.StreamWriter, line: _Line) -> None:
    if not line.dead:  # that the other side has gone is swallowed too
        sink.close()


def _close(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    link = writer.get_extra_info("socket")
    if reset and link is not None and link.fileno() >= 0:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
