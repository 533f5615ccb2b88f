"""The wiring: settings in, an application with its listeners out. It reads as a table of contents.

Ground   settings, keys, time and chance, events, the store: what everything stands on
People   providers, sessions, refresh: who somebody is
Law      hosts, rules, policies, trusted proxies: who may pass where
Paper    pages and other answers
──────   three listeners over them
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp

from gateway.forward_auth.assertions import Assertions
from gateway.forward_auth.check import Check
from gateway.forward_auth.contracts.auth_request import AuthRequest
from gateway.forward_auth.contracts.forward_auth import ForwardAuth
from gateway.forward_auth.endpoint import Verify, verify_routes
from gateway.forward_auth.nginx_login import AuthRequestLogin
from gateway.guard.middleware import NothingHere, RequestLimits
from gateway.guard.proxies import Proxies
from gateway.guard.rate_limit import RateLimit
from gateway.identity.headers import IdentityHeaders
from gateway.keys.jwks import public_jwks
from gateway.keys.keyring import Keyring
from gateway.keys.seal import Sealer
from gateway.login.attempts import Attempts
from gateway.login.flow import Flow
from gateway.login.logout import Logout
from gateway.login.recent_logout import RecentLogout
from gateway.login.return_to import ReturnTo
from gateway.login.routes import LoginDoor, login_routes
from gateway.login.visitors import Visitors
from gateway.observe.events import Emit
from gateway.observe.watch import watch
from gateway.pages.answers import Answers
from gateway.pages.catalogue import Catalogue
from gateway.pages.render import Pages
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rules, compile_policies
from gateway.policy.way_back import WayBack
from gateway.providers.catalog import Catalog, ca_files
from gateway.providers.provider import EndsSession
from gateway.providers.transport import Transport
from gateway.serve.dispatch import Document, PublicListener, VerifyListener
from gateway.serve.health import Health, metrics_endpoint
from gateway.serve.listeners import Listener
from gateway.sessions.cookie import Ticket, attempt_cookie, session_cookie
from gateway.sessions.lease import Leases
from gateway.sessions.refresher import Refresher
from gateway.sessions.session import Session
from gateway.sessions.sessions import Sessions
from gateway.settings.addresses import origin_of
from gateway.settings.model import Settings
from gateway.storage.opened import open_store
from gateway.storage.store import Store

PATIENCE = 6.0
"""Seconds that a stop waits for a refresh in the air: a token that the provider has rotated must be written down."""


@dataclass(frozen=True, slots=True)
class Chance:
    """Time and randomness of the process, handed to whatever needs them."""

    clock: Callable[[], float]
    random: Callable[[int], bytes] = field(repr=False)
    timer: Callable[[], float] = time.perf_counter


@dataclass(frozen=True, slots=True)
class Ground:
    """What everything stands on. `public_url` has no slash at its end; `new_id` names decisions."""

    settings: Settings
    ring: Keyring
    chance: Chance
    public_url: str
    emit: Emit
    store: Store
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class People:
    """Who somebody is."""

    transport: Transport
    catalog: Catalog
    sessions: Sessions
    refresher: Refresher
    visitors: Visitors

    async def session_of(self, ticket: Ticket) -> Session | None:
        """The live session of a ticket, its tokens fresh."""
        session = await self.sessions.open(ticket)
        return await self.refresher.ensure(ticket, session) if session else None


@dataclass(frozen=True, slots=True)
class Law:
    """Who may pass where."""

    hosts: Hosts
    rules: Rules
    policies: dict[str, Rules]
    way_back: WayBack


@dataclass(frozen=True, slots=True)
class Paper:
    """What people and programs are told."""

    pages: Pages
    answers: Answers


class Application:
    """One gateway, wired: its listeners, and the order in which it is taken down."""

    def __init__(self, settings: Settings, ring: Keyring, chance: Chance) -> None:
        self._watch = watch(settings, chance.clock)
        self.log, emit = self._watch.log, self._watch.emit
        ground = Ground(
            settings=settings,
            ring=ring,
            chance=chance,
            public_url=settings.public_url.rstrip("/"),
            emit=emit,
            store=open_store(settings.store.get_secret_value(), ring.deployment, chance.clock, emit),
            new_id=decision_ids(chance.random),
        )
        self._store = ground.store
        self.health = Health(ground.store)
        self._people = _people(ground)
        law, paper = _law(ground), _paper(ground, self._people.catalog)
        verify = _verify(ground, self._people, law, paper, self.health)
        public = _public(ground, self._people, law, paper)
        self.listeners = self._listeners(settings, verify, public)

    def _listeners(self, settings: Settings, verify: ASGIApp, pages: ASGIApp) -> tuple[Listener, ...]:
        server = settings.server
        health = self.health.endpoint(detail=False)
        operator = metrics_endpoint(self._watch.metrics.render, self.health.endpoint(detail=True))
        always = Listener("metrics_bind", server.metrics_bind, operator)
        if server.verify_bind == "same":
            return Listener("bind", server.bind, PublicListener(pages, health, verify)), always
        return (
            Listener("bind", server.bind, PublicListener(pages, health, None)),
            Listener("verify_bind", server.verify_bind, verify),
            always,
        )

    async def close(self) -> None:
        """Land what is in the air, then let go of the network, the store and the log, in that order."""
        await self._people.refresher.close(PATIENCE)
        await self._people.transport.close()
        await self._store.close()
        self._watch.close()


def _people(ground: Ground) -> People:
    settings, chance, emit = ground.settings, ground.chance, ground.emit
    transport = Transport(clock=chance.clock, ca_files=ca_files(settings.providers))
    catalog = Catalog(settings.providers, transport)
    cookie = session_cookie(settings)
    sessions = Sessions(
        ground.store,
        ground.ring,
        cookie,
        settings.sessions,
        ground.ring.deployment,
        emit,
        chance.clock,
        chance.random,
        {provider.name: provider.issuer for provider in catalog},
        catalog.admits,
    )
    leases = Leases(ground.store, chance.clock, chance.random)
    refresher = Refresher(sessions, leases, catalog, settings.sessions, emit, chance.clock)
    visitors = Visitors(sessions, ground.ring, cookie, attempt_cookie(settings), chance.clock, chance.random)
    return People(transport, catalog, sessions, refresher, visitors)


def _law(ground: Ground) -> Law:
    settings = ground.settings
    hosts, rules = Hosts.of(settings.hosts), Rules.of(settings.rules)
    way_back = WayBack(hosts, rules, frozenset(settings.providers))
    return Law(hosts, rules, compile_policies(settings.policies), way_back)


def _paper(ground: Ground, catalog: Catalog) -> Paper:
    catalogue = Catalogue.load()
    # A logout form may end at a provider; browsers hold the redirect against `form-action` too.
    targets = sorted({origin_of(provider.issuer) for provider in catalog})
    pages = Pages(ground.settings.pages, catalogue, ground.public_url, targets)
    return Paper(pages, Answers(pages, catalogue, https=ground.public_url.startswith("https:")))


def _check(ground: Ground, people: People, law: Law) -> Check:
    settings, clock = ground.settings, ground.chance.clock
    cookie = session_cookie(settings)
    return Check(
        hosts=law.hosts,
        rules=law.rules,
        policies=law.policies,
        ring=ground.ring,
        session_cookie=cookie,
        own_cookies=(cookie.name, attempt_cookie(settings).name),
        read_session=people.session_of,
        asserts=Assertions(
            ground.ring, ground.public_url, settings.assertion.lifetime, settings.sessions.idle, clock
        ),
        headers=IdentityHeaders.of(settings.headers, ground.emit),
        providers=frozenset(settings.providers),
        idle=settings.sessions.idle,
        login_address=f"{ground.public_url}/auth/login",
        clock=clock,
    )


def _verify(ground: Ground, people: People, law: Law, paper: Paper, health: Health) -> ASGIApp:
    check, page, server = _check(ground, people, law), paper.pages.forbidden, ground.settings.server
    proxies = Proxies.at(server, server.bind if server.verify_bind == "same" else server.verify_bind)
    table = verify_routes((ForwardAuth(page), AuthRequest()), law.policies)
    return VerifyListener(
        Verify(check, proxies, table, ground.emit, ground.new_id, ground.chance.timer),
        AuthRequestLogin(check, proxies, page, ground.new_id),
        health.endpoint(detail=False),
    )


def _flow(ground: Ground, people: People, law: Law) -> Flow:
    settings, chance, store = ground.settings, ground.chance, ground.store
    return Flow(
        providers=people.catalog.redirects,
        admits=people.catalog.admits,
        attempts=Attempts(store, Sealer(ground.ring, "attempt", chance.random), settings.login, chance.clock),
        visitors=people.visitors,
        return_to=ReturnTo.of(settings),
        loops=RateLimit(store, "login-loop", 4, 60.0, chance.clock),
        recent_logout=RecentLogout(store),
        run=people.catalog.run,
        satisfied=lambda address, session: law.way_back.satisfied(
            address, session.identities if session else ()
        ),
        wanted=law.way_back.wanted,
        emit=ground.emit,
        clock=chance.clock,
        random=chance.random,
        sleep=asyncio.sleep,
    )


def _login(ground: Ground, people: People, law: Law, paper: Paper) -> LoginDoor:
    logout = Logout(
        providers={one.name: one for one in people.catalog if isinstance(one, EndsSession)},
        visitors=people.visitors,
        recent_logout=RecentLogout(ground.store),
        run=people.catalog.run,
        public_url=ground.public_url,
    )
    return LoginDoor(
        flow=_flow(ground, people, law),
        logout=logout,
        visitors=people.visitors,
        answers=paper.answers,
        proxies=Proxies.at(ground.settings.server, ground.settings.server.bind),
        public_url=ground.public_url,
        form_key=ground.ring.derive("form-token/v1"),
        emit=ground.emit,
        new_id=ground.new_id,
    )


def _public(ground: Ground, people: People, law: Law, paper: Paper) -> ASGIApp:
    base = urlsplit(ground.public_url).path
    jwks = Route("/.well-known/jwks.json", Document(public_jwks(ground.ring)))
    table = [*login_routes(_login(ground, people, law, paper)), jwks]
    nothing = NothingHere(paper.answers, ground.new_id)
    # By itself a router sends `/auth/login/` to `/auth/login` on whatever host the request names (CVE-2024-21498).
    ours = Router(table, redirect_slashes=False, default=nothing)
    pages = Starlette(routes=[Mount(base, app=ours), Mount("/", app=nothing)])
    return RequestLimits(pages, paper.answers, ground.new_id)


def decision_ids(random: Callable[[int], bytes]) -> Callable[[], str]:
    """Ids that are short, unique over restarts and replicas, and cost one addition."""
    process, numbers = random(5).hex(), itertools.count(1)
    return lambda: f"{process}-{next(numbers):x}"
