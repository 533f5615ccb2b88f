"""The wiring: settings in, an application with three listeners out. It reads as a table of contents."""

import asyncio
import hashlib
import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from gateway.forward_auth import endpoint
from gateway.forward_auth.assertions import Assertions
from gateway.forward_auth.check import Check
from gateway.forward_auth.contracts.auth_request import AuthRequest
from gateway.forward_auth.contracts.forward_auth import ForwardAuth
from gateway.forward_auth.endpoint import Verify
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
from gateway.login.routes import LoginDoor
from gateway.login.routes import routes as login_routes
from gateway.login.visitors import Visitors
from gateway.observe.events import Emit
from gateway.observe.log import Log
from gateway.observe.metrics import Metrics
from gateway.observe.subscribers import Events, Queued
from gateway.pages.answers import Answers
from gateway.pages.catalogue import Catalogue
from gateway.pages.render import Pages
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rules, compile_policies
from gateway.policy.way_back import WayBack
from gateway.providers.catalog import Catalog, ca_files
from gateway.providers.provider import EndsSession, Redirects
from gateway.providers.transport import Transport
from gateway.serve.dispatch import Document, PublicListener, VerifyListener
from gateway.serve.health import Health, metrics_endpoint
from gateway.serve.listeners import Listener
from gateway.sessions.cookie import Ticket, attempt_cookie, session_cookie
from gateway.sessions.refresher import Refresher
from gateway.sessions.session import Session
from gateway.sessions.sessions import Sessions
from gateway.sessions.single_flight import SingleFlight
from gateway.settings.model import Settings
from gateway.storage.opened import open_store
from gateway.storage.store import Store

PATIENCE = 6.0
"""Seconds that a stop waits for a refresh in the air: a token that the provider has rotated must be written down."""


@dataclass(frozen=True, slots=True)
class Chance:
    """Time and randomness of the process, handed to whatever needs them."""

    clock: Callable[[], float]
    random: Callable[[int], bytes]
    timer: Callable[[], float] = time.perf_counter


class Application:
    """One gateway, wired: its listeners, and the order in which it is taken down."""

    def __init__(self, settings: Settings, ring: Keyring, chance: Chance) -> None:
        self.settings = settings
        self._ring = ring
        self._chance = chance
        self._public_url = settings.public_url.rstrip("/")
        self._new_id = decision_ids(chance.random)
        self.emit = self._observe()
        self.store = self._open_store()
        self.health = Health(self.store)
        self._providers()
        self._session_services()
        self._policy()
        self._page_renderer()
        self.listeners = self._listeners()

    # -- edges -----------------------------------------------------------------------------------------------------

    def _observe(self) -> Emit:
        settings = self.settings
        self.metrics = Metrics(
            providers=settings.providers,
            version=version("auth-gateway"),
            config_hash=config_hash(settings),
            started=self._chance.clock(),
        )
        self.log = Log(settings.log, sys.stderr, self._chance.clock)
        self._quiet = self.log.adopt_stdlib()
        self._queue = Queued(self.log, wants=self.log.wants, overflow=self.metrics)
        return Events(self.metrics, self._queue)

    def _open_store(self) -> Store:
        url = self.settings.store.get_secret_value()
        return open_store(url, self._ring.deployment, self._chance.clock, self.emit)

    def _providers(self) -> None:
        sections = self.settings.providers
        self._transport = Transport(clock=self._chance.clock, ca_files=ca_files(sections))
        self._catalog = Catalog(sections, self._transport)
        self._names = frozenset(sections)

    # -- services --------------------------------------------------------------------------------------------------

    def _session_services(self) -> None:
        settings, chance = self.settings, self._chance
        self._session_cookie, self._browser_cookie = session_cookie(settings), attempt_cookie(settings)
        self._sessions = Sessions(
            self.store,
            self._ring,
            self._session_cookie,
            settings.sessions,
            self._ring.deployment,
            self.emit,
            chance.clock,
            chance.random,
            {provider.name: provider.issuer for provider in self._catalog},
        )
        self._flights: SingleFlight[Session | None] = SingleFlight()
        self._refresher = Refresher(
            self._sessions, self._catalog, self._flights, settings.sessions, self.emit, chance.clock
        )
        self._visitors = Visitors(
            self._sessions,
            self._ring,
            self._session_cookie,
            self._browser_cookie,
            chance.clock,
            chance.random,
        )

    def _policy(self) -> None:
        self._hosts = Hosts.of(self.settings.hosts)
        self._rules = Rules.of(self.settings.rules)
        self._way_back = WayBack(self._hosts, self._rules, self._names)
        self._proxies = self._trusted()

    def _trusted(self) -> Proxies:
        server = self.settings.server
        secret = server.verify_secret.get_secret_value() if server.verify_secret else None
        return Proxies.of(server.trusted_proxies, secret, unix_trusted=True)

    async def _read_session(self, ticket: Ticket) -> Session | None:
        session = await self._sessions.open(ticket)
        return await self._refresher.ensure(ticket, session) if session else None

    # -- doors -----------------------------------------------------------------------------------------------------

    def _page_renderer(self) -> None:
        own = urlsplit(self._public_url)
        catalogue = Catalogue.load()
        targets = sorted({origin_of(provider.issuer) for provider in self._catalog})
        self._pages = Pages(self.settings.pages, catalogue, self._public_url, targets)
        self._answers = Answers(self._pages, catalogue, https=own.scheme == "https")

    def _check(self) -> Check:
        settings, chance = self.settings, self._chance
        return Check(
            hosts=self._hosts,
            rules=self._rules,
            policies=compile_policies(settings.policies),
            ring=self._ring,
            session_cookie=self._session_cookie,
            own_cookies=(self._session_cookie.name, self._browser_cookie.name),
            read_session=self._read_session,
            asserts=Assertions(
                self._ring,
                self._public_url,
                settings.assertion.lifetime,
                settings.sessions.idle,
                chance.clock,
            ),
            headers=IdentityHeaders.of(settings.headers, self.emit),
            providers=self._names,
            idle=settings.sessions.idle,
            login_address=f"{self._public_url}/auth/login",
            clock=chance.clock,
        )

    def _verify_listener(self) -> ASGIApp:
        check, page = self._check(), self._pages.forbidden
        table = endpoint.routes((ForwardAuth(page), AuthRequest()), self.settings.policies)
        return VerifyListener(
            Verify(check, self._proxies, table, self.emit, self._new_id, self._chance.timer),
            AuthRequestLogin(check, self._proxies, page, self._new_id),
            self.health.endpoint(detail=False),
        )

    def _flow(self) -> Flow:
        settings, chance = self.settings, self._chance
        return Flow(
            providers=self._redirecting(),
            admits=self._catalog.admits,
            attempts=Attempts(
                self.store, Sealer(self._ring, "attempt", chance.random), settings.login, chance.clock
            ),
            visitors=self._visitors,
            return_to=ReturnTo.of(settings),
            loops=RateLimit(self.store, "login-loop", 4, 60.0, chance.clock),
            recent_logout=RecentLogout(self.store),
            run=self._catalog.run,
            satisfied=lambda address, session: self._way_back.satisfied(
                address, session.identities if session else ()
            ),
            wanted=self._way_back.wanted,
            emit=self.emit,
            clock=chance.clock,
            random=chance.random,
            sleep=asyncio.sleep,
        )

    def _redirecting(self) -> dict[str, Redirects]:
        return {provider.name: provider for provider in self._catalog if isinstance(provider, Redirects)}

    def _login_door(self) -> LoginDoor:
        ending = {p.name: p for p in self._catalog if isinstance(p, EndsSession)}
        logout = Logout(
            providers=ending,
            visitors=self._visitors,
            recent_logout=RecentLogout(self.store),
            run=self._catalog.run,
            public_url=self._public_url,
        )
        return LoginDoor(
            flow=self._flow(),
            logout=logout,
            visitors=self._visitors,
            answers=self._answers,
            proxies=self._proxies,
            public_url=self._public_url,
            form_key=self._ring.derive("form-token/v1"),
            emit=self.emit,
            new_id=self._new_id,
        )

    def _public_listener(self, verify: ASGIApp | None) -> ASGIApp:
        base = urlsplit(self._public_url).path
        jwks = Document(public_jwks(self._ring))
        table = [*login_routes(self._login_door()), Route("/.well-known/jwks.json", jwks)]
        nothing = Mount("/", app=NothingHere(self._answers, self._new_id))
        pages = Starlette(routes=[*([Mount(base, routes=table)] if base else table), nothing])
        limited = RequestLimits(pages, self._answers, self._new_id)
        return PublicListener(limited, self.health.endpoint(detail=False), verify)

    def _listeners(self) -> tuple[Listener, ...]:
        server = self.settings.server
        verify = self._verify_listener()
        operator = metrics_endpoint(self.metrics.render, self.health.endpoint(detail=True))
        if server.verify_bind == "same":
            public = Listener("bind", server.bind, self._public_listener(verify))
            return public, Listener("metrics_bind", server.metrics_bind, operator)
        return (
            Listener("bind", server.bind, self._public_listener(None)),
            Listener("verify_bind", server.verify_bind, verify),
            Listener("metrics_bind", server.metrics_bind, operator),
        )

    async def close(self) -> None:
        """Land what is in the air, then let go of the network, the store and the log, in that order."""
        await self._flights.close(PATIENCE)
        await self._transport.close()
        await self.store.close()
        self._queue.close()
        self._quiet()


def origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def decision_ids(random: Callable[[int], bytes]) -> Callable[[], str]:
    """Ids that are short, unique over restarts and replicas, and cost one addition."""
    process = random(5).hex()
    numbers = itertools.count(1)
    return lambda: f"{process}-{next(numbers):x}"


def config_hash(settings: Settings) -> str:
    """A short digest of the settings, so that two replicas can be seen to run the same; secrets do not enter it."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:12]
