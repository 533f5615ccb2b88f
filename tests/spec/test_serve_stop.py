"""How the servers of a process end: what is under way is answered, and every client is told."""

import asyncio

import pytest

from gateway.identity.presented import Reply
from gateway.serve.listeners import Listener, Servers
from gateway.settings.units import parse_bind

pytestmark = pytest.mark.anyio


def answering(gate):
    async def app(scope, receive, send):
        await gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    return app


def quickly(gate):
    """The same by the quick shell: at once where the gate is open."""
    fine = Reply(200, ((b"content-length", b"0"),))

    async def wait():
        await gate.wait()
        return fine

    return lambda head: fine if gate.is_set() else wait()


class House:
    """One listener in this process. The application, or the quick shell, answers when `gate` is open."""

    def __init__(self, *, quick):
        self.gate = asyncio.Event()
        self.gate.set()
        answer = quickly(self.gate) if quick else None
        self.servers = Servers((Listener("bind", parse_bind("127.0.0.1:0"), answering(self.gate), answer),))
        self.port = self.servers._sockets[0].getsockname()[1]
        self.started, self.stopped = asyncio.Event(), asyncio.Event()

    async def run(self):
        async def started():
            self.started.set()

        async def stopped():
            self.stopped.set()

        await self.servers.run(started, stopped)

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest.fixture(params=[False, True], ids=["asgi", "quick"])
async def house(request):
    found = House(quick=request.param)
    running = asyncio.create_task(found.run())
    async with asyncio.timeout(10):
        await found.started.wait()
        yield found
        found.gate.set()
        found.servers.stop()
        await running
    assert found.stopped.is_set()


async def ask(reader, writer):
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return await reader.readuntil(b"\r\n\r\n")


async def test_a_drain_goes_on_answering_and_each_answer_is_the_last_of_its_connection(house):
    """New connections, too: nobody knows yet that this process ends."""
    kept = await house.connect()
    assert b"connection: close" not in await ask(*kept)

    house.servers.leave(drain=30)
    await asyncio.sleep(0)

    new = await house.connect()
    for reader, writer in (kept, new):
        assert b"connection: close" in await ask(reader, writer)
        assert await reader.read() == b""
        writer.close()


async def test_what_is_under_way_when_the_listeners_close_is_answered(house):
    """However short the drain."""
    house.gate.clear()
    reader, writer = await house.connect()
    asking = asyncio.create_task(ask(reader, writer))
    await asyncio.sleep(0.05)

    house.servers.leave(drain=0)
    await asyncio.sleep(0.5)
    with pytest.raises(OSError):
        await house.connect()
    house.gate.set()

    assert b" 200 " in await asking
    writer.close()


async def test_a_worker_that_is_replaced_accepts_no_more_and_stays_for_its_connections(house):
    """An idle one may send its next request: it is answered, and the last."""
    reader, writer = await house.connect()
    await ask(reader, writer)

    house.servers.hand_over(linger=30)
    await asyncio.sleep(0.05)

    with pytest.raises(OSError):
        await house.connect()
    assert not house.stopped.is_set()
    assert b"connection: close" in await ask(reader, writer)
    writer.close()
    await house.stopped.wait()


async def test_idle_connections_do_not_keep_a_process_that_is_replaced(house):
    """After the linger they are closed."""
    reader, writer = await house.connect()
    await ask(reader, writer)

    house.servers.hand_over(linger=0.1)

    assert await reader.read() == b""
    await house.stopped.wait()
    writer.close()
