"""A stand-in for the gateway: speaks both contracts of the verify endpoints, keeps what it was asked, and can fail.

It knows one session, `alice`, and a few paths: `/public`, `/forbidden`, `/fault`, `/limited`, `/large`.
"""

import asyncio
import json
from urllib.parse import quote

from gateway.sessions.cookie import own_cookies, session_cookie
from gateway.settings.hand_through import identity_headers
from gateway.settings.model import Settings
from tests.kit.wire import LoopbackServer, Request, read_request, write_answer

ALICE = {
    "user": "alice",
    "subject": "demo:alice",
    "email": "alice@example.com",
    "name": "Alice",
    "groups": "staff,admins",
    "provider": "demo",
    "expires": "1800000000",
    "assertion": "header.claims.signature",
}
LARGE = {"name": "n" * 3000, "groups": "g" * 3000, "email": "e" * 3000, "assertion": "a" * 3000}
_NO_STORE = ("Cache-Control", "no-store")
_DECISION = ("X-Gateway-Decision-Id", "d-1234")
FAILURES = ("silent", "garbage", "no-content", "dropped", "half", "created", "status-500")


class VerifyStub:
    """`failure` is one of FAILURES, or ""; `asked` and `visited` hold the requests of the two listeners."""

    def __init__(self, settings: Settings) -> None:
        bind, verify = settings.server.bind, settings.server.verify_bind
        self._names = identity_headers(settings)
        self._session = session_cookie(settings).name
        self._own = frozenset(own_cookies(settings))
        self._login = f"{settings.public_url}/auth/login"
        self._public = LoopbackServer(self._serve_public, bind.path or bind.port)
        self._verify = (
            None if verify == "same" else LoopbackServer(self._serve_verify, verify.path or verify.port)
        )
        self.cookie = f"{self._session}=alice"
        self.failure = ""
        self.asked: list[Request] = []
        self.visited: list[Request] = []

    @property
    def connections(self) -> int:
        """How many connections the verify listener has accepted."""
        return (self._verify or self._public).connections

    def start(self) -> None:
        for server in filter(None, (self._public, self._verify)):
            server.start()

    def stop(self) -> None:
        for server in filter(None, (self._public, self._verify)):
            server.stop()

    async def _serve_public(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await read_request(reader):
            if self._verify is None and request.target.startswith("/verify/"):
                self.asked.append(request)
                writer.write(self._answer(request))
                await writer.drain()
                continue
            self.visited.append(request)
            status = 404 if request.target.startswith("/verify") else 200
            body = json.dumps(
                {"gateway": True, "target": request.target, "headers": request.headers}
            ).encode()
            cookies = [("Set-Cookie", "one=1; Path=/"), ("Set-Cookie", "two=2; Path=/")]
            writer.write(write_answer(status, cookies, body))
            await writer.drain()

    async def _serve_verify(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await read_request(reader):
            self.asked.append(request)
            if self.failure:
                await self._fail(writer)
                return
            writer.write(self._answer(request))
            await writer.drain()

    async def _fail(self, writer: asyncio.StreamWriter) -> None:
        match self.failure:
            case "silent":
                await asyncio.sleep(60)
            case "garbage":
                writer.write(b"this is no HTTP\r\n\r\n")
            case "no-content":
                writer.write(write_answer(204, []))
            case "created":
                writer.write(write_answer(201, []))
            case "half":
                writer.write(b"HTTP/1.1 200 OK\r\nX-Auth-User: al")
            case "status-500":
                writer.write(write_answer(500, []))
        await writer.drain()

    def _answer(self, request: Request) -> bytes:
        path = request.target.partition("?")[0]
        if path == "/verify/forward-auth":
            parts = [request.all(f"x-forwarded-{part}") for part in ("method", "host", "uri")]
            if any(len(values) != 1 for values in parts):
                return write_answer(400, [_NO_STORE])
            return self._decide(request, parts[2][0], parts[1][0], nginx=False)
        if path in {"/verify/auth-request", "/verify/auth-request/login"}:
            urls, methods = request.all("x-original-url"), request.all("x-original-method")
            if len(urls) != 1 or len(methods) != 1:
                return write_answer(403, [_NO_STORE])
            host, slash, rest = urls[0].partition("://")[2].partition("/")
            if path.endswith("/login"):
                return self._second_answer(request, host, slash + rest)
            return self._decide(request, slash + rest, host, nginx=True)
        return write_answer(404, [_NO_STORE])

    def _decide(self, request: Request, uri: str, host: str, *, nginx: bool) -> bytes:
        path = uri.partition("?")[0]
        if path.startswith("/public"):
            return self._pass(request, {}, nginx=nginx)
        if path.startswith("/fault"):
            return write_answer(503, [_NO_STORE, _DECISION, ("Retry-After", "7")])
        if path.startswith("/limited"):
            return write_answer(403 if nginx else 429, [_NO_STORE, _DECISION, ("Retry-After", "7")])
        cookies = _cookies(request)
        if [value for name, value in cookies if name == self._session] != ["alice"]:
            return self._challenge(request, host, uri, nginx=nginx)
        if path.startswith("/forbidden"):
            body = b"" if nginx else b"the page of d-1234"
            return write_answer(403, [_NO_STORE, _DECISION], body)
        return self._pass(request, ALICE | (LARGE if path.startswith("/large") else {}), nginx=nginx)

    def _identity(self, who: dict[str, str]) -> list[tuple[str, str]]:
        return [(name, who.get(key, "")) for key, name in self._names.items()]

    def _pass(self, request: Request, who: dict[str, str], *, nginx: bool) -> bytes:
        kept = "; ".join(f"{name}={value}" for name, value in _cookies(request) if name not in self._own)
        extra = [] if nginx else [("Cookie", kept)]
        return write_answer(200, [_NO_STORE, *self._identity(who), *extra])

    def _challenge(self, request: Request, host: str, uri: str, *, nginx: bool) -> bytes:
        if nginx:
            return write_answer(401, [_NO_STORE, _DECISION])
        return self._for_people(request, host, uri)

    def _for_people(self, request: Request, host: str, uri: str) -> bytes:
        if "text/html" in request.first("accept") and not request.first("sec-websocket-key"):
            back = quote(f"http://{host}{uri}", safe="")
            return write_answer(303, [_NO_STORE, _DECISION, ("Location", f"{self._login}?rd={back}")])
        body = json.dumps({"error": "unauthenticated", "decision_id": "d-1234"}).encode()
        return write_answer(401, [_NO_STORE, _DECISION, ("WWW-Authenticate", "Bearer")], body)

    def _second_answer(self, request: Request, host: str, uri: str) -> bytes:
        if request.all("x-gateway-status") == ["401"]:
            return self._for_people(request, host, uri)
        page = f"the page of {request.first('x-gateway-decision-id')}".encode()
        return write_answer(403, [_NO_STORE], page)


def asked_target(request: Request) -> tuple[str, str]:
    """Host (without port) and target that a recorded check is about, in either contract."""
    url = request.first("x-original-url")
    if url:
        host, slash, rest = url.partition("://")[2].partition("/")
        return host, slash + rest
    return request.first("x-forwarded-host").partition(":")[0], request.first("x-forwarded-uri")


def _cookies(request: Request) -> list[tuple[str, str]]:
    pairs = [pair for line in request.all("cookie") for pair in line.split(";") if pair.strip()]
    split = [pair.partition("=") for pair in pairs]
    return [(name.strip(" \t"), value.strip(" \t")) for name, _, value in split]
