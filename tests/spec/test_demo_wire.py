"""The demo's HTTP/1.1 reads requests in one way or not at all."""

import asyncio

import pytest

from gateway.demo.wire import (
    CHUNKED,
    TO_THE_END,
    Status,
    body,
    copy_body,
    read_head,
    read_status,
    request_length,
    response_length,
)
from gateway.errors import Malformed

pytestmark = pytest.mark.anyio


class Sink:
    def __init__(self):
        self.written = b""

    def write(self, piece):
        self.written += piece

    async def drain(self):
        pass


def fed(raw, limit=65_536):
    reader = asyncio.StreamReader(limit=limit)
    reader.feed_data(raw)
    reader.feed_eof()
    return reader


async def all_of(reader, length):
    return b"".join([piece async for piece in body(reader, length)])


async def test_a_request_is_read_with_its_fields_in_order():
    """Names in lower case, values without surrounding blanks, duplicates kept."""
    head = await read_head(fed(b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-A:  1 \r\nx-a: 2\r\n\r\n"), "127.0.0.1")

    assert (head.method, head.target, head.peer) == ("GET", b"/a?b=c", "127.0.0.1")
    assert head.headers == ((b"host", b"h"), (b"x-a", b"1"), (b"x-a", b"2"))


async def test_silence_is_no_request():
    """A client that connects and leaves is no fault."""
    assert await read_head(fed(b""), "") is None


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", id="http-1.0"),
        pytest.param(b"GET  / HTTP/1.1\r\n\r\n", id="two-blanks"),
        pytest.param(b"GET /a b HTTP/1.1\r\n\r\n", id="blank-in-target"),
        pytest.param(b"GET /\xff HTTP/1.1\r\n\r\n", id="non-ascii-target"),
        pytest.param(b"GET / HTTP/1.1\r\nHost : h\r\n\r\n", id="blank-before-colon"),
        pytest.param(b"GET / HTTP/1.1\r\nA: 1\r\n folded\r\n\r\n", id="folded-line"),
        pytest.param(b"GET / HTTP/1.1\r\nA: 1\nB: 2\r\n\r\n", id="bare-line-feed"),
        pytest.param(b"GET / HTTP/1.1\r\nA: 1\rB: 2\r\n\r\n", id="bare-carriage-return"),
        pytest.param(b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n", id="nul"),
        pytest.param(b"GET / HTTP/1.1\r\n: 1\r\n\r\n", id="no-name"),
        pytest.param(b"GET / HTTP/1.1\r\nA\r\n\r\n", id="no-colon"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h", id="cut"),
    ],
)
async def test_a_head_with_two_readings_or_none_is_refused(raw):
    """RFC 9112 sections 2.2, 3 and 5."""
    with pytest.raises(Malformed):
        await read_head(fed(raw), "")


async def test_a_head_over_the_limit_is_refused():
    """Nobody fills our memory with headers."""
    with pytest.raises(Malformed, match="head_too_large"):
        await read_head(fed(b"GET / HTTP/1.1\r\nA: " + b"a" * 5000 + b"\r\n\r\n", limit=1000), "")


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        pytest.param(b"", 0, id="none"),
        pytest.param(b"Content-Length: 12\r\n", 12, id="length"),
        pytest.param(b"Transfer-Encoding: Chunked\r\n", CHUNKED, id="chunked"),
    ],
)
async def test_the_length_of_a_request_is_what_it_announces(lines, length):
    """RFC 9112 section 6.3."""
    assert request_length(await read_head(fed(b"POST / HTTP/1.1\r\n" + lines + b"\r\n"), "")) == length


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", id="both"),
        pytest.param(b"Content-Length: 1\r\nContent-Length: 1\r\n", id="two-lengths"),
        pytest.param(b"Content-Length: 1, 1\r\n", id="list-of-lengths"),
        pytest.param(b"Content-Length: +1\r\n", id="sign"),
        pytest.param(b"Content-Length: 0x1\r\n", id="hexadecimal"),
        pytest.param(b"Content-Length:\r\n", id="empty"),
        pytest.param(b"Transfer-Encoding: gzip, chunked\r\n", id="two-encodings"),
        pytest.param(b"Transfer-Encoding: identity\r\n", id="unknown-encoding"),
        pytest.param(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", id="two-lines"),
    ],
)
async def test_a_body_that_is_framed_in_two_ways_is_refused(lines):
    """Request smuggling lives from the second reading."""
    head = await read_head(fed(b"POST / HTTP/1.1\r\n" + lines + b"\r\n"), "")

    with pytest.raises(Malformed):
        request_length(head)


@pytest.mark.parametrize(
    ("code", "headers", "method", "length"),
    [
        pytest.param(200, (), "GET", TO_THE_END, id="to-the-end"),
        pytest.param(200, ((b"content-length", b"3"),), "GET", 3, id="length"),
        pytest.param(200, ((b"content-length", b"3"),), "HEAD", 0, id="head"),
        pytest.param(204, (), "GET", 0, id="no-content"),
        pytest.param(304, ((b"content-length", b"3"),), "GET", 0, id="not-modified"),
        pytest.param(200, ((b"transfer-encoding", b"chunked"),), "GET", CHUNKED, id="chunked"),
    ],
)
async def test_the_length_of_a_response_follows_its_status(code, headers, method, length):
    """RFC 9112 section 6.3."""
    assert response_length(Status(code, headers), method) == length


async def test_interim_responses_are_passed_over():
    """A 100 or a 103 is not the answer."""
    status = await read_status(fed(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: 1\r\n\r\n"))

    assert status == Status(200, ((b"a", b"1"),))


@pytest.mark.parametrize("raw", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 999 x\r\n\r\n", b"HTTP/2 200\r\n\r\n"])
async def test_a_response_that_is_none_is_refused(raw):
    """So that the proxy fails closed."""
    with pytest.raises(Malformed):
        await read_status(fed(raw))


async def test_a_chunked_body_is_read_without_its_framing():
    """Extensions and trailers are dropped."""
    raw = b"3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\nTrailer: x\r\n\r\nrest"
    reader = fed(raw)

    assert await all_of(reader, CHUNKED) == b"abcdefgh"
    assert await reader.read() == b"rest"


@pytest.mark.parametrize(
    ("raw", "length"),
    [
        pytest.param(b"abc", 5, id="short"),
        pytest.param(b"5\r\nabc", CHUNKED, id="short-chunk"),
        pytest.param(b"3\r\nabcd\r\n0\r\n\r\n", CHUNKED, id="long-chunk"),
        pytest.param(b"x\r\n", CHUNKED, id="no-size"),
        pytest.param(b"-1\r\n", CHUNKED, id="negative-size"),
        pytest.param(b"3\r\nabc\r\n", CHUNKED, id="no-last-chunk"),
    ],
)
async def test_a_body_that_breaks_off_or_lies_is_refused(raw, length):
    """Half a body is no body."""
    with pytest.raises(Malformed):
        await all_of(fed(raw), length)


@pytest.mark.parametrize(
    ("raw", "length", "written"),
    [
        pytest.param(b"abc", 3, b"abc", id="length"),
        pytest.param(b"abc", TO_THE_END, b"abc", id="to-the-end"),
        pytest.param(b"3\r\nabc\r\n0\r\n\r\n", CHUNKED, b"3\r\nabc\r\n0\r\n\r\n", id="chunked"),
        pytest.param(b"", 0, b"", id="none"),
    ],
)
async def test_a_body_is_passed_on_in_its_framing(raw, length, written):
    """What came in chunks goes out in chunks."""
    sink = Sink()

    await copy_body(fed(raw), length, sink)

    assert sink.written == written
