"""The quick shell of the check: what it answers itself, what it leaves to ASGI, and how its connections end."""

import asyncio
import io

import pytest

from gateway.app import Application, Chance
from gateway.identity.presented import Reply
from gateway.keys.keyring import Keyring
from gateway.observe.log import Log
from gateway.serve import listeners, run
from gateway.serve.listeners import Listener
from gateway.serve.quick import TESTED, QuickProtocol, is_tested
from gateway.settings.model import Settings
from gateway.settings.units import parse_bind
from tests.attacks.test_wiring import SECRET, settings
from tests.kit.clock import Clock
from tests.kit.randomness import Randomness

pytestmark = pytest.mark.anyio

ASK = b"GET /now HTTP/1.1\r\nHost: x\r\n\r\n"
LATER = ASK.replace(b"now", b"later")
OTHER = ASK.replace(b"now", b"other")
PATIENCE = 10


class House:
    """A listener whose quick shell answers /now at once, /later when `gate` is open, and /other not at all."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.asked = []

        async def app(scope, receive, send):
            self.asked.append(f"asgi {scope['path']}")
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        listener = Listener("bind", parse_bind("127.0.0.1:0"), app, self.answer)
        self.sock = listeners.open_socket(listener)
        self.server = listeners._Server(listeners._config(listener))

    def answer(self, head):
        self.asked.append(head.target.decode())
        if head.target == b"/now":
            return Reply(200, ((b"content-length", b"0"),))
        if head.target == b"/evil":
            return Reply(200, ((b"content-length", b"0"), (b"x", b"a\r\nset-cookie: b")))
        return self.wait() if head.target == b"/later" else None

    async def wait(self):
        await self.gate.wait()
        return Reply(202, ((b"content-length", b"0"),))

    @property
    def connections(self):
        return self.server.server_state.connections

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.sock.getsockname()[1])

    async def say(self, *pieces):
        """The statuses that come back on a new connection, and how it ends."""
        reader, writer = await self.connect()
        writer.write(b"".join(pieces))
        found = await heard(reader)
        writer.close()
        return found


async def heard(reader, count=1):
    """So many answers without a body."""
    return [await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE) for _ in range(count)]


@pytest.fixture
async def house():
    found = House()
    running = asyncio.create_task(found.server.serve([found.sock]))
    while not found.server.started:  # noqa: ASYNC110 - uvicorn tells it by a flag alone
        await asyncio.sleep(0.005)
    yield found
    found.gate.set()
    found.server.should_exit = True
    await running


async def test_each_request_is_asked_about_once(house):
    """Whoever answers it in the end; ASGI is asked only for what the quick shell does not know."""
    house.gate.set()
    for ask, status in ((ASK, b"200"), (LATER, b"202"), (OTHER, b"204")):
        (answer,) = await house.say(ask)
        assert answer.split(b" ")[1] == status

    assert house.asked == ["/now", "/later", "/other", "asgi /other"]
    assert house.server.server_state.total_requests == 3


async def test_what_is_known_waits_for_what_is_not(house):
    """Three questions in one piece; the first one's answer takes its time."""
    reader, writer = await house.connect()
    writer.write(LATER + ASK + OTHER)
    await asyncio.sleep(0.05)
    assert house.asked == ["/later"]
    house.gate.set()

    answers = await heard(reader, 3)

    assert [answer.split(b" ")[1] for answer in answers] == [b"202", b"204", b"204"]
    assert house.asked == ["/later", "asgi /now", "asgi /other"]
    writer.close()


async def test_a_value_that_would_make_a_second_header_is_never_written(house):
    """As uvicorn has it: no answer, and the end of the connection."""
    reader, writer = await house.connect()
    writer.write(ASK.replace(b"now", b"evil"))

    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    writer.close()


async def test_a_client_that_does_not_read_is_not_written_to(house):
    """Its questions wait as its answers do; memory does not grow with them."""
    reader, writer = await house.connect()
    writer.write(ASK)
    await heard(reader)
    (connection,) = house.connections
    connection.flow.pause_writing()

    writer.write(ASK * 100)
    await asyncio.sleep(0.05)
    assert house.asked == ["/now", "asgi /now"], "one is asked by the way that waits, and reading stops"
    assert connection.flow.read_paused
    connection.flow.resume_writing()

    answers = await heard(reader, 100)
    assert {answer.split(b" ")[1] for answer in answers} == {b"204"}
    writer.close()


async def test_a_connection_that_has_become_quiet_is_closed(house, monkeypatch):
    """After one to two spans, and not before the first."""
    monkeypatch.setattr(house.server.config, "timeout_keep_alive", 0.2)
    reader, writer = await house.connect()
    for _ in range(4):
        writer.write(ASK)
        await heard(reader)
        await asyncio.sleep(0.1)

    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    writer.close()


async def test_a_stop_closes_what_is_idle_and_waits_for_what_is_not(house):
    """The answer under way is the last of its connection."""
    idle, busy = await house.connect(), await house.connect()
    idle[1].write(ASK)
    await heard(idle[0])
    busy[1].write(LATER)
    await asyncio.sleep(0.05)

    house.server.should_exit = True
    assert await asyncio.wait_for(idle[0].read(), PATIENCE) == b""
    house.gate.set()
    (answer,) = await heard(busy[0])

    assert b" 202 " in answer
    assert b"connection: close" in answer
    for _, writer in (idle, busy):
        writer.close()


async def test_connections_are_counted_and_forgotten(house):
    """With a question, without one, and with half of one."""
    for piece in (ASK, b"", ASK[:10]):
        _, writer = await house.connect()
        writer.write(piece)
        await asyncio.sleep(0.05)
        assert len(house.connections) == 1
        writer.transport.abort()
        await asyncio.sleep(0.05)
        assert not house.connections


# When it is used


def test_it_is_tested_with_the_uvicorn_that_is_pinned():
    """A new release is tried by adding it, and running tests/conformance/test_shells.py."""
    assert is_tested()
    assert not is_tested("0.1.0")
    assert all(is_tested(f"{release}.7") for release in TESTED)


@pytest.mark.parametrize(
    ("server", "quick"),
    [
        pytest.param({}, {"verify_bind"}, id="by default"),
        pytest.param({"quick": False}, set(), id="turned off"),
        pytest.param({"verify_bind": "same", "verify_secret": SECRET}, {"bind"}, id="one port"),
    ],
)
async def test_it_serves_the_listener_of_the_verify_endpoints(tmp_path, server, quick):
    """And no other."""
    ring = Keyring.generate(Randomness(), 0)
    application = Application(settings(tmp_path, **server), ring, Chance(Clock(), Randomness()))
    found = {
        listener.name
        for listener in application.listeners
        if getattr(listeners._config(listener).http, "func", None) is QuickProtocol
    }
    await application.close()

    assert found == quick


async def test_a_uvicorn_that_it_does_not_know_gets_asgi(tmp_path, monkeypatch):
    """Rather slow than wrong."""
    monkeypatch.setattr("gateway.app.is_tested", lambda: False)
    ring = Keyring.generate(Randomness(), 0)
    application = Application(settings(tmp_path), ring, Chance(Clock(), Randomness()))
    await application.close()

    assert all(listener.answer is None for listener in application.listeners)


@pytest.mark.parametrize(("wanted", "lines"), [(True, 1), (False, 0)])
def test_the_start_says_that_it_is_left_off(tmp_path, monkeypatch, wanted, lines):
    """Where it was wanted."""
    stream = io.StringIO()
    monkeypatch.setattr(run, "is_tested", lambda: False)
    monkeypatch.setattr(run, "Log", lambda log, _stream, clock: Log(log, stream, clock))
    monkeypatch.setattr(run, "ring_at_start", lambda *_: Keyring.generate(Randomness(), 0))
    monkeypatch.setattr(run, "_serve", lambda _: None)
    monkeypatch.setattr(run.uvloop, "run", lambda _: None)
    written: Settings = settings(tmp_path, quick=wanted)

    run.run(written)

    assert stream.getvalue().count("quick.off") == lines
