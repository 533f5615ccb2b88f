"""A connection of the quick shell without a socket: bytes are put in by hand, and what it writes is read from a list."""

import asyncio
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from gateway.identity.presented import Head
from gateway.serve.quick import Counter, QuickProtocol


class Transport:
    """What uvicorn asks of a transport."""

    def __init__(self, peer: str) -> None:
        self.peer = (peer, 4711) if peer else None
        self.written: list[bytes] = []
        self.ended = False

    def get_extra_info(self, name: str) -> Any:
        return self.peer if name == "peername" else None

    def write(self, data: bytes) -> None:
        assert not self.ended, "written to after its end"
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.ended

    def close(self) -> None:
        self.ended = True

    abort = close

    def pause_reading(self) -> None:
        """Nobody reads here."""

    resume_reading = pause_reading


class Parser:
    """The server's own, and how many pieces it was fed."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self.fed: list[bytes] = []

    def feed_data(self, data: bytes) -> None:
        self.fed.append(data)
        self._parser.feed_data(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


class Bare:
    """One connection to a counter that others may share, of a server in `state`. To be used in a running loop."""

    def __init__(self, counter: Counter, peer: str = "192.0.2.1", state: ServerState | None = None) -> None:
        self.transport = Transport(peer)
        self.state = state or ServerState()
        config = uvicorn.Config(_other, ws="none", lifespan="off", log_config=None)
        self.protocol = QuickProtocol(config=config, server_state=self.state, app_state={}, counter=counter)
        self.parser = self.protocol.parser = Parser(self.protocol.parser)  # type: ignore[assignment]
        self.protocol.connection_made(self.transport)  # type: ignore[arg-type]

    def say(self, data: bytes) -> bytes:
        """What is written at once, when these bytes come."""
        before = len(self.transport.written)
        self.protocol.data_received(data)
        return b"".join(self.transport.written[before:])

    async def hear(self) -> bytes:
        """What is written while others have their turn."""
        before = len(self.transport.written)
        for _ in range(20):
            await asyncio.sleep(0)
        return b"".join(self.transport.written[before:])

    def end(self) -> None:
        """As a client that hangs up."""
        self.transport.ended = True
        self.protocol.connection_lost(None)


async def _other(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": [(b"x-way", b"asgi")]})
    await send({"type": "http.response.body", "body": b""})


def counting(answer: Callable[[Head], Any]) -> tuple[Counter, list[Head]]:
    """A counter, and the heads that it was asked about."""
    asked: list[Head] = []

    def told(head: Head) -> Any:
        asked.append(head)
        return answer(head)

    return Counter(told), asked
