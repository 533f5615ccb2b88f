"""The login pages as they are wired, over the dict store and two scripted providers, with a browser in front.

house = LoginHouse()
hop = await house.browser().open(f"{AUTH}/auth/staff?rd={APP}/report")
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.routing import Mount, Route

from gateway.guard.middleware import NothingHere, RequestLimits
from gateway.guard.proxies import Proxies
from gateway.guard.rate_limit import RateLimit
from gateway.keys.keyring import Keyring
from gateway.keys.seal import Sealer
from gateway.login.attempts import Attempts
from gateway.login.backchannel import BackChannel
from gateway.login.concluding import Conclusion
from gateway.login.confirming import Confirming
from gateway.login.departing import Departing
from gateway.login.familiar import Familiar
from gateway.login.flow import Flow
from gateway.login.frontchannel import FrontChannel
from gateway.login.giving_back import GivingBack
from gateway.login.last_used import LastUsed
from gateway.login.logout import Logout
from gateway.login.password_door import PasswordDoor
from gateway.login.password_login import PasswordLogin
from gateway.login.passwords import Passwords
from gateway.login.provider_logout import provider_logout_routes
from gateway.login.recent_logout import RecentLogout
from gateway.login.return_to import ReturnTo
from gateway.login.routes import LoginDoor, login_routes
from gateway.login.selection import Selection
from gateway.login.visitors import Visitors
from gateway.pages.answers import Answers
from gateway.pages.editions import Editions
from gateway.providers.oidc import Oidc
from gateway.sessions.cookie import attempt_cookie, device_cookie, last_used_cookie, session_cookie
from gateway.sessions.deferred import DeferredEnds
from gateway.sessions.inventory import Inventory
from gateway.sessions.notices import Notices
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Settings
from tests.kit.browser import Browser
from tests.kit.clock import Clock
from tests.kit.memory_bus import MemoryBus
from tests.kit.memory_store import MemoryStore
from tests.kit.password_provider import PasswordDirectory
from tests.kit.randomness import Randomness
from tests.kit.scripted_provider import ScriptedProvider, crank

AUTH = "https://auth.example.com"
APP = "https://app.example.com"
OTHER = "https://wiki.example.com"
STAFF = "https://idp.example.test"
PARTNERS = "https://partners.example.test"
GUESTS = "https://guests.example.test"

WRITTEN: Mapping[str, Any] = {
    "public_url": AUTH,
    "hosts": [APP, OTHER, "https://*.apps.example.com"],
    "rules": [{"allow": "authenticated"}],
    "sessions": {"cookie_domain": "example.com"},
}


class LoginHouse:
    """Everything a browser meets, with a handle on each part."""

    def __init__(
        self,
        providers: tuple[str, ...] = ("staff",),
        framed: tuple[str, ...] = (),
        directories: tuple[PasswordDirectory, ...] = (),
        store: Any = None,
        **changes: Any,
    ) -> None:
        self.framed = framed
        self.directories = {one.name: one for one in directories}
        self.settings = Settings.model_validate({**WRITTEN, **changes})
        self.clock, self.random = Clock(), Randomness()
        self.store = store or MemoryStore(self.clock)
        self.events: list[Any] = []
        self.ring = Keyring.generate(self.random, self.clock())
        issuers = {"staff": STAFF, "partners": PARTNERS, "guests": GUESTS}
        self.scripts = {name: ScriptedProvider(self.clock, issuer=issuers[name]) for name in providers}
        self.hold: asyncio.Event | None = None
        self.let_in = True
        self.waited: list[float] = []
        self._wire({name: self._oidc(name) for name in providers})

    def _oidc(self, name: str) -> Oidc:
        section = {
            "issuer": self.scripts[name].issuer,
            "client_id": "gateway",
            "client_secret": self.scripts[name].client_secret,
            "title": f"{name.title()} account",
            "anyone": True,
        }
        written = Settings.model_validate({**WRITTEN, "providers": {name: section}}).providers[name]
        return Oidc(written, name, several=len(self.scripts) > 1)

    def _wire(self, providers: Mapping[str, Any]) -> None:
        settings, public_url = self.settings, str(self.settings.public_url)
        numbers = itertools.count(1)
        self.new_id = lambda: f"decision-{next(numbers)}"
        self.session_spec, self.browser_spec = session_cookie(settings), attempt_cookie(settings)
        self.sessions = Sessions(
            self.store,
            self.ring,
            self.session_spec,
            settings.sessions,
            self.ring.deployment,
            self.events.append,
            self.clock,
            self.random,
            {name: one.issuer for name, one in {**providers, **self.directories}.items()},
        )
        self.visitors = Visitors(
            self.sessions, self.ring, self.session_spec, self.browser_spec, self.clock, self.random
        )
        recent = RecentLogout(self.store)
        self.attempts = Attempts(
            self.store, Sealer(self.ring, "attempt", self.random), settings.login, self.clock
        )
        return_to = ReturnTo.of(settings)
        departing = Departing(
            providers=providers,
            attempts=self.attempts,
            visitors=self.visitors,
            return_to=return_to,
            run=self.run,
            clock=self.clock,
            random=self.random,
        )
        confirming = Confirming(
            attempts=self.attempts,
            visitors=self.visitors,
            return_to=return_to,
            clock=self.clock,
            random=self.random,
        )
        names = (*self.directories, *providers)
        conclusion = Conclusion(
            admits=lambda identity: self.let_in,
            visitors=self.visitors,
            last_used=LastUsed(last_used_cookie(settings), names),
            return_to=return_to,
            loops=RateLimit(self.store, "login-loop", 4, 60.0, self.clock),
        )
        self.flow = Flow(
            providers=providers,
            passwords=self.directories,
            selection=Selection.of(settings, names),
            conclusion=conclusion,
            attempts=self.attempts,
            departing=departing,
            confirming=confirming,
            visitors=self.visitors,
            return_to=return_to,
            recent_logout=recent,
            run=self.run,
            emit=self.events.append,
            clock=self.clock,
            sleep=self.sleep,
        )
        self.passwords = Passwords(
            providers=self.directories,
            limits=settings.login.passwords,
            store=self.store,
            admits=lambda identity: self.let_in,
            clock=self.clock,
            key=self.ring.derive("account"),
        )
        self.answers = Answers(Editions(settings, (STAFF,)), https=public_url.startswith("https"))
        self.bus = MemoryBus()
        self.inventory = Inventory(
            self.store,
            self.ring,
            settings.sessions.absolute,
            self.ring.deployment,
            self.events.append,
            self.clock,
            self.random,
            self.bus,
            self.sleep,
        )
        self.deferred = DeferredEnds(
            self.inventory.end,
            Notices(self.bus, self.clock),
            settings.sessions.absolute,
            self.clock,
            self.sleep,
        )
        self.giving_back = GivingBack(providers, self.run, self.events.append)
        self.door = door = LoginDoor(
            flow=self.flow,
            logout=Logout(
                providers=providers,
                visitors=self.visitors,
                recent_logout=recent,
                deferred=self.deferred,
                giving_back=self.giving_back,
                run=self.run,
                emit=self.events.append,
                public_url=public_url,
            ),
            passwords=self._password_door(public_url),
            visitors=self.visitors,
            answers=self.answers,
            proxies=Proxies((), None, unix_trusted=False),
            public_url=public_url,
            form_key=self.ring.derive("form"),
            emit=self.events.append,
            new_id=self.new_id,
        )
        told = self._told_by_providers(door, providers)
        base = public_url.partition("://")[2].partition("/")[2]
        nothing = NothingHere(self.answers, self.new_id)
        routes = [*login_routes(door), *told]
        table = [Mount(f"/{base}", routes=routes)] if base else routes
        app = Starlette(routes=[*table, Mount("/", app=nothing)])
        self.app = RequestLimits(app, self.answers, self.new_id)

    def _password_door(self, public_url: str) -> PasswordDoor:
        login = PasswordLogin(
            passwords=self.passwords,
            familiar=Familiar(device_cookie(self.settings), self.ring, self.clock),
            confirming=self.flow.confirming,
            conclusion=self.flow.conclusion,
            return_to=self.flow.return_to,
            emit=self.events.append,
            comes_back=self.settings.login.passwords.comes_back,
        )
        return PasswordDoor(
            flow=self.flow,
            login=login,
            visitors=self.visitors,
            answers=self.answers,
            public_url=public_url,
            form_key=self.ring.derive("form"),
        )

    def _told_by_providers(self, door: LoginDoor, providers: Mapping[str, Any]) -> list[Route]:
        per_prefix = self.settings.login.per_prefix
        back_channel = BackChannel(
            providers=providers,
            inventory=self.inventory,
            store=self.store,
            failures=RateLimit(self.store, "backchannel-logout", per_prefix, 60.0, self.clock),
            run=self.run,
            emit=self.events.append,
            clock=self.clock,
        )
        front_channel = FrontChannel(
            issuers={name: one.issuer for name, one in providers.items() if name in self.framed},
            inventory=self.inventory,
            limit=RateLimit(self.store, "frontchannel-logout", per_prefix, 60.0, self.clock),
            emit=self.events.append,
        )
        return provider_logout_routes(door, back_channel, front_channel)

    async def run(self, flow: Any, *, provider: str) -> Any:
        if self.hold is not None:
            await self.hold.wait()
        return crank(flow, self.scripts[provider].answer)

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        await asyncio.sleep(0)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the others run until something holds."""
        while not holds():  # noqa: ASYNC110 (nothing outside this loop would set an event)
            await asyncio.sleep(0)

    def browser(self, peer: str = "192.0.2.7") -> Browser:
        """A fresh browser that can reach the login pages, two applications and the providers."""
        origins: dict[str, Any] = {AUTH: self.app, APP: Page("app"), OTHER: Page("wiki")}
        origins |= {script.issuer: Authorize(script) for script in self.scripts.values()}
        return Browser(origins, self.clock, peer=(peer, 50000))

    def outbound(self) -> list[str]:
        """The paths that any provider was asked for."""
        return [path for script in self.scripts.values() for path in script.paths()]

    def session_keys(self) -> list[str]:
        return list(self.store.records)

    async def callback_of(self, browser: Browser, url: str) -> str:
        """Begin a login and stop at the provider: the callback address it would send the browser to."""
        hop = await browser.open(url, follow=False)
        assert hop.status == 303, hop.response.text
        at_provider = await browser.open(hop.location, follow=False)
        return at_provider.location


class Page:
    """An application that answers everything with its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.name.encode()})


class Authorize:
    """The browser's side of a provider: signs everybody in at once, and sends them back."""

    def __init__(self, script: ScriptedProvider) -> None:
        self.script = script
        self.replace: dict[str, str] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        query = scope["query_string"].decode()
        if scope["path"].endswith("/logout"):
            target = dict(parse_qsl(query))["post_logout_redirect_uri"]
        else:
            answer = self.script.sign_in(f"{self.script.issuer}/authorize?{query}")
            target = f"{dict(parse_qsl(query))['redirect_uri']}?{urlencode({**answer, **self.replace})}"
        await send(
            {"type": "http.response.start", "status": 302, "headers": [(b"location", target.encode())]}
        )
        await send({"type": "http.response.body", "body": b""})
