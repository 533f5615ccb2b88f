"""Bytes that are no proper request, straight at the real listener: a clean no, and never a second question in one.

The listener is what `gateway serve` opens, with the same server and the same settings, on a free port of this machine;
once behind the quick shell, and once behind ASGI.
Nothing here waits longer than `PATIENCE`; a server that stalls fails the test.
"""

import asyncio
import re
from contextlib import contextmanager, suppress

import pytest

from tests.kit.shells import LOCAL, SHELLS, listening, question
from tests.kit.verify_house import CONTRACTS, open_house

pytestmark = pytest.mark.anyio

PATIENCE = 5.0


class Wire:
    """A running listener: `exchange` sends bytes on a new connection and returns all that comes back."""

    def __init__(self, house, port):
        self.house = house
        self.port = port

    def question(self, contract="forward-auth", uri=b"/admin/x", who="nobody", more=b"", version=b"1.1"):
        """A check as a proxy sends it, as bytes, with `more` lines behind its own."""
        return question(self.house, contract, uri, who, more, version)

    async def exchange(self, *parts):
        """Send each part, and after each read what comes: one entry a part, `b""` where the connection has ended."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            return [await self._say(reader, writer, part) for part in parts]
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _say(self, reader, writer, part):
        with suppress(OSError):  # the server may close before it has read everything
            writer.write(part)
            await writer.drain()
        try:
            return await asyncio.wait_for(reader.read(65_536), PATIENCE)
        except OSError:
            return b""


@contextmanager
def wired(shell, **changes):
    """The verify listener of a house, behind this shell."""
    house = asyncio.run(open_house(**{**LOCAL, **changes}))
    with listening(house, shell) as (port,):
        yield Wire(house, port)
    assert not house.alarms


@pytest.fixture(scope="module", params=SHELLS)
def wire(request):
    with wired(request.param) as running:
        yield running


def statuses(data):
    """The status of every answer in what came back."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", data)]


INNER = b"GET /verify/forward-auth HTTP/1.1\r\nHost: verify\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Host: app.example.com\r\nX-Forwarded-Uri: /public/x\r\n\r\n"

MALFORMED = [
    pytest.param(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + INNER, id="a47 s8 cl and te"),
    pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n" + INNER, id="a47 te and cl"),
    pytest.param(b"Transfer-Encoding: xchunked\r\n", INNER, id="s8 a coding that is none"),
    pytest.param(b"Transfer-Encoding: chunked, identity\r\n", INNER, id="s8 chunked not last"),
    pytest.param(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"12345" + INNER, id="s8 two lengths"),
    pytest.param(b"Content-Length: +5\r\n", b"12345" + INNER, id="s8 a length with a sign"),
    pytest.param(b"Content-Length: 5, 5\r\n", b"12345" + INNER, id="s8 a list of lengths"),
    pytest.param(b"Content-Length: 0x5\r\n", b"12345" + INNER, id="s8 hexadecimal"),
    pytest.param(b"Content-Length: -1\r\n", INNER, id="s8 negative"),
    pytest.param(b"Content-Length: 99999999999999999999999\r\n", INNER, id="s8 over 64 bits"),
    pytest.param(b"X-A: b\r\n c: d\r\n", b"", id="a47 obs-fold"),
    pytest.param(b"X-Forwarded-Uri: /x\r\n /public/x\r\n", b"", id="a47 a folded uri"),
    pytest.param(b" X-A: b\r\n", b"", id="a47 a blank in front"),
    pytest.param(b"X-A : b\r\n", b"", id="s8 a blank before the colon"),
    pytest.param(b"X-A\r\n", b"", id="s8 no colon"),
    pytest.param(b": b\r\n", b"", id="s8 no name"),
    pytest.param(b"X-A: b\nX-B: c\r\n", b"", id="s8 bare line feed"),
    pytest.param(b"X-A: b\rX-B: c\r\n", b"", id="t06 bare carriage return"),
    pytest.param(b"X-A: b\x00c\r\n", b"", id="t06 nul"),
    pytest.param(b"Cookie: a=b\x00c\r\n", b"", id="t06 nul in a cookie"),
    pytest.param(b"Cookie: a=\x01\x1f\r\n", b"", id="t06 controls in a cookie"),
    pytest.param(b"X-\xffA: b\r\n", b"", id="t06 a name that is no token"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "after"), MALFORMED)
async def test_a47_s8_t06_a_malformed_request_is_a_clean_no_and_the_end(wire, more, after):
    """Also for somebody who may: 400, the connection closed, and what stood behind it is not answered."""
    for contract in CONTRACTS:
        for who in ("nobody", "admin"):
            question = wire.question(contract, who=who, more=more)
            first, second = await wire.exchange(question + after, wire.question(contract, who=who))
            assert statuses(first) == [400]
            assert statuses(second) == []
            assert b"x-auth" not in first.lower()


UNREAD = [
    pytest.param(b"Content-Length: 5\r\n", id="a47 five bytes that never come"),
    pytest.param(b"Content-Length: 100\r\n", id="a47 a hundred"),
    pytest.param(b"Content-Length: 100000000\r\n", id="a47 a hundred million"),
    pytest.param(b"Transfer-Encoding: chunked\r\n", id="a47 chunks that never come"),
    pytest.param(b"Content-Length: 5\r\nExpect: 100-continue\r\n", id="s8 expect"),
    pytest.param(b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", id="s8 expect and chunks"),
]


@pytest.mark.parametrize("more", UNREAD)
@pytest.mark.parametrize("who", ["nobody", "alice", "admin"])
async def test_a47_s8_a_body_that_never_comes_stalls_nobody_and_swallows_no_question(wire, more, who):
    """nginx copies a Content-Length and no body: the next check on the connection is somebody else's.

    Were it read as that body, a client could make the proxy wait, or ask in the name of another.
    """
    for contract in CONTRACTS:
        expected = {"nobody": 401, "alice": 403, "admin": 200}[who]
        first, second = await wire.exchange(
            wire.question(contract, who=who, more=more), wire.question(contract, who="admin")
        )
        assert statuses(first) == [expected], "one answer, no 1xx before it"
        assert b"connection: close" in first.lower()
        assert second == b"", "the proxy has to open a new connection"


async def test_s8_a_body_with_a_question_in_it_is_no_question(wire):
    """A GET with a body that looks like a check of its own."""
    for framing in (b"Content-Length: %d\r\n" % len(INNER), b"Transfer-Encoding: chunked\r\n"):
        body = INNER if b"Length" in framing else b"%x\r\n%s\r\n0\r\n\r\n" % (len(INNER), INNER)
        (answer,) = await wire.exchange(wire.question(more=framing) + body)
        assert statuses(answer) == [401]


async def test_s8_questions_in_a_row_are_answered_one_by_one(wire):
    """Each by its own cookie, in order; nothing of one is left for the next."""
    for contract in CONTRACTS:
        row = [wire.question(contract, who=who) for who in ("admin", "nobody", "alice", "nobody")]
        apart = await wire.exchange(*row)
        assert [statuses(answer) for answer in apart] == [[200], [401], [403], [401]]
        for place, one in enumerate(apart):
            assert (b"x-auth-user: root" in one) == (place == 0)


async def test_s8_questions_on_one_line_are_answered_in_order(wire):
    """Pipelined, as no proxy does and an attacker may."""
    row = b"".join([wire.question(who=who) for who in ("admin", "nobody", "alice")])
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(row + wire.question(more=b"Connection: close\r\n"))
    data = await asyncio.wait_for(reader.read(-1), PATIENCE)
    writer.close()
    await writer.wait_closed()

    assert statuses(data) == [200, 401, 403, 401]


async def test_a47_t11_two_hosts_on_the_wire_decide_nothing(wire):
    """The host that counts is the one that the proxy names; the wire's own is ours, and is not read."""
    for contract in CONTRACTS:
        for who, expected in (("nobody", 401), ("alice", 403)):
            question = wire.question(contract, who=who, more=b"Host: wiki.example.com\r\nHost: \r\n")
            (answer,) = await wire.exchange(question)
            assert statuses(answer) in ([expected], [400])


async def test_s8_http_1_0_is_answered_and_closed(wire):
    """As nginx before 1.29.7 asks; a `keep-alive` of that version is not believed."""
    for more in (b"", b"Connection: keep-alive\r\n"):
        old = wire.question(who="admin", version=b"1.0", more=more)
        assert [statuses(answer) for answer in await wire.exchange(old, old)] == [[200], []]


REQUEST_LINES = [
    pytest.param(b"CONNECT app.example.com:443 HTTP/1.1", {400}, id="t05 a29 connect"),
    pytest.param(b"OPTIONS * HTTP/1.1", {400, 404}, id="t05 a29 options"),
    pytest.param(b"GET * HTTP/1.1", {400, 404}, id="t05 a29 get"),
    pytest.param(b"get /verify/forward-auth HTTP/1.1", {400}, id="a29 lower case"),
    pytest.param(b"GET  HTTP/1.1", {400}, id="t05 no target"),
    pytest.param(b"GET HTTP/1.1", {400}, id="t05 no target at all"),
    pytest.param(b"GET /verify/forward-auth", {400, 200}, id="s8 http 0.9"),
    pytest.param(b"GET /verify/forward-auth HTTP/2.0", {400, 200}, id="s8 a version that it does not speak"),
    pytest.param(b"GET /verify/forward-auth HTTP/1.1 x", {400}, id="more behind it"),
    pytest.param(b"GET http://[::1 HTTP/1.1", {400}, id="w11 a broken address"),
    pytest.param(b"GET ?x HTTP/1.1", {400}, id="t05 a query alone"),
    pytest.param(b"GET /verify/\xff\xfe HTTP/1.1", {400, 404}, id="t06 bytes that are no text"),
    pytest.param(b"GET /verify/%66orward-auth HTTP/1.1", {404}, id="an encoded spelling"),
    pytest.param(b"GET /verify/../verify/forward-auth HTTP/1.1", {404}, id="dots"),
    pytest.param(b"GET //verify/forward-auth HTTP/1.1", {404}, id="two slashes"),
    pytest.param(b"PRI * HTTP/2.0", {400}, id="the preface of http 2"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400}, id="tls"),
]


@pytest.mark.parametrize(("line", "expected"), REQUEST_LINES)
async def test_t05_a29_w11_t06_s8_a_request_line_that_is_none_is_a_clean_no(wire, line, expected):
    """A version that the server does not mind is judged like any other; nobody stays nobody."""
    for who, fine in (("admin", expected), ("nobody", (expected - {200}) | {401})):
        head = wire.question(who=who).partition(b"\r\n")[2]
        answer, *_ = await wire.exchange(line + b"\r\n" + head)
        assert len(statuses(answer)) == 1
        assert set(statuses(answer)) <= fine


@pytest.mark.parametrize("host", [b"evil.tld", b"wiki.example.com", b"app.example.com@evil.tld"])
async def test_a28_w30_an_absolute_target_on_the_wire_names_no_host(wire, host):
    """The question is what the proxy says in its header, whatever its own request line looks like."""
    absolute = wire.question(who="alice").replace(b"GET /verify", b"GET http://" + host + b"/verify", 1)
    (answer,) = await wire.exchange(absolute)
    assert statuses(answer) in ([403], [400], [404])
    assert b"evil" not in answer


UPGRADES = [
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
    b"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
]  # fmt: skip


@pytest.mark.parametrize("upgrade", UPGRADES, ids=["websocket", "h2c", "tls"])
async def test_a39_s8_an_upgrade_is_not_taken_and_the_next_question_is_answered(wire, upgrade):
    """Caddy copies the handshake into its check; with WebSockets on, every one of them would be denied."""
    for who, expected in (("nobody", 401), ("alice", 200)):
        ask = wire.question(uri=b"/x", who=who, more=upgrade)
        first, second = await wire.exchange(ask, wire.question(uri=b"/x"))
        assert statuses(first) == [expected]
        assert statuses(second) in ([401], [])


@pytest.mark.parametrize("size", [70_000, 200_000, 1_000_000, 5_000_000])
async def test_a16_s8_a_huge_head_is_a_clean_no(wire, size):
    """One line, or thousands of them."""
    for more in (b"X-A: " + b"a" * size + b"\r\n", b"X-A: b\r\n" * (size // 8)):
        answer, *_ = await wire.exchange(wire.question(who="admin", more=more))
        # What is only too large is told so; what is absurd is hung up on.
        assert statuses(answer) in (([400], [431], []) if size > 256_000 else ([400], [431]))


async def test_a47_s8_half_a_head_keeps_nobody_waiting(wire):
    """Fifty connections that never finish their question, and one that does."""
    whole = wire.question(who="admin")
    open_ones = [await asyncio.open_connection("127.0.0.1", wire.port) for _ in range(50)]
    for place, (_, writer) in enumerate(open_ones):
        writer.write(whole[: 1 + place * (len(whole) - 3) // 50])

    (answer,) = await wire.exchange(whole)
    assert statuses(answer) == [200]

    for reader, writer in open_ones:
        writer.write_eof()
        assert b" 200 " not in await asyncio.wait_for(reader.read(1_000), PATIENCE)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@pytest.fixture(scope="module", params=SHELLS)
def wire_of_strangers(request):
    with wired(request.param, server={"trusted_proxies": ["192.0.2.1/32"]}) as running:
        yield running


async def test_a09_x3_the_server_beneath_us_believes_no_forwarded_address(wire_of_strangers):
    """uvicorn would take the client of a loopback peer from `X-Forwarded-For` by default."""
    wire = wire_of_strangers
    names = (b"X-Forwarded-For", b"X-Real-IP", b"Forwarded", b"True-Client-IP")
    lines = b"".join([name + b": 192.0.2.1\r\n" for name in names])

    (answer,) = await wire.exchange(wire.question(uri=b"/public/x", who="admin", more=lines))

    assert statuses(answer) == [403]
    assert wire.house.decision.client == "peer 127.0.0.1"
