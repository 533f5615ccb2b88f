"""The servers of one process, each a uvicorn server with the settings that a verify endpoint needs.

How a process stops, so that no check is lost. With a `drain`, readiness fails first and everything else goes on, but
each answer is the last of its connection: a balancer looks elsewhere, and no client can send a request on a connection
that is being closed. Then listeners and idle connections are closed, and what is under way is answered. A worker that
is replaced closes its listeners at once, because another one accepts on them already.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from gateway.serve.protocol import BoundedProtocol
from gateway.serve.quick import AnswerNow, Counter, QuickProtocol
from gateway.serve.sockets import Bound, Seat, open_socket
from gateway.serve.turns import Turns
from gateway.settings.units import Bind

__all__ = ["ANSWERING", "LINGER", "Listener", "Servers", "open_socket"]

ANSWERING = 10
"""Seconds that answers under way have, once the listeners are closed."""
LINGER = 5.0
"""Seconds in which the clients of a worker that was replaced go on by themselves, at their next request."""
LEAST = 0.2
"""As long they have in any case: a request may be on its way."""

_LAST = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class Listener:
    """An application and where it listens. `name` is its key in the `server:` section.

    `answer` is asked first, where there is one: what it answers, `app` would answer alike.
    """

    name: str
    bind: Bind
    app: ASGIApp
    answer: AnswerNow | None = None


class _Server(uvicorn.Server):
    """A server that leaves signals to the process, which has three of them, and takes turns where others accept."""

    def __init__(self, config: uvicorn.Config, *, shared: bool = False) -> None:
        super().__init__(config)
        self._shared = shared
        self._turns: list[Turns] = []
        self._listening: list[socket.socket] = []
        self._opening: set[asyncio.Task[object]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: Any = None) -> None:
        self._listening = list(sockets)
        await super().startup(sockets=[] if self._shared else sockets)
        if self._shared:
            self._turns = [Turns(sock, self._protocol) for sock in sockets]

    def _protocol(self) -> asyncio.Protocol:
        make = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
        return make(config=self.config, server_state=self.server_state, app_state={})

    def part(self) -> None:
        """Let every answer from now on be the last of its connection (RFC 9112 section 9.6).

        It stands among the headers that the server adds anyway: nothing has to be asked for each request.
        """
        self.config.encoded_headers.append(_LAST)  # those are read anew every second
        self.server_state.default_headers = [*self.server_state.default_headers, _LAST]

    def take_the_last(self) -> None:
        """Accept all that wait: with the socket goes its queue, and who stands in it is reset."""
        loop = asyncio.get_running_loop()
        for sock in self._listening:
            with contextlib.suppress(OSError):  # nobody waits any more
                while True:
                    connection, _ = sock.accept()
                    connection.setblocking(False)
                    task = loop.create_task(loop.connect_accepted_socket(self._protocol, connection))
                    self._opening.add(task)
                    task.add_done_callback(self._opening.discard)

    def is_empty(self) -> bool:
        return not (self.server_state.connections or self._opening)

    def close_doors(self) -> None:
        """Accept no more."""
        for turns in self._turns:
            turns.close()
        for server in self.servers:
            server.close()

    async def shutdown(self, sockets: Any = None) -> None:
        self.close_doors()
        await super().shutdown(sockets)


def _protocol(listener: Listener) -> type[asyncio.Protocol]:
    if listener.answer is None:
        return BoundedProtocol
    return cast(
        "type[asyncio.Protocol]", partial(QuickProtocol, counter=Counter(listener.answer))
    )  # it is called, no more


def _config(listener: Listener) -> uvicorn.Config:
    return uvicorn.Config(
        listener.app,
        http=_protocol(listener),
        # A WebSocket handshake that a proxy copies into its check must stay an HTTP request: with `ws` on, uvicorn
        # opens a websocket scope, the check answers 403, and no WebSocket behind the gateway works.
        ws="none",
        interface="asgi3",  # else a plain function that returns a coroutine is taken for the older form
        # Forwarded headers are judged by `guard.proxies` alone; uvicorn would believe any loopback peer.
        proxy_headers=False,
        lifespan="off",
        access_log=False,  # it would print query strings, and with them codes and states
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=ANSWERING,
    )


class Servers:
    """All listeners of one process. Each of `listeners` needs its socket in `seat`, where one is given."""

    def __init__(self, listeners: tuple[Listener, ...], seat: Seat | None = None) -> None:
        self.listeners = listeners
        bound = [seat[one.name] if seat else Bound(open_socket(one)) for one in listeners]
        self._sockets = [one.sock for one in bound]
        self._servers = [
            _Server(_config(listener), shared=one.shared)
            for listener, one in zip(listeners, bound, strict=True)
        ]
        self._ending: asyncio.Task[None] | None = None

    async def run(
        self, started: Callable[[], Awaitable[None]], stopped: Callable[[], Awaitable[None]]
    ) -> None:
        """Serve until told to end; `started` runs when all listeners accept, `stopped` after the last answer."""
        running = [
            asyncio.create_task(server.serve([sock]))
            for server, sock in zip(self._servers, self._sockets, strict=True)
        ]
        try:
            while not all(server.started for server in self._servers):
                if failed := next((task for task in running if task.done()), None):
                    await failed
                await asyncio.sleep(0.005)  # uvicorn tells it by a flag alone
            await started()
            await asyncio.gather(*running)
        finally:
            self.stop()
            await asyncio.gather(*running, return_exceptions=True)
            await stopped()

    def leave(self, drain: float) -> None:
        """The service ends here: `drain` seconds for balancers and clients to notice, then the listeners close."""
        self._end(self._leave(drain))

    def hand_over(self, linger: float = LINGER) -> None:
        """Another process accepts here already: stay only for the connections that are open."""
        self._end(self._hand_over(linger))

    def stop(self) -> None:
        """Close listeners and idle connections now, and answer what is under way."""
        for server in self._servers:
            server.should_exit = True

    def _end(self, ending: Any) -> None:
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.get_running_loop().create_task(ending)

    async def _leave(self, drain: float) -> None:
        self._part()
        await asyncio.sleep(drain)
        for server in self._servers:
            server.take_the_last()
        self._close_doors()
        await self._emptied(min(max(drain, LEAST), LINGER))
        self.stop()

    async def _hand_over(self, linger: float) -> None:
        self._part()
        self._close_doors()
        await self._emptied(linger)
        self.stop()

    def _part(self) -> None:
        for server in self._servers:
            server.part()

    def _close_doors(self) -> None:
        for server in self._servers:
            server.close_doors()

    async def _emptied(self, seconds: float) -> None:
        """Wait for the connections that are open: each ends with its next answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.sleep(
                    0.05
                )  # what was accepted a moment ago is a connection only in the next turn
                while not all(server.is_empty() for server in self._servers):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.02)
