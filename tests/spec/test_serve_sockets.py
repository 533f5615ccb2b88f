"""The sockets of several workers, and taking turns on one that they share."""

import asyncio
import socket
import sys

import pytest

from gateway.errors import SettingsFault
from gateway.serve.sockets import open_seats
from gateway.serve.turns import Turns
from gateway.settings.model import Server


@pytest.fixture
def seats(tmp_path):
    """Opens seats; everything is closed in the end."""
    opened = []

    def make(count, **changes):
        binds = {"bind": "127.0.0.1:0", "verify_bind": "127.0.0.1:0", "metrics_bind": "127.0.0.1:0"}
        found = open_seats(Server.model_validate({**binds, **changes}), count)
        opened.extend(found)
        return found

    yield make
    for seat in opened:
        for bound in seat.values():
            bound.sock.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere SO_REUSEPORT deals nothing out")
def test_every_worker_has_a_socket_of_its_own_on_the_same_address(seats):
    """The kernel deals connections out among them."""
    one, two, three = (seat["verify_bind"] for seat in seats(3))

    assert len({bound.sock.fileno() for bound in (one, two, three)}) == 3
    assert len({bound.sock.getsockname() for bound in (one, two, three)}) == 1
    assert not one.shared


@pytest.mark.parametrize("name", ["verify_bind", "metrics_bind"])
def test_a_unix_socket_and_the_operators_listener_are_shared(name, seats, tmp_path):
    """There is one path; and a worker that hangs must not hold every second scrape."""
    one, two = (seat[name] for seat in seats(2, verify_bind=f"unix:{tmp_path}/v.sock"))

    assert one.sock is two.sock
    assert one.shared


def test_the_address_belongs_to_this_gateway_alone(seats):
    """A second one with workers, started by mistake, would otherwise share the requests."""
    address = "127.0.0.1:{}".format(seats(2)[0]["bind"].sock.getsockname()[1])

    with pytest.raises(SettingsFault, match=r"server\.bind: cannot listen on .* in use"):
        seats(2, bind=address)


class Kept(asyncio.Protocol):
    def __init__(self, connections):
        self.connections = connections

    def connection_made(self, transport):
        self.connections.append(transport)


@pytest.mark.anyio
async def test_two_workers_on_one_socket_take_turns():
    """A burst that one of them could take alone is shared."""
    ours = socket.create_server(("127.0.0.1", 0))
    theirs = socket.socket(fileno=socket.dup(ours.fileno()))
    first, second = [], []
    turns = [Turns(ours, lambda: Kept(first)), Turns(theirs, lambda: Kept(second))]
    links = [socket.create_connection(ours.getsockname()) for _ in range(40)]
    async with asyncio.timeout(10):
        while len(first) + len(second) < 40:  # noqa: ASYNC110 - two lists
            await asyncio.sleep(0.001)

    for one in turns:
        one.close()
        one.close()
    for transport in (*first, *second):
        transport.abort()
    for link in links:
        link.close()

    assert min(len(first), len(second)) >= 10


@pytest.mark.anyio
async def test_who_has_closed_accepts_no_more():
    """Also not what was about to be its next turn."""
    ours = socket.create_server(("127.0.0.1", 0))
    theirs = socket.socket(fileno=socket.dup(ours.fileno()))
    taken = []
    turns = Turns(ours, lambda: Kept(taken))
    first = socket.create_connection(theirs.getsockname())
    async with asyncio.timeout(10):
        while not taken:  # noqa: ASYNC110 - a list
            await asyncio.sleep(0.001)
    turns.close()
    second = socket.create_connection(theirs.getsockname())
    await asyncio.sleep(0.02)

    assert len(taken) == 1
    taken[0].abort()
    for sock in (first, second, theirs):
        sock.close()
