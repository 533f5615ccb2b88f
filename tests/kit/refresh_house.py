"""A deployment whose sessions are refreshed: a store, scripted providers, and as many replicas as a test wants."""

import asyncio
import functools
from urllib.parse import urlsplit

from pydantic import SecretStr

from gateway.errors import ProviderUnavailable
from gateway.keys.keyring import Keyring
from gateway.observe.events import RefreshFinished, SessionEnded
from gateway.providers.catalog import Catalog
from gateway.providers.provider import Arrival
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.lease import Leases
from gateway.sessions.refresher import Refresher
from gateway.sessions.sessions import Sessions
from gateway.settings.model import OidcProvider
from gateway.settings.model import Sessions as Limits
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.randomness import Randomness
from tests.kit.scripted_provider import ScriptedProvider, crank

CALLBACK = "https://auth.example.com/auth/idp/callback"
SPEC = CookieSpec("__Host-gw", None, secure=True, max_age=2_592_000)
LIMITS = Limits()
LOST = ProviderUnavailable("idp", "no answer", ambiguous=True)
DOWN = ProviderUnavailable("idp", "ConnectError")


@functools.cache
def ring():
    return Keyring.generate(Randomness("ring"), 1.0)


class Wires:
    """A transport that cranks flows against scripts by the provider's name, when it is let through."""

    def __init__(self, scripts):
        self.scripts = scripts
        self.open = asyncio.Event()
        self.open.set()

    async def run(self, flow, *, provider, deadline):
        await self.open.wait()
        return crank(flow, self.scripts[provider].answer)


class RefreshHouse:
    """One deployment: a store, providers, and as many replicas as a test wants."""

    def __init__(self, names=("idp",), **limits):
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.scripts = {
            name: ScriptedProvider(self.clock, issuer=f"https://{name}.example") for name in names
        }
        self.sections = {name: self._section(name) for name in names}
        self.wires = Wires(self.scripts)
        self.limits = LIMITS.model_copy(update=limits)
        self.events = []
        self.slept = []
        self.sessions, self.refresher = self.replica("one")

    def _section(self, name, **changes):
        values = {
            "issuer": f"https://{name}.example",
            "client_id": "gateway",
            "client_secret": SecretStr("s3cr3t: +ü"),
            "anyone": True,
        }
        return OidcProvider.model_validate(values | changes)

    def replica(self, seed):
        """One more process on the same store."""
        sections = self.sections
        issuers = {name: section.home for name, section in sections.items()}
        sessions = Sessions(
            self.store,
            ring(),
            SPEC,
            self.limits,
            "test",
            self.events.append,
            self.clock,
            Randomness(seed),
            issuers,
            sleep=self.sleep,
        )
        catalog = Catalog(sections, self.wires, public_url="https://auth.example.com")
        refresher = Refresher(
            sessions,
            Leases(self.store, self.clock, Randomness(f"leases {seed}"), self.sleep),
            catalog,
            self.limits,
            self.events.append,
            self.clock,
            self.sleep,
        )
        return sessions, refresher

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def sign_in(self, name="idp", joins=None):
        client = Catalog(self.sections, self.wires).redirects[name]
        script = self.scripts[name]
        departure = crank(client.depart(CALLBACK, "s", "n", "v" * 43, {}), script.answer)
        back = script.sign_in(departure.url)
        arrival = Arrival(back["code"], back["iss"], "n", "v" * 43, CALLBACK)
        signed_in = crank(client.arrive(arrival, int(self.clock())), script.answer)
        script.asked.clear()
        begun = await self.sessions.begin(signed_in.identity, signed_in.grant, joins)
        return begun.ticket, begun.session

    async def ensure(self, ticket):
        """One request: open, and make sure of the tokens."""
        session = await self.sessions.open(ticket)
        return await self.refresher.ensure(ticket, session) if session else None

    async def settle(self):
        # A bound for a test that hangs: how long it takes is the machine's business.
        await self.refresher.close(60.0)

    def token_requests(self, name="idp"):
        return sum(1 for ask in self.scripts[name].asked if urlsplit(ask.url).path == "/token")

    def outcomes(self):
        return [event.outcome for event in self.events if isinstance(event, RefreshFinished)]

    def ended(self):
        return [event.reason for event in self.events if isinstance(event, SessionEnded)]
