"""The demo's proxy asks before it passes anything on, and passes nothing on where the answer is not a clear yes."""

import asyncio
import contextlib
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from gateway.demo.cast import streams
from gateway.demo.passing_on import host_of, question, to_application, to_client, to_gateway
from gateway.demo.proxy import Proxy
from gateway.demo.stage import free_ports
from gateway.demo.wire import Status, body, read_head, request_length
from gateway.errors import Malformed
from gateway.identity.presented import Head
from gateway.settings.units import Bind

HOST = (b"host", b"app.localhost:8080")
YES = b"HTTP/1.1 200 OK\r\nX-Auth-User: ada\r\nX-Auth-Groups:\r\nCookie: app=2\r\nContent-Length: 0\r\n\r\n"
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: app=2\r\n\r\nhello"


def head(*headers, method="GET", target=b"/a?b=c"):
    return Head(method, target, (HOST, *headers), "127.0.0.1")


SPOOFED = [
    b"x-auth-user",
    b"x_auth_user",
    b"x.auth.user",
    b"x!auth~user",
    b"x-auth-unheard-of",
    b"x-forwarded-for",
    b"x_forwarded_for",
    b"x-forwarded-host",
    b"x-forwarded-uri",
    b"x-original-url",
    b"forwarded",
    b"x-real-ip",
    b"x-gateway-secret",
    b"x-gateway-decision-id",
]


@pytest.mark.parametrize("name", SPOOFED)
def test_a_client_cannot_write_what_only_the_proxy_may(name):
    """Neither the application nor the gateway hears it, under whatever alias."""
    request = head((name, b"evil"))

    for lines in (question(request), to_gateway(request), to_application(request, Status(200, ()))):
        assert b"evil" not in [value for _, value in lines]


def test_a_check_is_asked_in_the_words_of_the_contract():
    """Method, host, target and peer are our own; of the client only what a check reads."""
    request = head(
        (b"cookie", b"gw=t"),
        (b"accept", b"text/html"),
        (b"content-length", b"9"),
        (b"x-own", b"1"),
        method="POST",
    )

    lines = dict(question(request))

    assert lines[b"x-forwarded-method"] == b"POST"
    assert lines[b"x-forwarded-host"] == b"app.localhost:8080"
    assert lines[b"x-forwarded-uri"] == b"/a?b=c"
    assert lines[b"x-forwarded-for"] == b"127.0.0.1"
    assert lines[b"x-forwarded-proto"] == b"http"
    assert (lines[b"cookie"], lines[b"accept"]) == (b"gw=t", b"text/html")
    assert not {b"content-length", b"x-own"} & lines.keys()


def test_the_application_gets_identity_and_cookies_from_the_answer_alone():
    """The client's Cookie line, with our ticket in it, stays behind."""
    request = head((b"cookie", b"gw=ticket; app=2"), (b"x-auth-user", b"evil"))
    answer = Status(200, ((b"x-auth-user", b"ada"), (b"cookie", b"app=2"), (b"x-other", b"1")))

    lines = to_application(request, answer)

    assert [value for name, value in lines if name == b"x-auth-user"] == [b"ada"]
    assert [value for name, value in lines if name == b"cookie"] == [b"app=2"]
    assert b"x-other" not in dict(lines)


@pytest.mark.parametrize("cookie", [((b"cookie", b""),), ()], ids=["empty", "absent"])
def test_without_cookies_in_the_answer_the_application_gets_none(cookie):
    """An old gateway, or nothing left: the client's line never stands in."""
    assert b"cookie" not in dict(to_application(head((b"cookie", b"gw=t")), Status(200, cookie)))


def test_the_client_cannot_have_our_headers_removed():
    """`Connection: X-Auth-User` speaks of the client's own connection."""
    request = head((b"connection", b"x-auth-user, cookie, x-own"), (b"x-own", b"1"))
    answer = Status(200, ((b"x-auth-user", b"ada"), (b"cookie", b"app=2")))

    lines = dict(to_application(request, answer))

    assert lines[b"x-auth-user"] == b"ada"
    assert lines[b"cookie"] == b"app=2"
    assert b"x-own" not in lines


@pytest.mark.parametrize(
    ("upgrade", "passed"),
    [pytest.param(b"websocket", True, id="websocket"), pytest.param(b"h2c", False, id="h2c")],
)
def test_only_websocket_is_upgraded(upgrade, passed):
    """An upgrade to h2c would carry requests past every check."""
    request = head((b"connection", b"Upgrade"), (b"upgrade", upgrade))

    lines = dict(to_application(request, Status(200, ())))

    assert (b"upgrade" in lines) is passed
    assert b"upgrade" not in dict(to_gateway(request))


@pytest.mark.parametrize("hosts", [(), (HOST, HOST)], ids=["none", "two"])
def test_a_request_has_one_host(hosts):
    """RFC 9112 section 3.2."""
    with pytest.raises(Malformed):
        host_of(Head("GET", b"/", hosts, "127.0.0.1"))


def test_a_response_loses_what_belongs_to_its_connection():
    """And keeps all else, duplicates included."""
    cookies = ((b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))

    lines = to_client(Status(200, (*cookies, (b"connection", b"keep-alive"), (b"keep-alive", b"5"))))

    assert lines == (*cookies, (b"connection", b"close"))


class World:
    """A proxy between a raw client and three raw servers, which note what they were sent."""

    def __init__(self, verify, application):
        self.verify, self.application = verify, application
        self.asked, self.reached, self.pages = [], [], []
        self.ports = free_ports(0)

    def server(self, noted, answer):
        async def handle(reader, writer):
            request = await read_head(reader, "")
            with contextlib.suppress(Malformed):  # half a request is neither noted nor answered
                content = b"".join([piece async for piece in body(reader, request_length(request))])
                noted.append((request, content))
                writer.write(answer)
                await writer.drain()
            writer.close()

        return handle

    async def send(self, raw):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports.front)
        writer.write(raw)
        await writer.drain()
        said = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
        return said


@asynccontextmanager
async def world(verify=YES, application=HELLO, *, verify_up=True, application_up=True):
    it = World(verify, application)
    ports = it.ports
    proxy = Proxy(
        verify=Bind("127.0.0.1", ports.verify),
        public=Bind("127.0.0.1", ports.public),
        application=Bind("127.0.0.1", ports.application),
        gateway_path="/_gateway",
    )
    async with AsyncExitStack() as entered:
        if verify_up:
            await entered.enter_async_context(streams(it.server(it.asked, verify), ports.verify))
        if application_up:
            await entered.enter_async_context(streams(it.server(it.reached, application), ports.application))
        await entered.enter_async_context(streams(it.server(it.pages, HELLO), ports.public))
        await entered.enter_async_context(streams(proxy.handle, ports.front))
        yield it


GET = b"GET /a HTTP/1.1\r\nHost: h\r\nCookie: gw=t\r\n\r\n"


@pytest.mark.anyio
async def test_a_yes_lets_the_request_pass_with_the_identity():
    """Asked once, passed once, and the answer of the application comes back whole."""
    async with world() as it:
        said = await it.send(GET)

    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(b"\r\n\r\nhello")
    assert b"set-cookie: app=2\r\n" in said
    [(question_head, _)], [(request, _)] = it.asked, it.reached
    assert question_head.target == b"/verify/forward-auth"
    assert dict(request.headers)[b"x-auth-user"] == b"ada"
    assert dict(request.headers)[b"cookie"] == b"app=2"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 303 See Other\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", id="303"),
        pytest.param(b"HTTP/1.1 401 x\r\nWWW-Authenticate: Bearer\r\nContent-Length: 2\r\n\r\n{}", id="401"),
        pytest.param(b"HTTP/1.1 403 x\r\nContent-Length: 2\r\n\r\nno", id="403"),
        pytest.param(b"HTTP/1.1 503 x\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n", id="503"),
    ],
)
async def test_a_no_goes_to_the_client_and_nothing_to_the_application(answer):
    """Status, headers and body of the gateway's answer."""
    async with world(verify=answer) as it:
        said = await it.send(GET)

    assert said.split()[1] == answer.split()[1]
    assert said.partition(b"\r\n\r\n")[2] == answer.partition(b"\r\n\r\n")[2]
    assert it.reached == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="silence"),
        pytest.param(b"nonsense\r\n\r\n", id="nonsense"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", id="204"),
        pytest.param(b"HTTP/1.1 206 Partial\r\nContent-Length: 0\r\n\r\n", id="206"),
        pytest.param(b"HTTP/1.1 101 Switching\r\n\r\n", id="101"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="only-100"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", id="cut"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Auth-User: a", id="half-a-head"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000, id="endless"),
    ],
)
async def test_without_a_clear_answer_nothing_passes(answer):
    """503, whatever else the gateway says."""
    async with world(verify=answer) as it:
        said = await it.send(GET)

    assert said.startswith(b"HTTP/1.1 503 ")
    assert it.reached == []


@pytest.mark.anyio
async def test_without_a_gateway_nothing_passes():
    """Nobody listens: 503 with Retry-After."""
    async with world(verify_up=False) as it:
        said = await it.send(GET)

    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 5\r\n" in said
    assert it.reached == []


@pytest.mark.anyio
async def test_without_an_application_the_client_is_told():
    """502, and it is not the gateway's fault."""
    async with world(application_up=False) as it:
        said = await it.send(GET)

    assert said.startswith(b"HTTP/1.1 502 ")
    assert len(it.asked) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    "target",
    [
        pytest.param(b"/_gateway/auth/login?rd=x", id="pages"),
        pytest.param(b"/_gateway?x", id="the bare address"),
        pytest.param(b"/.well-known/oauth-authorization-server/_gateway", id="metadata"),
    ],
)
async def test_the_gateways_own_pages_are_reached_without_a_check(target):
    """With their cookies: there they belong."""
    async with world() as it:
        await it.send(b"GET " + target + b" HTTP/1.1\r\nHost: h\r\nCookie: gw=t\r\n\r\n")

    [(request, _)] = it.pages
    assert request.target == target
    assert request.all(b"cookie") == (b"gw=t",)
    assert it.asked == it.reached == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "target",
    [b"/_gatewayx", b"/x/../_gateway/auth", b"/_Gateway", b"//_gateway/auth", b"/%5fgateway/auth"],
)
async def test_a_path_that_only_looks_like_the_gateways_is_asked_about(target):
    """The prefix is compared as it stands, and with its slash."""
    async with world() as it:
        await it.send(b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")

    assert it.pages == []
    assert it.asked[0][0].all(b"x-forwarded-uri") == (target,)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"GET http://h/a HTTP/1.1\r\nHost: x\r\n\r\n", id="absolute-form"),
        pytest.param(b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", id="asterisk-form"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two-hosts"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="two-framings",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello",
            id="handshake-with-body",
        ),
    ],
)
async def test_what_has_two_readings_is_refused_before_anybody_is_asked(raw):
    """400, and silence behind it."""
    async with world() as it:
        said = await it.send(raw)

    assert said.startswith(b"HTTP/1.1 400 ")
    assert it.asked == it.reached == it.pages == []


@pytest.mark.anyio
async def test_a_body_is_passed_on_and_never_shown_to_the_check():
    """Of 200 kB the gateway sees nothing."""
    content = bytes(range(256)) * 800
    async with world() as it:
        said = await it.send(
            b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(content)
            + content
        )

    assert said.startswith(b"HTTP/1.1 100 ")
    assert said.endswith(b"hello")
    assert it.reached[0][1] == content
    assert it.asked[0][0].all(b"content-length") == ()


@pytest.mark.anyio
async def test_a_refused_upload_gets_its_answer():
    """The client reads the 401 although its body was not read."""
    refused = b"HTTP/1.1 401 x\r\nContent-Length: 2\r\n\r\n{}"
    async with world(verify=refused) as it:
        said = await it.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n" + b"x" * 500_000)

    assert said.startswith(b"HTTP/1.1 401 ")
    assert said.endswith(b"{}")
    assert it.reached == []


@pytest.mark.anyio
async def test_half_a_request_never_becomes_a_whole_one():
    """A chunk that lies ends the exchange."""
    async with world() as it:
        said = await it.send(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello world\r\n0\r\n\r\n"
        )

    assert said.startswith(b"HTTP/1.1 502 ")
    assert it.reached == []


@pytest.mark.anyio
async def test_an_upgrade_that_nobody_asked_for_is_refused():
    """A 101 to a plain request would open a tunnel."""
    async with world(application=b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nraw") as it:
        said = await it.send(GET)

    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"raw" not in said


@pytest.mark.anyio
async def test_a_head_request_gets_no_body():
    """Also where the gateway refuses it with one."""
    async with world(verify=b"HTTP/1.1 403 x\r\nContent-Length: 2\r\n\r\nno") as it:
        said = await it.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")

    assert said.startswith(b"HTTP/1.1 403 ")
    assert said.endswith(b"\r\n\r\n")
