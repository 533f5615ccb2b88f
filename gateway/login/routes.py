"""The login's door: paths, methods, and who gets a page and who JSON.

Every address in an answer comes from `public_url` and the configuration. Nothing is read from `Host` or from a
forwarded header but the client's address, for the limits (CVE-2024-21498, CVE-2024-21499).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.errors import GatewayError, StoreFault
from gateway.guard.csrf import check_fetch_metadata, check_form_token, form_token
from gateway.guard.proxies import Proxies, shown
from gateway.guard.rate_limit import prefix_of
from gateway.identity.presented import Head, Reply
from gateway.login.call import Call, Handler, check_navigation, form_of, head_of, one, redirect
from gateway.login.flow import Flow
from gateway.login.logout import Logout
from gateway.login.password_door import PasswordDoor
from gateway.login.selection import Wish
from gateway.login.visitors import Visitors
from gateway.login.way import Client, Way
from gateway.observe.events import Alarm, Emit
from gateway.pages import faults
from gateway.pages.answers import Answers
from gateway.pages.switch import Asked
from gateway.sessions.cookie import Ticket
from gateway.settings.addresses import origin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginDoor:
    """Handlers of the login pages. `form_key` signs the tokens in our forms; `new_id` names decisions."""

    flow: Flow
    logout: Logout
    passwords: PasswordDoor
    visitors: Visitors
    answers: Answers
    proxies: Proxies
    public_url: str
    form_key: bytes = field(repr=False)
    emit: Emit
    new_id: Callable[[], str]

    async def login(self, call: Call) -> Reply:
        """GET /auth/login: straight on to the only provider, or the choice, or a form for name and password."""
        check_navigation(call.head)
        if state := one(call, "attempt"):
            return await self.passwords.confirm(call, state)
        language = self.answers.language(call.head)
        wish = Wish(one(call, "rd"), one(call, "provider"), one(call, "login_hint"), language)
        wished = await self.flow.enter(call.head, wish, call.client, call.decision_id)
        if isinstance(wished, Way):
            return redirect(wished)
        if wished.places:
            return self.passwords.form(call, wished, wish)
        return self.answers.pages(call.head).chooser(
            wished.options, wished.return_to, wished.last_used, wished.user, wished.why
        )

    async def begin(self, call: Call) -> Reply:
        """GET /auth/{provider}."""
        provider = call.path["provider"]
        if provider in self.flow.passwords:
            return redirect(self.passwords.address_of(call, provider))
        if provider not in self.flow.providers:
            return self._not_found(call)
        check_navigation(call.head)
        wish = Wish(one(call, "rd"), language=self.answers.language(call.head))
        return redirect(await self.flow.begin(call.head, provider, wish, call.client, call.decision_id))

    async def callback(self, call: Call) -> Reply:
        """GET /auth/{provider}/callback."""
        provider = call.path["provider"]
        if provider not in self.flow.providers:
            return self._not_found(call)
        way = await self.flow.finish(call.head, provider, call.query, call.client, call.decision_id)
        return redirect(way)

    async def ask_logout(self, call: Call) -> Reply:
        """GET /auth/logout: asks, and changes nothing."""
        ticket = self.visitors.ticket(call.head)
        if ticket is None:
            return redirect(Way(self.logout.signed_out))
        try:
            current = await self.visitors.current(call.head)
        except StoreFault:
            # Nobody can say who it is; to sign out has to be possible all the same.
            return self.answers.pages(call.head).logout("", self._form_token(ticket))
        if current is None:
            return redirect(Way(self.logout.signed_out))
        user = current.session.latest.user
        return self.answers.pages(call.head).logout(user, self._form_token(ticket))

    async def end_session(self, call: Call) -> Reply:
        """POST /auth/logout, sent by our own form."""
        check_fetch_metadata("POST", call.head, origin_of(self.public_url))
        ticket = self.visitors.ticket(call.head)
        if ticket is None:
            # Nothing is cleared: a cookie that SameSite kept away is none of this request's business.
            return redirect(Way(self.logout.signed_out))
        check_form_token(self.form_key, _binding(ticket), call.form.get("token", ""))
        try:
            return redirect(await self.logout.end(call.head))
        except StoreFault:
            # The browser forgets its ticket; that the record lives on, for now or for longer, is said and not hidden.
            deferred = await self.logout.defer(call.head)
            fault = faults.LOGOUT_DEFERRED if deferred else faults.LOGOUT_UNFINISHED
            cookie = (b"set-cookie", self.visitors.no_session_cookie().encode("latin-1"))
            return self.answers.fault(call.head, fault, fault.key, call.decision_id, cookie)

    async def signed_out(self, call: Call) -> Reply:
        """GET /auth/signed-out: the end of a logout. Who is signed in all the same is not told otherwise."""
        current = await self.visitors.current(call.head)
        if current is None:
            return self.answers.pages(call.head).signed_out()
        user = current.session.latest.user
        return self.answers.pages(call.head).still_signed_in(user, self._form_token(current.ticket))

    async def language(self, call: Call) -> Reply:
        """GET /auth/language: a link of the switch; keeps the language in mind, and goes back to the page."""
        check_navigation(call.head)
        asked = Asked(*[one(call, name) for name in Asked._fields])
        return redirect(Way(*self.answers.switch(call.head, asked)))

    async def home(self, call: Call) -> Reply:  # noqa: ARG002 (a handler like the others)
        """GET of the bare address: to the page that says who is signed in."""
        return redirect(Way(self.flow.return_to.fallback))

    async def me(self, call: Call) -> Reply:
        """GET /users/me."""
        current = await self.visitors.current(call.head)
        return self.answers.me(call.head, current.session if current else None, call.decision_id)

    def _form_token(self, ticket: Ticket) -> str:
        return form_token(self.form_key, _binding(ticket), self.visitors.random)

    def _not_found(self, call: Call) -> Reply:
        return self.answers.fault(call.head, faults.NOT_FOUND, "not_found", call.decision_id)

    def read(self, head: Head, query: bytes, body: bytes, path: Mapping[str, str]) -> Call:
        """A request as a value, under an id of its own."""
        address = self.proxies.client(head)
        client = Client(shown(address, head), prefix_of(address))
        return Call(head, query, form_of(head, body), path, client, self.new_id(), body)

    async def answer(self, call: Call, handler: Handler) -> Reply:
        """Run a handler; whatever stops it becomes a page. Nothing that a stranger wrote is repeated."""
        try:
            return await handler(call)
        except GatewayError as error:
            return self.answers.error(call.head, error, call.decision_id)
        except Exception as error:  # noqa: BLE001 - the merge point: a bug of ours must not show itself to strangers
            self.emit(Alarm("internal_error", f"{type(error).__name__}, decision {call.decision_id}"))
            return self.answers.error(call.head, GatewayError(), call.decision_id)


class Endpoint:
    """One path: a handler for each method, 405 with `Allow` for the others.

    HEAD runs the GET handler where that one changes nothing (`reads`). Elsewhere it is answered without one: a link
    checker must neither begin a login nor use one up.
    """

    def __init__(self, door: LoginDoor, handlers: Mapping[str, Handler], *, reads: bool = False) -> None:
        self._door = door
        self._handlers = handlers
        self._reads = reads
        more = {"HEAD"} if "GET" in handlers else set()
        self._allow = ", ".join(sorted({*handlers, *more})).encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = head_of(scope)
        posted = head.method == "POST" and "POST" in self._handlers
        body = await Request(scope, receive).body() if posted else b""
        call = self._door.read(head, scope["query_string"], body, scope["path_params"])
        reply = await self._reply(call)
        await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
        await send({"type": "http.response.body", "body": b"" if head.method == "HEAD" else reply.body})

    async def _reply(self, call: Call) -> Reply:
        method = call.head.method
        if method == "HEAD" and "GET" in self._handlers:
            if not self._reads:
                return Reply(200, ((b"content-length", b"0"), (b"cache-control", b"no-store")))
            method = "GET"
        handler = self._handlers.get(method)
        if handler is None:
            fault, allow = faults.METHOD_NOT_ALLOWED, (b"allow", self._allow)
            return self._door.answers.fault(call.head, fault, fault.key, call.decision_id, allow)
        return await self._door.answer(call, handler)


def home_route(door: LoginDoor, path: str) -> Route:
    """The bare address of the gateway, which people type."""
    return Route(path, Endpoint(door, {"GET": door.home}, reads=True))


def login_routes(door: LoginDoor) -> list[Route]:
    """The routes of the login, to be mounted under the path of `public_url`."""

    async def static(call: Call) -> Reply:
        found = door.answers.files.get(call.path["name"])
        return found or door.answers.fault(call.head, faults.NOT_FOUND, "not_found", call.decision_id)

    signs_in: dict[str, Handler] = {"GET": door.login}
    if door.flow.passwords:
        signs_in["POST"] = door.passwords.sign_in
    return [
        home_route(door, "/"),
        Route("/auth/login", Endpoint(door, signs_in)),
        Route("/auth/language", Endpoint(door, {"GET": door.language})),
        Route("/auth/logout", Endpoint(door, {"GET": door.ask_logout, "POST": door.end_session}, reads=True)),
        Route("/auth/signed-out", Endpoint(door, {"GET": door.signed_out}, reads=True)),
        Route("/auth/static/{name}", Endpoint(door, {"GET": static}, reads=True)),
        Route("/auth/{provider}", Endpoint(door, {"GET": door.begin})),
        Route("/auth/{provider}/callback", Endpoint(door, {"GET": door.callback})),
        Route("/users/me", Endpoint(door, {"GET": door.me}, reads=True)),
    ]


def _binding(ticket: Ticket) -> bytes:
    """What a form token belongs to: the session, by a secret that only its browser holds."""
    return b"logout" + ticket.secret
