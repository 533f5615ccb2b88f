"""Three listeners in one process, each a uvicorn server with the settings that a verify endpoint needs."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from gateway.errors import SettingsFault
from gateway.serve.protocol import BoundedProtocol
from gateway.settings.units import Bind


@dataclass(frozen=True, slots=True)
class Listener:
    """An application and where it listens. `name` is its key in the `server:` section."""

    name: str
    bind: Bind
    app: ASGIApp


class _Server(uvicorn.Server):
    """A server that leaves signals to the process, which has three of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def open_socket(listener: Listener) -> socket.socket:
    """Bind, or say which key of gateway.yaml asks for an address that cannot be had."""
    bind = listener.bind
    try:
        return _unix_socket(bind.path) if bind.path else _tcp_socket(bind)
    except OSError as error:
        reason = error.strerror or "no such address"
        raise SettingsFault(
            (f"server.{listener.name}: cannot listen on {bind}: {reason}; free it or write another address",)
        ) from None


def _tcp_socket(bind: Bind) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        bind.host, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _unix_socket(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        if Path(path).is_socket():  # what an earlier process left behind
            Path(path).unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Whoever may write to this socket is believed; so it belongs to the owner and the group, from its first moment.
    before = os.umask(0o117)
    try:
        sock.bind(path)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(before)
    return sock


def _config(listener: Listener) -> uvicorn.Config:
    return uvicorn.Config(
        listener.app,
        http=BoundedProtocol,
        # A WebSocket handshake that a proxy copies into its check must stay an HTTP request: with `ws` on, uvicorn
        # opens a websocket scope, the check answers 403, and no WebSocket behind the gateway works.
        ws="none",
        # Forwarded headers are judged by `guard.proxies` alone; uvicorn would believe any loopback peer.
        proxy_headers=False,
        lifespan="off",
        access_log=False,  # it would print query strings, and with them codes and states
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


async def serve(
    listeners: tuple[Listener, ...],
    started: Callable[[tuple[Listener, ...]], Awaitable[None]],
    stopped: Callable[[], Awaitable[None]],
) -> None:
    """Serve until SIGINT or SIGTERM; `started` runs when all listeners accept, `stopped` after the last answer."""
    sockets = [open_socket(listener) for listener in listeners]
    servers = [_Server(_config(listener)) for listener in listeners]
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    running = [
        asyncio.create_task(server.serve([sock])) for server, sock in zip(servers, sockets, strict=True)
    ]
    try:
        while not all(server.started for server in servers):  # noqa: ASYNC110 - uvicorn tells it by a flag alone
            await asyncio.sleep(0.005)
        await started(listeners)
        await asyncio.gather(*running)
    finally:
        stop()
        await asyncio.gather(*running, return_exceptions=True)
        await stopped()
