"""The demo's WebSocket echo speaks RFC 6455, as an independent client sees it."""

import asyncio
import struct
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from gateway.demo.cast import streams
from gateway.demo.stage import free_ports
from gateway.demo.websocket import echo, frame, handshake, wants_websocket
from gateway.demo.wire import read_head, response_bytes
from gateway.errors import Malformed
from gateway.identity.presented import Head

pytestmark = pytest.mark.anyio

KEY = (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")
VERSION = (b"sec-websocket-version", b"13")
UPGRADE = ((b"connection", b"keep-alive, Upgrade"), (b"upgrade", b"WebSocket"))


def head(*headers, method="GET"):
    return Head(method, b"/ws", headers, "127.0.0.1")


@asynccontextmanager
async def echo_server():
    async def handle(reader, writer):
        writer.write(response_bytes(101, handshake(await read_head(reader, ""))))
        await echo(reader, writer)
        writer.close()

    port = free_ports(0).front
    async with streams(handle, port):
        yield port


def masked(first, payload, mask=b"\x01\x02\x03\x04"):
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([first, 0x80 | len(payload)]) + mask + body


async def said_after(*frames):
    """Everything that the server writes after these frames of a client."""
    reader = asyncio.StreamReader()
    for raw in frames:
        reader.feed_data(raw)
    reader.feed_eof()

    class Sink:
        written = b""

        def write(self, piece):
            self.written += piece

        async def drain(self):
            pass

    sink = Sink()
    await echo(reader, sink)
    return sink.written


def test_the_handshake_is_that_of_the_specification():
    """RFC 6455 section 1.3 gives the key and the answer."""
    answer = dict(handshake(head(*UPGRADE, KEY, VERSION)))

    assert answer[b"sec-websocket-accept"] == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    "request_head",
    [
        pytest.param(head(*UPGRADE, VERSION), id="no-key"),
        pytest.param(head(*UPGRADE, KEY, KEY, VERSION), id="two-keys"),
        pytest.param(head(*UPGRADE, (b"sec-websocket-key", b"short"), VERSION), id="bad-key"),
        pytest.param(head(*UPGRADE, KEY), id="no-version"),
        pytest.param(head(*UPGRADE, KEY, (b"sec-websocket-version", b"8")), id="old-version"),
        pytest.param(head(*UPGRADE, KEY, VERSION, method="POST"), id="post"),
    ],
)
def test_a_bad_handshake_is_refused(request_head):
    """RFC 6455 section 4.2.1."""
    with pytest.raises(Malformed):
        handshake(request_head)


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        pytest.param(UPGRADE, True, id="listed"),
        pytest.param((UPGRADE[1],), False, id="not-listed"),
        pytest.param((UPGRADE[0],), False, id="no-upgrade"),
        pytest.param((UPGRADE[0], (b"upgrade", b"h2c")), False, id="h2c"),
    ],
)
def test_a_handshake_is_recognised_by_both_headers(headers, wanted):
    """`Upgrade` counts only where `Connection` lists it."""
    assert wants_websocket(head(*headers)) is wanted


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("hello", id="text"),
        pytest.param("路径 ✓", id="unicode"),
        pytest.param(b"\x00\xff", id="binary"),
        pytest.param("x" * 125, id="short-length"),
        pytest.param("x" * 126, id="16-bit-length"),
        pytest.param(b"y" * 65_536, id="64-bit-length"),
        pytest.param("", id="empty"),
    ],
)
async def test_a_message_comes_back_as_it_was(message):
    """Text as text, bytes as bytes, in every form of the length."""
    async with echo_server() as port, connect(f"ws://127.0.0.1:{port}/", compression=None) as socket:
        await socket.send(message)

        assert await socket.recv() == message


async def test_fragments_come_back_as_one_message_and_pings_are_answered():
    """RFC 6455 sections 5.4 and 5.5.2."""
    async with echo_server() as port, connect(f"ws://127.0.0.1:{port}/", compression=None) as socket:
        await socket.send(["he", "ll", "o"])
        pong = await socket.ping()

        assert await socket.recv() == "hello"
        await asyncio.wait_for(pong, 5)


async def test_a_message_over_the_limit_ends_with_1009():
    """Nobody fills our memory."""
    async with echo_server() as port, connect(f"ws://127.0.0.1:{port}/", compression=None) as socket:
        await socket.send("x" * 70_000)

        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()
        assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("frames", "status"),
    [
        pytest.param([bytes([0x81, 2]) + b"hi"], 1002, id="unmasked"),
        pytest.param([masked(0xC1, b"hi")], 1002, id="reserved-bit"),
        pytest.param([masked(0x83, b"hi")], 1002, id="unknown-opcode"),
        pytest.param([masked(0x80, b"hi")], 1002, id="continuation-of-nothing"),
        pytest.param([masked(0x01, b"a"), masked(0x81, b"b")], 1002, id="message-within-a-message"),
        pytest.param([masked(0x09, b"")], 1002, id="fragmented-ping"),
        pytest.param([bytes([0x89, 0x80 | 126]) + b"\x00\x7e"], 1002, id="long-ping"),
        pytest.param([masked(0x81, b"\xff")], 1007, id="not-utf-8"),
        pytest.param([bytes([0x82, 0xFF]) + b"\x7f" * 8], 1009, id="enormous"),
        pytest.param([masked(0x88, b"\x03\xe8")], 1000, id="close"),
    ],
)
async def test_a_violation_ends_with_its_status(frames, status):
    """RFC 6455 section 7.4.1."""
    assert await said_after(*frames) == frame(8, struct.pack(">H", status))


async def test_a_client_that_vanishes_is_no_fault():
    """Half a frame and an end."""
    assert await said_after(b"\x81") == b""
