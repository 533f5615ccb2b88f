"""The wiring: settings in, an application with its listeners out. It reads as a table of contents.

The parts (ground, people, law, paper) are made in `wiring.py`; here stand the doors over them (the login's and that of
the tokens in `login_wiring.py` and `token_wiring.py`), and three listeners over the doors.
"""

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
from gateway.forward_auth.places import Places
from gateway.forward_auth.verdicts import Verdicts
from gateway.guard.middleware import NothingHere, RequestLimits
from gateway.guard.proxies import Proxies
from gateway.identity.headers import IdentityHeaders
from gateway.keys.jwks import public_jwks
from gateway.keys.keyring import Keyring
from gateway.login.giving_back import GivingBack
from gateway.login.provider_logout import provider_logout_routes
from gateway.login.routes import home_route, login_routes
from gateway.login.token_door import token_routes
from gateway.login_wiring import channels_of, giving_back_of, login_door
from gateway.observe.watch import watch
from gateway.serve.dispatch import Document, PublicListener, VerifyListener
from gateway.serve.health import Health, metrics_endpoint
from gateway.serve.listeners import Listener
from gateway.serve.quick import is_tested
from gateway.sessions.cookie import own_cookies, session_cookie
from gateway.sessions.presented_tickets import PresentedTickets
from gateway.settings.credentials import takes_authorization
from gateway.settings.hand_through import passed_tokens
from gateway.settings.model import Settings
from gateway.token_wiring import bearer_of, token_door
from gateway.wiring import Chance, Ground, Law, Paper, People, ground_of, law_of, paper_of, people_of

__all__ = ["Application", "Chance"]

PATIENCE = 6.0
"""Seconds that a stop waits for a refresh in the air: a token that the provider has rotated must be written down."""
LAST_TRY = 1.0
"""Seconds that a stop spends on logouts that the store would not take."""
LAST_REVOCATIONS = 2.0
"""Seconds that a stop waits for tokens on their way back: what is left ends by its own time."""


class Application:
    """One gateway, wired: its listeners, and the order in which it is taken down."""

    def __init__(self, settings: Settings, ring: Keyring, chance: Chance) -> None:
        self._watch = watch(settings, chance.clock)
        self.log, self.metrics, emit = self._watch.log, self._watch.metrics, self._watch.emit
        ground = ground_of(settings, ring, chance, emit, self._watch.decided)
        self._store, self._bus = ground.store, ground.bus
        self.health = Health(ground.store, ground.store.trouble)
        self._people = people_of(ground)
        law, paper = law_of(settings), paper_of(ground, self._people.catalog)
        verify = _verify(ground, self._people, law, paper, self.health)
        self._giving_back = giving_back_of(ground, self._people)
        public = _public(ground, self._people, paper, self._giving_back)
        self.listeners = self._listeners(settings, verify, public)

    def _listeners(self, settings: Settings, verify: VerifyListener, pages: ASGIApp) -> tuple[Listener, ...]:
        server = settings.server
        answer = verify.verify.answer_at if server.quick and is_tested() else None
        health = self.health.endpoint(detail=False)
        operator = metrics_endpoint(self._watch.metrics.render, self.health.endpoint(detail=True))
        always = Listener("metrics_bind", server.metrics_bind, operator)
        if server.verify_bind == "same":
            return Listener("bind", server.bind, PublicListener(pages, health, verify), answer), always
        return (
            Listener("bind", server.bind, PublicListener(pages, health, None)),
            Listener("verify_bind", server.verify_bind, verify, answer),
            always,
        )

    async def open(self) -> None:
        """Begin to hear the other processes; without waiting for any of them, or for a store that is not up yet."""
        await self._bus.open()

    async def close(self) -> None:
        """Land what is in the air, then let go of the network, the bus, the store and the log, in that order."""
        await self._people.refresher.close(PATIENCE)
        if self._people.basic:
            await self._people.basic.close(LAST_TRY)
        await self._people.passwords.close(LAST_TRY)
        await self._people.deferred.close(LAST_TRY)
        await self._people.inventory.close(0.0)
        await self._people.sessions.close(0.0)
        await self._giving_back.close(LAST_REVOCATIONS)
        await self._people.catalog.close()
        await self._people.transport.close()
        await self._bus.close()
        await self._store.close()
        self._watch.close()


def _check(ground: Ground, people: People, law: Law) -> Check:
    settings, clock = ground.settings, ground.chance.clock
    cookie = session_cookie(settings)
    asserts = Assertions(
        ground.ring, ground.public_url, settings.assertion.lifetime, settings.sessions.idle, clock
    )
    headers = IdentityHeaders.of(settings.headers, ground.emit, passed_tokens(settings))
    providers = frozenset(settings.providers)
    bearer = bearer_of(ground, people)
    return Check(
        places=Places(law.hosts, law.rules, law.policies),
        tickets=PresentedTickets(ground.ring, cookie, own_cookies(settings)),
        reader=people.reader,
        verdicts=Verdicts(asserts, headers, providers, settings.sessions.idle, clock),
        providers=providers,
        login_address=f"{ground.public_url}/auth/login",
        clock=clock,
        schemes={name: one for name, one in (("bearer", bearer), ("basic", people.basic)) if one},
        takes=takes_authorization(settings),
    )


def _verify(ground: Ground, people: People, law: Law, paper: Paper, health: Health) -> VerifyListener:
    check, page, server = _check(ground, people, law), paper.editions.forbidden, ground.settings.server
    proxies = Proxies.at(server, server.bind if server.verify_bind == "same" else server.verify_bind)
    table = verify_routes((ForwardAuth(page), AuthRequest()), law.policies)
    return VerifyListener(
        Verify(check, proxies, table, ground.emit, ground.new_id, ground.chance.timer, ground.decided),
        AuthRequestLogin(check, proxies, page, ground.new_id),
        health.endpoint(detail=False),
    )


def _public(ground: Ground, people: People, paper: Paper, giving_back: GivingBack) -> ASGIApp:
    base = urlsplit(ground.public_url).path
    jwks = Route("/.well-known/jwks.json", Document(public_jwks(ground.ring)))
    door = login_door(ground, people, paper, giving_back)
    pages_of_login = login_routes(door)
    if ground.settings.tokens.enabled:
        pages_of_login = token_routes(token_door(ground, people, paper, door), pages_of_login)
    told = provider_logout_routes(door, *channels_of(ground, people))
    table = [*pages_of_login, *told, jwks]
    nothing = NothingHere(paper.answers, ground.new_id)
    # By itself a router sends `/auth/login/` to `/auth/login` on whatever host the request names (CVE-2024-21498).
    ours = Router(table, redirect_slashes=False, default=nothing)
    # A mount begins behind the slash; the address without it is ours as well.
    bare = [home_route(door, base)] if base else []
    pages = Starlette(routes=[*bare, Mount(base, app=ours), Mount("/", app=nothing)])
    return RequestLimits(pages, paper.answers, ground.new_id)
