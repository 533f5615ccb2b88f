"""The servers of live tests leave nothing behind that a later test would be blamed for."""

import gc
import socket
import threading

import pytest

from tests.kit.servers import free_port
from tests.kit.wire import LoopbackServer


async def listens_for_ever(reader, writer):
    await reader.read()


def ended(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("started", [True, False])
def test_a_server_whose_place_is_taken_leaves_no_loop(started):
    """Nor does one that never started: a scene may fail before it comes to that."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = LoopbackServer(listens_for_ever, taken.getsockname()[1])
        if started:
            with pytest.raises(OSError, match="in use"):
                server.start()
        server.stop()
        gc.collect()

    assert server.connections == 0


def test_a_connection_that_arrives_while_a_server_stops_is_ended_with_it():
    """A task of it that never ran would warn in whatever test the collector comes by."""
    port, held, gate = free_port(), threading.Event(), threading.Event()
    server = LoopbackServer(listens_for_ever, port)
    server.start()
    server._loop.call_soon_threadsafe(lambda: (held.set(), gate.wait(10)))
    assert held.wait(10)

    with socket.create_connection(("127.0.0.1", port), timeout=10) as late:
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        while not server._loop._ready:  # the stop is in line, behind the gate
            stopping.join(0.001)
        gate.set()
        stopping.join(10)

        assert not stopping.is_alive()
        gc.collect()
        assert ended(late)
        assert server.connections == 1
