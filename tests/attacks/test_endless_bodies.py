"""Bodies that do not come, at the real server: whoever announces one and sends half of it is not waited for."""

import asyncio

import pytest

from gateway.guard.middleware import MAX_BODY, RequestLimits
from gateway.pages.answers import Answers
from gateway.pages.editions import Editions
from gateway.serve import listeners, protocol
from gateway.serve.listeners import Listener
from gateway.settings.model import Settings
from gateway.settings.units import parse_bind
from tests.kit.login_door import WRITTEN

pytestmark = pytest.mark.anyio

PATIENCE = 5.0
HEAD = b"POST /auth/corp/backchannel-logout HTTP/1.1\r\nHost: x\r\n"


async def fine(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def port():
    """A running listener with the limits of the public one."""
    answers = Answers(Editions(Settings.model_validate(WRITTEN)), https=True)
    listener = Listener("bind", parse_bind("127.0.0.1:0"), RequestLimits(fine, answers, lambda: "d-1"))
    sock = listeners.open_socket(listener)
    server = listeners._Server(listeners._config(listener))
    running = asyncio.create_task(server.serve([sock]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by a flag alone
        await asyncio.sleep(0.005)
    yield sock.getsockname()[1]
    server.should_exit = True
    await running


async def heard(reader):
    try:
        return await reader.read()
    except ConnectionError:
        return b""


HALF = [
    pytest.param(b"Content-Length: 10\r\n\r\n", id="nothing of it"),
    pytest.param(b"Content-Length: 10\r\n\r\nlogout", id="half of it"),
    pytest.param(b"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n", id="after a 100"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n6\r\nlogout\r\n", id="a chunk without a last one"),
]


@pytest.mark.parametrize("half", HALF)
async def test_a_body_that_does_not_come_is_not_waited_for(port, monkeypatch, half):
    """A thousand of these would leave no descriptor for a check, as a thousand half heads would."""
    monkeypatch.setattr(protocol, "PATIENCE", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    writer.write(HEAD + half)

    async with asyncio.timeout(PATIENCE):
        assert b"200" not in await heard(reader)
    writer.transport.abort()


async def test_half_a_body_behind_an_answer_is_not_kept_either(port, monkeypatch):
    """Of a GET nobody reads one: it is answered, and the connection stands."""
    monkeypatch.setattr(protocol, "PATIENCE", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")

    async with asyncio.timeout(PATIENCE):
        assert (await heard(reader)).startswith(b"HTTP/1.1 200")
    writer.transport.abort()


async def test_a_body_that_is_too_large_is_told_so(port):
    """The bound on heads is none on bodies: this one is refused by name."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    writer.write(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % (MAX_BODY * 5) + b"a" * MAX_BODY * 5
    )

    async with asyncio.timeout(PATIENCE):
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.transport.abort()


WHOLE = [
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="no body"),
    pytest.param(HEAD + b"Content-Length: 4\r\n\r\nbody", id="a body"),
    pytest.param(
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        id="a handshake that a proxy copied",
    ),
]


@pytest.mark.parametrize("whole", WHOLE)
async def test_a_connection_between_two_whole_requests_is_left_alone(port, monkeypatch, whole):
    """Proxies keep theirs open for the next one."""
    monkeypatch.setattr(protocol, "PATIENCE", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(whole)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.15)
    writer.transport.abort()


async def test_an_answer_that_takes_its_time_is_waited_for(port, monkeypatch):
    """The request is whole: what takes long now is ours."""
    monkeypatch.setattr(protocol, "PATIENCE", 0.05)

    async def slow(scope, receive, send):
        await asyncio.sleep(0.2)
        await fine(scope, receive, send)

    listener = Listener("bind", parse_bind("127.0.0.1:0"), slow)
    sock = listeners.open_socket(listener)
    server = listeners._Server(listeners._config(listener))
    running = asyncio.create_task(server.serve([sock]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by a flag alone
        await asyncio.sleep(0.005)
    reader, writer = await asyncio.open_connection("127.0.0.1", sock.getsockname()[1])

    writer.write(HEAD + b"Content-Length: 4\r\n\r\nbody")

    assert (await asyncio.wait_for(reader.readline(), PATIENCE)).startswith(b"HTTP/1.1 200")
    writer.transport.abort()
    server.should_exit = True
    await running
