"""Heads without an end, at the real server: bounded in bytes and in time, whoever gets past the proxy."""

import asyncio
from contextlib import suppress

import pytest

from gateway.identity.presented import Reply
from gateway.serve import listeners, protocol
from gateway.serve.listeners import Listener
from gateway.settings.units import parse_bind

pytestmark = pytest.mark.anyio

PIECE = 64_000
TOO_MUCH = 40 * protocol.MAX_HEAD
PATIENCE = 5.0


async def fine(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def at_once(head):
    return Reply(200, ((b"content-length", b"0"),))


@pytest.fixture(params=[None, at_once], ids=["asgi", "quick"])
async def port(request):
    """A running listener, as `gateway serve` opens it."""
    listener = Listener("bind", parse_bind("127.0.0.1:0"), fine, request.param)
    sock = listeners.open_socket(listener)
    server = listeners._Server(listeners._config(listener))
    running = asyncio.create_task(server.serve([sock]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by a flag alone
        await asyncio.sleep(0.005)
    yield sock.getsockname()[1]
    server.should_exit = True
    await running


async def taken(port, first, endless):
    """How many bytes the server takes of a head that does not end."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    sent = 0
    with suppress(OSError):
        while sent < TOO_MUCH:
            writer.write(endless)
            await asyncio.wait_for(writer.drain(), PATIENCE)
            sent += len(endless)
    writer.transport.abort()
    return sent


ENDLESS = [
    pytest.param(b"GET /", b"a" * PIECE, id="target"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"a" * PIECE, id="one field"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n" * (PIECE // 6), id="many fields"),
    pytest.param(b"", b"\r\n" * (PIECE // 2), id="empty lines"),
    pytest.param(
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n" * (PIECE // 2), id="empty lines behind a request"
    ),
    pytest.param(
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n",
        b"a: b\r\n" * (PIECE // 6),
        id="the second request of a connection",
    ),
]


@pytest.mark.parametrize(("first", "endless"), ENDLESS)
async def test_a_head_without_an_end_is_not_kept(port, first, endless):
    """Twenty megabytes of `a: b` cost uvicorn four hundred of memory; here the connection ends."""
    assert await taken(port, first, endless) < TOO_MUCH


REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

SLOW = [
    pytest.param(b"", b"", id="nothing at all"),
    pytest.param(b"", REQUEST[:-2], id="half a head"),
    pytest.param(REQUEST, b"\r\n", id="an empty line behind an answer"),
    pytest.param(REQUEST, b"GET /", id="half a second request"),
]


@pytest.mark.parametrize(("whole", "half"), SLOW)
async def test_a_connection_that_says_no_whole_request_is_not_kept_for_ever(port, monkeypatch, whole, half):
    """A thousand of them would leave no descriptor for a check."""
    monkeypatch.setattr(protocol, "PATIENCE", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    if whole:
        writer.write(whole)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)

    writer.write(half)

    async with asyncio.timeout(PATIENCE):
        assert await heard(reader) == b""
    writer.transport.abort()


async def heard(reader):
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_a_connection_between_two_requests_is_left_alone(port, monkeypatch):
    """Proxies keep theirs open for the next check."""
    monkeypatch.setattr(protocol, "PATIENCE", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.15)
    writer.transport.abort()
