"""HTTP/1.1 on asyncio streams: as much as the demo's application and proxy need, and strict where it could be fooled.

One request per connection. What has two readings (RFC 9112 section 6.3: both framings, a folded line, a blank before
the colon) is refused, because a proxy that repairs it tells its neighbour something else than the client said.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeAlias

from gateway.errors import Malformed
from gateway.identity.presented import Head, Headers, Reply

MAX_HEAD = 64 * 1024
LINGER_SECONDS = 1.0

_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/1\.1")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: .*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")

_REASONS = {
    101: "Switching Protocols",
    200: "OK",
    303: "See Other",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    426: "Upgrade Required",
    429: "Too Many Requests",
    502: "Bad Gateway",
    503: "Service Unavailable",
}

CHUNKED = -1
TO_THE_END = -2

Length: TypeAlias = int
"""Bytes of a body, or `CHUNKED`, or `TO_THE_END` of the connection."""


@dataclass(frozen=True, slots=True)
class Status:
    """The head of a response; names of `headers` in lower case."""

    code: int
    headers: Headers

    def all(self, name: bytes) -> tuple[bytes, ...]:
        return tuple([value for key, value in self.headers if key == name])


async def read_head(reader: asyncio.StreamReader, peer: str) -> Head | None:
    """The head of a request; `None` where the client says nothing; `Malformed` where it has no single meaning."""
    lines = await _lines(reader)
    if not lines:
        return None
    match = _REQUEST.fullmatch(lines[0])
    if match is None:
        raise Malformed("request_line")
    return Head(match[1].decode("ascii"), match[2], _fields(lines[1:]), peer)


async def read_status(reader: asyncio.StreamReader) -> Status:
    """The head of the final or switching response; interim ones are passed over."""
    while True:
        lines = await _lines(reader)
        match = _STATUS.fullmatch(lines[0]) if lines else None
        if match is None:
            raise Malformed("status_line")
        code = int(match[1])
        if code >= 200 or code == 101:
            return Status(code, _fields(lines[1:]))


async def _lines(reader: asyncio.StreamReader) -> list[bytes]:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as cut:
        if cut.partial:
            raise Malformed("head_cut") from None
        return []
    except asyncio.LimitOverrunError:
        raise Malformed("head_too_large") from None
    return raw[:-4].split(b"\r\n")


def _fields(lines: list[bytes]) -> Headers:
    matches = [_FIELD.fullmatch(line) for line in lines]
    if not all(matches):
        raise Malformed("header_line")
    return tuple([(match[1].lower(), match[2]) for match in matches if match])


def request_length(head: Head) -> Length:
    """How long the body of a request is; 0 where it announces none."""
    length = _announced(head.all(b"transfer-encoding"), head.all(b"content-length"))
    return 0 if length is None else length


def response_length(status: Status, method: str) -> Length:
    """RFC 9112 section 6.3, rules 1 to 8."""
    if method == "HEAD" or status.code in {101, 204, 304}:
        return 0
    length = _announced(status.all(b"transfer-encoding"), status.all(b"content-length"))
    return TO_THE_END if length is None else length


def _announced(encodings: tuple[bytes, ...], lengths: tuple[bytes, ...]) -> Length | None:
    if encodings:
        if lengths or [e.lower() for e in encodings] != [b"chunked"]:
            raise Malformed("framing")
        return CHUNKED
    if not lengths:
        return None
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,15}", lengths[0]):
        raise Malformed("content_length")
    return int(lengths[0])


async def body(reader: asyncio.StreamReader, length: Length) -> AsyncIterator[bytes]:
    """The body in pieces, without its framing; `Malformed` where it ends too early."""
    if length == CHUNKED:
        async for piece in _chunks(reader):
            yield piece
        return
    left = length
    while left:
        piece = await reader.read(65_536 if left < 0 else min(left, 65_536))
        if not piece:
            if left > 0:
                raise Malformed("body_cut")
            return
        left -= len(piece) if left > 0 else 0
        yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        match = _CHUNK.fullmatch((await _line(reader)).removesuffix(b"\r\n"))
        if match is None:
            raise Malformed("chunk")
        size = int(match[1], 16)
        if not size:
            break
        async for piece in body(reader, size):
            yield piece
        if await _line(reader) != b"\r\n":
            raise Malformed("chunk")
    while await _line(reader) != b"\r\n":  # trailer fields are dropped
        pass


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise Malformed("body_cut") from None


async def copy_body(reader: asyncio.StreamReader, length: Length, writer: asyncio.StreamWriter) -> None:
    """Pass a body on as it arrives, in the framing that it came in."""
    async for piece in body(reader, length):
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if length == CHUNKED else piece)
        await writer.drain()
    if length == CHUNKED:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


def request_bytes(method: str, target: bytes, headers: Headers) -> bytes:
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method.encode("ascii"), target, _field_lines(headers))


def response_bytes(code: int, headers: Headers) -> bytes:
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (code, _REASONS.get(code, "").encode(), _field_lines(headers))


def _field_lines(headers: Headers) -> bytes:
    return b"".join([b"%b: %b\r\n" % line for line in headers])


async def write_reply(writer: asyncio.StreamWriter, reply: Reply, *, head_only: bool = False) -> None:
    """Send a whole answer, after which the connection ends."""
    framing = ((b"content-length", b"%d" % len(reply.body)), (b"connection", b"close"))
    writer.write(response_bytes(reply.status, (*reply.headers, *framing)))
    if not head_only:
        writer.write(reply.body)
    await writer.drain()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whatever the other side has done to it."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close after an answer. What the client still sends is read for a moment: a reset would eat the answer."""
    with contextlib.suppress(OSError, TimeoutError, RuntimeError):
        async with asyncio.timeout(LINGER_SECONDS):
            writer.write_eof()
            while await reader.read(65_536):
                pass
    await hang_up(writer)
