"""The sockets of the listeners: bound once, before any process or thread of the gateway begins.

Several workers share an address in one of two ways. Over TCP on Linux each has a socket of its own (SO_REUSEPORT):
the kernel deals connections out by their addresses. Proxies open many connections at once and keep them, and on one
shared socket whoever wakes first takes nearly all of them (measured: 54, 6, 3 and 1 of 64). The parent keeps every
socket open, so that what waits in the queue of a worker that ends is answered by the next one. Elsewhere, and on a
Unix socket, there is one socket, and `gateway.serve.turns` deals.
"""

import contextlib
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from gateway.errors import SettingsFault
from gateway.settings.model import Server
from gateway.settings.units import Bind

BACKLOG = 2048
"""Connections that may wait in the queue of one socket."""


class Place(Protocol):
    """Where something listens. `name` is its key in the `server:` section."""

    @property
    def name(self) -> str: ...
    @property
    def bind(self) -> Bind: ...


@dataclass(frozen=True, slots=True)
class Address:
    """A place, and nothing more."""

    name: str
    bind: Bind


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound socket. On a `shared` one other processes accept, too."""

    sock: socket.socket
    shared: bool = False


Seat: TypeAlias = Mapping[str, Bound]
"""What one worker accepts on, by the names of the listeners."""


def addresses(server: Server) -> tuple[Address, ...]:
    """Every listener of these settings."""
    found = [Address("bind", server.bind)]
    if isinstance(server.verify_bind, Bind):
        found.append(Address("verify_bind", server.verify_bind))
    return (*found, Address("metrics_bind", server.metrics_bind))


def open_seats(server: Server, count: int) -> tuple[Seat, ...]:
    """Bind all listeners for `count` workers. `SettingsFault` names an address that cannot be had."""
    seats: list[dict[str, Bound]] = [{} for _ in range(count)]
    for place in addresses(server):
        first = _listening(open_socket(place), place)
        # Whichever worker is not busy may answer the operator: one that hangs must not hold every second scrape.
        alone = sys.platform == "linux" and not place.bind.path and place.name != "metrics_bind"
        for number, seat in enumerate(seats):
            sock = first if number == 0 or not alone else _beside(first, place)
            seat[place.name] = Bound(sock, shared=not alone)
    return tuple(seats)


def open_socket(place: Place) -> socket.socket:
    """Bind, or say which key of gateway.yaml asks for an address that cannot be had."""
    bind = place.bind
    try:
        return _unix_socket(bind.path) if bind.path else _tcp_socket(bind)
    except OSError as error:
        raise _cannot(place, error) from None


def _cannot(place: Place, error: OSError) -> SettingsFault:
    reason = error.strerror or "no such address"
    return SettingsFault(
        (f"server.{place.name}: cannot listen on {place.bind}: {reason}; free it or write another address",)
    )


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


def _listening(sock: socket.socket, place: Place) -> socket.socket:
    """From here on the address is taken: two sockets may be bound to one, but only one may listen."""
    try:
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _cannot(place, error) from None
    return sock


def _beside(first: socket.socket, place: Place) -> socket.socket:
    """One more socket on the address of `first`.

    `first` began to listen without SO_REUSEPORT and gets it only now: two gateways that are started by mistake on one
    address would otherwise both come up, and share its requests.
    """
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock = socket.socket(first.family, first.type, first.proto)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind(first.getsockname())
    except OSError as error:
        sock.close()
        raise _cannot(place, error) from None
    return _listening(sock, place)


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
