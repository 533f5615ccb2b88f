"""The verify listener as it is wired, over the dict store, with a movable clock and randomness that can be foretold.

One attack runs in every contract: `ask` writes the header family that the proxy of that contract would write, and
puts the attacker's lines behind it, as proxies do that pass on what a client sent.

    house = await open_house()
    answer = await house.ask("auth-request", "/admin", who="alice", headers=[(b"x-auth-user", b"root")])

Every answer is held against what no answer may ever be, see `assert_sound`.
"""

import itertools
from collections.abc import Collection, Iterable
from typing import Any

import httpx
from starlette.types import ASGIApp

from gateway.forward_auth import endpoint
from gateway.forward_auth.assertions import Assertions
from gateway.forward_auth.check import Check
from gateway.forward_auth.contracts.auth_request import AuthRequest
from gateway.forward_auth.contracts.forward_auth import ForwardAuth
from gateway.forward_auth.endpoint import Verify
from gateway.forward_auth.nginx_login import AuthRequestLogin
from gateway.forward_auth.places import Places
from gateway.forward_auth.verdicts import Verdicts
from gateway.guard.proxies import Proxies
from gateway.identity.headers import IdentityHeaders
from gateway.identity.identity import Identity
from gateway.identity.presented import Head, Reply
from gateway.keys.keyring import Keyring
from gateway.observe.events import Alarm, DecisionMade
from gateway.pages.editions import Editions
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rules, compile_policies
from gateway.serve.dispatch import VerifyListener
from gateway.serve.health import Health
from gateway.sessions.cookie import Ticket, attempt_cookie, session_cookie
from gateway.sessions.hand_through import Ensure, HandThrough
from gateway.sessions.presented_tickets import PresentedTickets
from gateway.sessions.reader import Reader
from gateway.sessions.session import Grant, Session
from gateway.sessions.sessions import Begun, Sessions
from gateway.settings.hand_through import kept_tokens, passed_tokens
from gateway.settings.model import Settings
from tests.kit.clock import Clock
from tests.kit.memory_bus import MemoryBus
from tests.kit.memory_store import MemoryStore
from tests.kit.people import ISSUERS, person
from tests.kit.randomness import Randomness

Lines = Iterable[tuple[bytes, bytes]]

CONTRACTS = ("forward-auth", "auth-request")
PEOPLE = ("nobody", "alice", "admin")
"""Without a cookie; with a session that may enter `app` and no more; with one that may enter everything."""

APP, AUTH = "app.example.com", "https://auth.example.com"
PROXY, CLIENT, STRANGER = "192.0.2.1", "198.51.100.7", "203.0.113.66"
OFFICE = "10.20.30.40"

WRITTEN: dict[str, Any] = {
    "public_url": AUTH,
    "hosts": [f"https://{APP}", "https://wiki.example.com", "https://*.apps.example.com"],
    "sessions": {"cookie_domain": "example.com"},
    "server": {"trusted_proxies": [f"{PROXY}/32", "192.0.2.16/28"]},
    "providers": {"corp": {"issuer": ISSUERS["corp"], "client_id": "gateway", "anyone": True}},
    "rules": [
        {"name": "wiki", "hosts": ["wiki.example.com"], "allow": {"groups": ["admins"]}},
        {"name": "public", "paths": ["/public/**", "/health"], "allow": "public"},
        {"name": "welcome", "paths": ["/welcome/**"], "allow": "optional"},
        {"name": "office", "paths": ["/office/**"], "networks": ["10.0.0.0/8"], "allow": "public"},
        {"name": "docs", "paths": ["/docs/**"], "methods": ["GET"], "allow": "public"},
        {"name": "status", "paths": ["regex:/api/.*/status"], "allow": "public"},
        {"name": "admin", "paths": ["/admin/**", "/office/**"], "allow": {"groups": ["admins"]}},
        {"name": "rest", "allow": "authenticated"},
    ],
    "policies": {"billing": {"rules": [{"name": "billing", "allow": {"groups": ["admins"]}}]}},
}

IDENTITIES = {
    "alice": person("a-1", user="alice", name="Alice Example", email="alice@example.com", groups=("staff",)),
    "admin": person("r-1", user="root", name="Root Example", email="root@example.com", groups=("admins",)),
}


class VerifyHouse:
    """The listener `app`, a handle on each part, and what has been emitted."""

    def __init__(self, **changes: Any) -> None:
        self.settings = Settings.model_validate({**WRITTEN, **changes})
        self.clock, self.random = Clock(), Randomness()
        self.store = MemoryStore(self.clock)
        self.bus = MemoryBus()
        self.events: list[Any] = []
        self.ring = Keyring.generate(self.random, self.clock())
        self.cookie_spec, self.browser_spec = session_cookie(self.settings), attempt_cookie(self.settings)
        self.sessions = Sessions(
            self.store, self.ring, self.cookie_spec, self.settings.sessions, self.ring.deployment,
            self.events.append, self.clock, self.random,
            {name: section.home for name, section in self.settings.providers.items()}, bus=self.bus,
        )  # fmt: skip
        self.begun: dict[str, Begun] = {}
        self._wire()

    def _wire(self) -> None:
        settings, numbers = self.settings, itertools.count(1)
        pages = Editions(settings)
        hidden = settings.server.verify_secret
        secret = hidden.get_secret_value() if hidden else None
        self.proxies = Proxies.of(settings.server.trusted_proxies, secret, unix_trusted=True)
        self.identity_headers = IdentityHeaders.of(
            settings.headers, self.events.append, passed_tokens(settings)
        )
        self.check = self._check()
        self.routes = endpoint.verify_routes((ForwardAuth(pages.forbidden), AuthRequest()), settings.policies)
        self.verify = Verify(
            self.check, self.proxies, self.routes, self.events.append, lambda: f"d-{next(numbers)}", self.clock,
        )  # fmt: skip
        login = AuthRequestLogin(self.check, self.proxies, pages.forbidden, lambda: f"l-{next(numbers)}")
        self.app = VerifyListener(self.verify, login, Health(self.store).endpoint(detail=False))

    def _check(self) -> Check:
        settings = self.settings
        rules = Rules.of(settings.rules, case_sensitive=settings.case_sensitive_paths)
        own = (self.cookie_spec.name, self.browser_spec.name)
        providers = frozenset(settings.providers)
        asserts = Assertions(self.ring, AUTH, settings.assertion.lifetime, settings.sessions.idle, self.clock)
        return Check(
            places=Places(Hosts.of(settings.hosts), rules, compile_policies(settings.policies)),
            tickets=PresentedTickets(self.ring, self.cookie_spec, own),
            reader=self.reader(),
            verdicts=Verdicts(asserts, self.identity_headers, providers, settings.sessions.idle, self.clock),
            providers=providers,
            login_address=f"{AUTH}/auth/login",
            clock=self.clock,
        )

    def reader(self, **limits: Any) -> Reader:
        """What the check asks: the store, and a memory of its own."""

        async def fresh(ticket: Ticket, session: Session, waited: float = 0.0) -> Session:
            return session

        sessions = self.settings.sessions.model_copy(update=limits)
        return Reader(
            self.sessions.open, fresh, self.hand_through(fresh), self.sessions.touch_every, self.bus, sessions,
            self.events.append, self.clock, self.clock,
        )  # fmt: skip

    def hand_through(self, fresh: Ensure) -> HandThrough:
        """What opens sessions with their tokens; nobody refreshes them here."""
        kept = kept_tokens(self.settings)
        return HandThrough(self.sessions.open_with_grants, fresh, lambda _, __: None, kept)

    async def sign_in(self, who: str, identity: Identity | None = None, grant: Grant | None = None) -> str:
        """Begin a session as a login would; `name=value` for a Cookie line, which `who=` sends from now on."""
        self.begun[who] = await self.sessions.begin(identity or IDENTITIES[who], grant)
        return self.cookie(who)

    def cookie(self, who: str) -> str:
        return f"{self.cookie_spec.name}={self.begun[who].cookie}"

    async def ask(
        self,
        contract: str,
        uri: str | bytes,
        *,
        method: str | bytes = "GET",
        host: str | bytes = APP,
        headers: Lines = (),
        who: str = "nobody",
        peer: str = PROXY,
        policy: str = "",
        query: str = "",
        wire_method: str = "GET",
        left_out: Collection[bytes] = (),
    ) -> Reply:
        """One check as this contract's proxy sends it, with the attacker's `headers` behind the proxy's own.

        `query` is what a proxy appends to the verify address, `wire_method` the method of the check itself, and
        `left_out` names lines that the proxy did not write.
        """
        written = family(contract, as_bytes(method), as_bytes(host), as_bytes(uri))
        lines = [line for line in written if line[0] not in left_out]
        if who != "nobody":
            lines.append((b"cookie", self.cookie(who).encode()))
        path = f"/verify/policy/{policy}/{contract}" if policy else f"/verify/{contract}"
        return await self.send(path, [*lines, *headers], method=wire_method, peer=peer, query=query)

    async def send(
        self, path: str, lines: Lines, *, method: str = "GET", peer: str = PROXY, query: str = ""
    ) -> Reply:
        """One request to the listener, these header lines and no others."""
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": list(lines),
            "client": (peer, 4711) if peer else None,
        }
        start, *rest = await exchange(self.app, scope)
        body = b"".join([message["body"] for message in rest])
        reply = Reply(start["status"], tuple(start["headers"]), body)
        if path.startswith("/verify/"):
            self.assert_sound(reply)
        return reply

    async def answer(self, contract: str, head: Head) -> Reply:
        """The same through the plain function, without ASGI."""
        answered = self.verify.answer(head, self.routes[f"/verify/{contract}".encode()])
        reply = answered if isinstance(answered, Reply) else await answered
        self.assert_sound(reply)
        return reply

    def client(self, peer: str = PROXY) -> httpx.AsyncClient:
        """An HTTP client in front of the listener, calling from `peer`."""
        transport = httpx.ASGITransport(self.app, client=(peer, 4711))
        return httpx.AsyncClient(transport=transport, base_url="http://verify")

    @property
    def decision(self) -> DecisionMade:
        """The newest decision that was told."""
        return [event for event in self.events if isinstance(event, DecisionMade)][-1]

    @property
    def alarms(self) -> list[Alarm]:
        return [event for event in self.events if isinstance(event, Alarm)]

    def assert_sound(self, reply: Reply) -> None:
        """What holds of every answer of a verify endpoint, whatever was asked and whoever asked.

        A yes is exactly 200, empty, not to be kept, with each identity header once and no cookie set; anything else
        carries no identity at all. No bug of ours stands behind it: an outage is one of the store, told by the test, or of
        a provider whose token is to be handed through.
        """
        names = [name for name, _ in reply.headers]
        assert reply.status in {200, 303, 400, 401, 403, 404, 429, 503}, reply
        assert b"set-cookie" not in names
        assert (b"cache-control", b"no-store") in reply.headers
        assert not any(byte in value for _, value in reply.headers for byte in b"\r\n\x00")
        assert not self.alarms, self.alarms
        waits = reply.status == 503 and self.decision.reason == "provider_unavailable"
        assert reply.status != 503 or waits or self.store.down, "a fault without an outage"
        for name in self.identity_headers.names:
            expected = 1 if reply.status == 200 else 0
            assert names.count(name.lower().encode()) == expected, (name, reply)
        if reply.status == 200:
            assert value_of(reply, b"content-length") == b"0"
            assert reply.body == b""


async def exchange(app: ASGIApp, scope: dict[str, Any]) -> list[Any]:
    """What an application sends back to a request whose body nobody may wait for."""
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("a check waits for no body")

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def open_house(**changes: Any) -> VerifyHouse:
    """A house with `alice` and `admin` signed in."""
    house = VerifyHouse(**changes)
    for who in IDENTITIES:
        await house.sign_in(who)
    return house


def family(contract: str, method: bytes, host: bytes, uri: bytes) -> list[tuple[bytes, bytes]]:
    """The lines that the proxy of a contract writes, and no other contract reads."""
    client = (b"x-forwarded-for", CLIENT.encode())
    if contract == "auth-request":
        return [(b"x-original-method", method), (b"x-original-url", b"https://" + host + uri), client]
    return [
        (b"x-forwarded-method", method),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", host),
        (b"x-forwarded-uri", uri),
        client,
    ]


def value_of(reply: Reply, name: bytes) -> bytes:
    """The one value of a header; "" where it is not there."""
    values = [value for key, value in reply.headers if key == name]
    assert len(values) < 2, (name, values)
    return values[0] if values else b""


def essence(reply: Reply) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Everything of an answer that a client can tell two answers by: all but its id, and the cookies it sent."""
    own = {b"x-gateway-decision-id", b"content-length", b"cookie"}
    lines = [line for line in reply.headers if line[0] not in own]
    return reply.status, lines, reply.body.rpartition(b'"decision_id"')[0]


async def assert_nobody(house: VerifyHouse, contract: str, *cookie_lines: str | bytes) -> None:
    """These `Cookie` lines are nobody: answered as no cookie is, at a protected, a forbidden and an optional place."""
    lines = [line if isinstance(line, bytes) else line.encode("latin-1") for line in cookie_lines]
    for uri in ("/x", "/admin/x", "/welcome/x"):
        clean = await house.ask(contract, uri)
        answer = await house.ask(contract, uri, headers=[(b"cookie", line) for line in lines])
        assert essence(answer) == essence(clean), (uri, lines)
        assert answer.status == (200 if uri == "/welcome/x" else 401)
        assert value_of(answer, b"x-auth-user") == b""


def as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def refused(contract: str) -> int:
    """The status of a request that was not judged, in this contract."""
    return {"forward-auth": 400, "auth-request": 403}[contract]
