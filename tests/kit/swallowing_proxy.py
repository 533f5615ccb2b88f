"""A TCP proxy that can swallow bytes: connections stay open and carry nothing, as behind a firewall that forgot them."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Self


@dataclass
class _Line:
    """One connection through the proxy; `hears` once it has subscribed."""

    hears: bool = False
    dead: bool = False


class SwallowingProxy:
    """Listens on a free port of loopback and passes on to `port`, where a Redis is.

    After `cut()` nothing passes, in either direction; after `cut(subscriptions=True)` nothing on connections that
    subscribe to a channel. `mend()` lets new connections through; those that were cut stay dead, as they would.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._cut = ""
        self._lines: list[_Line] = []
        self._pipes: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def cut(self, *, subscriptions: bool = False) -> None:
        self._cut = "subscriptions" if subscriptions else "all"
        for line in self._lines:
            self._judge(line)

    def mend(self) -> None:
        self._cut = ""

    def _judge(self, line: _Line) -> None:
        if self._cut == "all" or (self._cut and line.hears):
            line.dead = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        line = _Line()
        self._judge(line)
        self._lines.append(line)
        self._writers += [writer, back]
        for source, sink in ((reader, back), (there, writer)):
            pipe = asyncio.create_task(self._carry(line, source, sink, asking=source is reader))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)

    async def _carry(
        self, line: _Line, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, asking: bool
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if asking and b"SUBSCRIBE" in data:
                    line.hears = True
                    self._judge(line)
                if not line.dead:
                    sink.write(data)
                    await sink.drain()
        if not line.dead:
            sink.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for pipe in list(self._pipes):
            pipe.cancel()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        for writer in self._writers:
            with suppress(OSError):
                await writer.wait_closed()
