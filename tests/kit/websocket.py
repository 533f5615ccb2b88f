"""Just enough of RFC 6455 to see that a WebSocket passes a proxy: the handshake, and one masked text frame."""

import asyncio
import base64
import hashlib
import os
import socket

from tests.kit.wire import Answer, Request, read_answer, write_answer, write_request

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
TEXT, CLOSE = 0x81, 0x88


def is_handshake(request: Request) -> bool:
    return (
        request.first("upgrade").lower() == "websocket" and "upgrade" in request.first("connection").lower()
    )


async def echo_frames(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept the handshake and send every text frame back, until the other side closes."""
    accept = base64.b64encode(hashlib.sha1((request.first("sec-websocket-key") + _GUID).encode()).digest())
    lines = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept.decode())]
    writer.write(write_answer(101, lines).replace(b"Content-Length: 0\r\n", b""))
    await writer.drain()
    while True:
        kind, size = await reader.readexactly(2)
        mask = await reader.readexactly(4)
        data = await reader.readexactly(size & 0x7F)
        plain = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        writer.write(bytes([kind, len(plain)]) + plain)
        await writer.drain()
        if kind == CLOSE:
            return


def say(port: int, headers: list[tuple[str, str]], text: str, target: str = "/socket") -> tuple[Answer, str]:
    """Open a WebSocket, say `text`; the answer of the handshake, and what came back ("" without a 101)."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        *headers,
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
        wire.sendall(write_request("GET", target, lines))
        answer = read_answer(wire)
        if answer.status != 101:
            return answer, ""
        wire.sendall(_masked(text.encode()))
        kind, size = wire.recv(2, socket.MSG_WAITALL)
        assert kind == TEXT
        return answer, wire.recv(size, socket.MSG_WAITALL).decode()


def _masked(data: bytes) -> bytes:
    mask = os.urandom(4)
    return bytes([TEXT, 0x80 | len(data)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))
