"""What the parent and a worker say to each other: JSON objects behind their length, over a pair of sockets.

The parent says   stop · retire · report · answer
a worker says     ready · leaving · failed · numbers · ask

The end of the channel is a message, too: it tells either side that the other is gone, however it went.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeAlias, cast

Message: TypeAlias = dict[str, Any]
"""`word` says what it is about."""

_LENGTH = struct.Struct("!I")
_AT_ONCE = 65_536
_BACKLOG = 4_000_000
"""Bytes that may wait for a worker that reads nothing. It is about to be ended by then."""


def framed(word: str, **fields: Any) -> bytes:
    """A message on the wire."""
    body = json.dumps({"word": word, **fields}).encode()
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Puts together again what comes in pieces."""

    def __init__(self) -> None:
        self._pieces = bytearray()

    def feed(self, piece: bytes) -> Iterator[Message]:
        """The messages that are whole by now."""
        self._pieces += piece
        while len(self._pieces) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._pieces)[0]
            if len(self._pieces) < end:
                return
            body = bytes(self._pieces[_LENGTH.size : end])
            del self._pieces[:end]
            yield json.loads(body)


class Line:
    """The parent's end: it never waits, whatever the worker does."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._frames = Frames()
        self._unsent = bytearray()
        self.ended = False
        sock.setblocking(False)

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def has_more_to_say(self) -> bool:
        return bool(self._unsent) and not self.ended

    def say(self, word: str, **fields: Any) -> None:
        """Send as much as goes; the rest with `flush`. What a dead worker would not hear is not said."""
        if not self.ended and len(self._unsent) < _BACKLOG:
            self._unsent += framed(word, **fields)
            self.flush()

    def flush(self) -> None:
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self._unsent:
                del self._unsent[: self._sock.send(self._unsent)]

    def hear(self) -> Iterator[Message]:
        """What has been said since the last time; sets `ended` at the end."""
        while not self.ended:
            try:
                piece = self._sock.recv(_AT_ONCE)
            except BlockingIOError:
                return
            except ConnectionResetError:
                piece = b""
            self.ended = not piece
            yield from self._frames.feed(piece)

    def close(self) -> None:
        self.ended = True
        self._sock.close()


class Upward(asyncio.Protocol):
    """A worker's end, in its event loop. `orphaned` is called when the parent is gone."""

    def __init__(self, hear: Callable[[Message], None], orphaned: Callable[[], None]) -> None:
        self._hear = hear
        self._orphaned = orphaned
        self._frames = Frames()
        self._transport: asyncio.WriteTransport | None = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._questions = 0
        self._lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # a socket pair has two directions

    def data_received(self, data: bytes) -> None:
        for message in self._frames.feed(data):
            if message["word"] == "answer":
                self._answered(message)
            else:
                self._hear(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (the protocol's form)
        self._transport = None
        self._lost.set_result(None)
        self._orphaned()

    def say(self, word: str, **fields: Any) -> None:
        if self._transport is not None:
            self._transport.write(framed(word, **fields))

    async def ask(self, about: str, patience: float) -> Any:
        """The parent's answer, or `TimeoutError`."""
        self._questions += 1
        number, answer = self._questions, asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self.say("ask", about=about, number=number)
            return await asyncio.wait_for(answer, patience)
        finally:
            del self._asked[number]

    def _answered(self, message: Message) -> None:
        future = self._asked.get(message["number"])
        if future is not None and not future.done():
            future.set_result(message["body"])

    async def close(self) -> None:
        """Send what waits, and hang up."""
        if self._transport is not None:
            self._transport.close()
            with suppress(TimeoutError):  # a parent that does not listen
                await asyncio.wait_for(self._lost, 1.0)
