"""The door of first-party tokens: JSON in, JSON out, at the paths of the login and beside its forms.

Everything is in the body, both ways: no token stands in an address, where logs and histories would keep it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import BadCredential, GatewayError, Malformed
from gateway.guard.csrf import check_fetch_metadata
from gateway.guard.proxies import Proxies, shown
from gateway.guard.rate_limit import RateLimit, prefix_of
from gateway.identity.presented import Head, Headers, Reply
from gateway.login.answer import parameters
from gateway.login.call import Call, check_navigation, content_type, head_of, redirect
from gateway.login.logout import Logout
from gateway.login.telling import told
from gateway.login.visitors import Visitors
from gateway.login.way import Client, Way
from gateway.observe.events import Alarm, Emit
from gateway.pages.answers import Answers, me_document
from gateway.sessions.cookie import Ticket
from gateway.tokens.cors import Cors
from gateway.tokens.exchange import Exchange
from gateway.tokens.issuing import Issued
from gateway.tokens.requests import flag, members, text
from gateway.tokens.returning import Returning
from gateway.tokens.signing_in import SigningIn, Typed
from gateway.tokens.signing_out import SigningOut

Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]

JSON = b"application/json"
_CHALLENGE = (b"www-authenticate", b'Bearer realm="gateway"')


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDoor:
    """Handlers of the token endpoints. `failures` limits by address what was no good; `own_origin` is the gateway's.

    `signing_in` is `None` where no provider takes passwords, `returning` where no client is registered.
    """

    signing_in: SigningIn | None
    exchange: Exchange
    signing_out: SigningOut
    returning: Returning | None
    logout: Logout
    visitors: Visitors
    answers: Answers
    proxies: Proxies
    cors: Cors
    failures: RateLimit
    own_origin: str
    emit: Emit
    new_id: Callable[[], str]

    async def login(self, call: Call) -> Reply:
        """POST /auth/login: provider, domain, username, password; `cookie: true` for the session's cookie as well."""
        sent = _sent(call)
        if self.signing_in is None:
            raise Malformed("member_provider")
        typed = Typed(
            text(sent, "provider", needed=False),
            text(sent, "domain", needed=False),
            text(sent, "username"),
            text(sent, "password"),
            flag(sent, "cookie"),
        )
        if typed.cookie:
            # Whoever can set a cookie can sign a person in as somebody else (login CSRF).
            check_fetch_metadata("POST", call.head, self.own_origin)
        issued, cookies = await self.signing_in.sign_in(call.head, typed, call.client, call.decision_id)
        return self._pair(issued, [(b"set-cookie", cookie.encode("latin-1")) for cookie in cookies])

    async def refresh(self, call: Call) -> Reply:
        """POST /auth/refresh: a refresh token, or a one-time code, for a new pair."""
        return self._pair(await self.exchange.give(_sent(call), call.client, call.decision_id))

    async def end_session(self, call: Call) -> Reply:
        """POST /auth/logout: the session of a refresh token, or of the cookie."""
        presented = text(_sent(call), "refresh_token", needed=False)
        if presented:
            # What is no token of ours holds no session, so that none is left (RFC 7009 section 2.2).
            if ticket := self.signing_out.ticket(presented):
                await self.signing_out.end(ticket)
            return self.answers.document(200, {"location": self.logout.signed_out})
        check_fetch_metadata("POST", call.head, self.own_origin)
        if self.visitors.ticket(call.head) is None:
            return self.answers.document(200, {"location": self.logout.signed_out})
        way = await self.logout.end(call.head)
        lines = [(b"set-cookie", cookie.encode("latin-1")) for cookie in way.cookies]
        return self.answers.document(200, {"location": way.location}, *lines)

    async def end_all(self, call: Call) -> Reply:
        """POST /auth/logout-all: every session of whoever holds the refresh token, or the cookie."""
        presented = text(_sent(call), "refresh_token", needed=False)
        lines: list[tuple[bytes, bytes]] = []
        if presented:
            ticket = self.signing_out.ticket(presented)
        else:
            check_fetch_metadata("POST", call.head, self.own_origin)
            ticket = self.visitors.ticket(call.head)
            lines = [(b"set-cookie", self.visitors.no_session_cookie().encode("latin-1"))]
        await self.signing_out.end_all(_present(ticket))
        return self.answers.document(200, {"location": self.logout.signed_out}, *lines)

    async def preflight(self, call: Call) -> Reply:
        """OPTIONS of each of them (WHATWG Fetch section 3.2.2)."""
        lines = self.cors.preflight(call.head)
        return Reply(204, ((b"cache-control", b"no-store"), *lines))

    async def begin(self, call: Call) -> Reply:
        """GET /auth/{provider}?client=…: a redirect login that ends in a code.

        A start that is not whole is a page. What stops a whole one is told at the return address.
        """
        provider, returning = call.path["provider"], self.returning
        if returning is None or provider not in returning.departing.providers:
            raise Malformed("client")
        check_navigation(call.head)
        language = self.answers.language(call.head)
        with told(self.emit, provider, call.client, call.decision_id):
            wanted = returning.clients.read(parameters(call.query))
            try:
                way = await returning.begin(call.head, provider, wanted, call.client, language)
            except GatewayError as error:
                error.told_to = returning.refused(wanted, error, call.decision_id)
                raise
        return redirect(way)

    def _pair(self, issued: Issued, lines: Iterable[tuple[bytes, bytes]] = ()) -> Reply:
        """RFC 6749 section 5.1, and who it is."""
        body = {
            "user": me_document(issued.session),
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
            "refresh_token": issued.refresh_token,
            "refresh_expires_in": issued.refresh_expires_in,
        }
        return self.answers.document(200, body, *lines)

    def read(self, head: Head, query: bytes, body: bytes, path: dict[str, str]) -> Call:
        """A request as a value, under an id of its own."""
        address = self.proxies.client(head)
        client = Client(shown(address, head), prefix_of(address))
        return Call(head, query, {}, path, client, self.new_id(), body)

    async def answer(self, call: Call, handler: Handler) -> Reply:
        """Run a handler for a program; whatever stops it becomes problem details, which a listed page may read."""
        try:
            self.cors.check(call.head)
            reply = await handler(call)
        except GatewayError as error:
            reply = self._problem(call, await self._counted(call, error))
        except Exception as error:  # noqa: BLE001 - the merge point: a bug of ours must not show itself to strangers
            reply = self._bug(call, error)
        return reply._replace(headers=(*reply.headers, *self.cors.lines(call.head)))

    async def answer_page(self, call: Call, handler: Handler) -> Reply:
        """Run a handler for a person."""
        try:
            return await handler(call)
        except GatewayError as error:
            if error.told_to:
                return redirect(Way(error.told_to))
            return self.answers.error(call.head, error, call.decision_id)
        except Exception as error:  # noqa: BLE001 - the same merge point
            return self._bug(call, error)

    async def _counted(self, call: Call, error: GatewayError) -> GatewayError:
        """What to answer: the error itself, or `Limited` where an address keeps on presenting what is no good."""
        if not isinstance(error, BadCredential):
            return error
        try:
            await self.failures.take(call.client.prefix)
        except GatewayError as instead:
            return instead
        return error

    def _problem(self, call: Call, error: GatewayError) -> Reply:
        reply = self.answers.problem(error, call.decision_id)
        # RFC 9110 section 15.5.2 demands a challenge with every 401.
        return reply._replace(headers=(*reply.headers, _CHALLENGE)) if reply.status == 401 else reply

    def _bug(self, call: Call, error: Exception) -> Reply:
        self.emit(Alarm("internal_error", f"{type(error).__name__}, decision {call.decision_id}"))
        return self.answers.problem(GatewayError(), call.decision_id)


def _sent(call: Call) -> Mapping[str, Any]:
    # Demanded, and not only understood: no form of another site can send it without asking first (CORS).
    if content_type(call.head) != JSON:
        raise Malformed("content_type")
    return members(call.body)


def _present(ticket: Ticket | None) -> Ticket:
    if ticket is None:
        raise BadCredential("no session is presented")
    return ticket


class _Endpoint:
    """One path: POST by `handler`, OPTIONS by the preflight; what is not for programs goes to `beneath`, if there is one."""

    def __init__(self, door: TokenDoor, handler: Handler, beneath: ASGIApp | None = None) -> None:
        self._door = door
        self._handler = handler
        self._beneath = beneath

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = head_of(scope)
        ours = head.method == "OPTIONS" or (head.method == "POST" and content_type(head) == JSON)
        if self._beneath is not None and not ours:
            await self._beneath(scope, receive, send)
            return
        body = await Request(scope, receive).body() if head.method == "POST" else b""
        call = self._door.read(head, scope["query_string"], body, scope["path_params"])
        await _send(send, await self._reply(call))

    async def _reply(self, call: Call) -> Reply:
        match call.head.method:
            case "POST":
                return await self._door.answer(call, self._handler)
            case "OPTIONS":
                return await self._door.answer(call, self._door.preflight)
        return Reply(
            405, ((b"allow", b"POST, OPTIONS"), (b"content-length", b"0"), (b"cache-control", b"no-store"))
        )


class _Start:
    """GET /auth/{provider}: with `client` in the query for a client of ours, else as ever."""

    def __init__(self, door: TokenDoor, beneath: ASGIApp) -> None:
        self._door = door
        self._beneath = beneath

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query: bytes = scope["query_string"]
        named = any(pair.partition(b"=")[0] == b"client" for pair in query.split(b"&"))
        if scope["method"] != "GET" or not named:
            await self._beneath(scope, receive, send)
            return
        call = self._door.read(head_of(scope), query, b"", scope["path_params"])
        await _send(send, await self._door.answer_page(call, self._door.begin))


def token_routes(door: TokenDoor, beneath: list[Route]) -> list[Route]:
    """The login's routes with those of tokens before and beside them."""
    apps = {route.path: route.app for route in beneath}
    ours = {
        "/auth/login": _Endpoint(door, door.login, apps["/auth/login"]),
        "/auth/logout": _Endpoint(door, door.end_session, apps["/auth/logout"]),
        "/auth/refresh": _Endpoint(door, door.refresh),
        "/auth/logout-all": _Endpoint(door, door.end_all),
    }
    if door.returning is not None:
        ours["/auth/{provider}"] = _Start(door, apps["/auth/{provider}"])  # type: ignore[assignment]
    before = [Route(path, app) for path, app in ours.items() if path != "/auth/{provider}"]
    rest = [Route(route.path, ours.get(route.path, route.app)) for route in beneath]
    return [*before, *[route for route in rest if route.path not in {one.path for one in before}]]


async def _send(send: Send, reply: Reply) -> None:
    headers: Headers = reply.headers
    await send({"type": "http.response.start", "status": reply.status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": reply.body})
