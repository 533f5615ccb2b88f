"""The server's side of a WebSocket (RFC 6455): the handshake, and an echo."""

import asyncio
import hashlib
import re
import struct
from base64 import b64encode

from gateway.errors import Malformed
from gateway.identity.presented import Head, Headers

MAX_MESSAGE = 64 * 1024
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10


def wants_websocket(head: Head) -> bool:
    """Whether the request is a handshake: `Upgrade: websocket`, listed in `Connection` (section 4.2.1)."""
    listed = [word.strip().lower() for line in head.all(b"connection") for word in line.split(b",")]
    return b"upgrade" in listed and [v.lower() for v in head.all(b"upgrade")] == [b"websocket"]


def handshake(head: Head) -> Headers:
    """The headers of the 101, or `Malformed`."""
    key = head.all(b"sec-websocket-key")
    if (
        head.method != "GET"
        or head.all(b"sec-websocket-version") != (b"13",)
        or len(key) != 1
        or not re.fullmatch(rb"[A-Za-z0-9+/]{22}==", key[0])
    ):
        raise Malformed("websocket_handshake")
    accepted = b64encode(hashlib.sha1(key[0] + _GUID, usedforsecurity=False).digest())
    return ((b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-accept", accepted))


def frame(opcode: int, payload: bytes) -> bytes:
    """An unfragmented frame from a server, which never masks (section 5.1)."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65_536:
        length = b"\x7e" + struct.pack(">H", size)
    else:
        length = b"\x7f" + struct.pack(">Q", size)
    return bytes([0x80 | opcode]) + length + payload


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each message with itself, until one side closes. A violation ends with its status code (7.4.1)."""
    try:
        await _messages(reader, writer)
        status = 1000
    except _Violation as violation:
        status = violation.status
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    writer.write(frame(_CLOSE, struct.pack(">H", status)))
    await writer.drain()


class _Violation(Malformed):
    def __init__(self, code: int) -> None:
        super().__init__("websocket", f"closed with {code}")
        self.status = code


async def _messages(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Returns when the client has closed."""
    kind, message = 0, b""
    while True:
        final, opcode, payload = await _frame(reader)
        if opcode == _CLOSE:
            return
        if opcode == _PING:
            writer.write(frame(_PONG, payload))
        elif opcode in {_CONTINUATION, _TEXT, _BINARY}:
            # Section 5.4: a continuation belongs to a message that was begun, and only it may come in between.
            if (opcode == _CONTINUATION) is not bool(kind):
                raise _Violation(1002)
            kind, message = kind or opcode, message + payload
            if len(message) > MAX_MESSAGE:
                raise _Violation(1009)
            if final:
                writer.write(frame(kind, _checked(kind, message)))
                kind, message = 0, b""
        elif opcode != _PONG:
            raise _Violation(1002)
        await writer.drain()


def _checked(kind: int, message: bytes) -> bytes:
    if kind == _TEXT:
        try:
            message.decode("utf-8")
        except UnicodeDecodeError:
            raise _Violation(1007) from None
    return message


async def _frame(reader: asyncio.StreamReader) -> tuple[bool, int, bytes]:
    """One frame of a client: whether it is the last of its message, its opcode and its payload."""
    first, second = await reader.readexactly(2)
    opcode, size = first & 0x0F, second & 0x7F
    control = opcode >= _CLOSE
    # No extension was agreed on; a client always masks (5.1); a control frame is short and whole (5.5).
    if first & 0x70 or not second & 0x80 or (control and (size > 125 or not first & 0x80)):
        raise _Violation(1002)
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    if size > MAX_MESSAGE:
        raise _Violation(1009)
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    unmasked = bytes([byte ^ mask[index & 3] for index, byte in enumerate(payload)])
    return bool(first & 0x80), opcode, unmasked
