"""Replicas over one store and one directory API, in virtual time: people who type a password once, and then work."""

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.errors import ProviderUnavailable
from gateway.keys.keyring import Keyring
from gateway.observe.events import Alarm, Event, RefreshFinished, SessionEnded
from gateway.providers.catalog import Catalog
from gateway.providers.provider import Answer, Ask
from gateway.sessions.cookie import CookieSpec, Ticket
from gateway.sessions.lease import Leases
from gateway.sessions.refresher import Refresher
from gateway.sessions.sealing import session_id
from gateway.sessions.session import Session
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from tests.kit.config_file import settings
from tests.kit.memory_store import MemoryStore
from tests.kit.randomness import Randomness
from tests.kit.vendors.ad_api import AdApi
from tests.kit.virtual_time import VirtualLoop

SPEC = CookieSpec("__Host-gw", None, secure=True, max_age=2_592_000)
RING = Keyring.generate(Randomness("ring"), 1.0)
ERRORS = {"disabled": {"path": "code", "equals": "account_disabled"}}


class Wire:
    """Stands in for the transport: every request takes a tenth of a second, and `down` answers none.

    With `loses` an answer is lost after the API has given it.
    """

    def __init__(self, api: AdApi) -> None:
        self.api = api
        self.down = self.loses = False

    async def run(self, flow: Any, *, provider: str, deadline: float) -> Any:
        ask = next(flow)
        try:
            while True:
                await asyncio.sleep(0.1)
                try:
                    answer = self._answer(ask, provider)
                except ProviderUnavailable as fault:
                    ask = flow.throw(fault)
                else:
                    ask = flow.send(answer)
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    def _answer(self, ask: Ask, provider: str) -> Answer:
        if self.down:
            raise ProviderUnavailable(provider, "ConnectError")
        answer = self.api.answer(ask)
        if self.loses:
            raise ProviderUnavailable(provider, "ReadError", ambiguous=True)
        return answer


class Replica:
    """One gateway process."""

    def __init__(self, world: "DirectoryWorld", name: str) -> None:
        clock, hear = world.loop.clock, world.events.append
        self.catalog = Catalog({"corp": world.section}, world.wire)
        self.sessions = Sessions(
            world.store, RING, SPEC, world.limits, "test", hear, clock, Randomness(name), {"corp": world.api.url}
        )  # fmt: skip
        leases = Leases(world.store, clock, Randomness(f"leases {name}"))
        self.refresher = Refresher(self.sessions, leases, self.catalog, world.limits, hear, clock)

    async def serve(self, ticket: Ticket) -> Session | None:
        session = await self.sessions.open(ticket)
        return await self.refresher.ensure(ticket, session) if session else None


class DirectoryWorld:
    """`limits` are keys of `sessions:`, `section` those of the provider."""

    def __init__(self, limits: dict[str, Any] | None = None, **section: Any) -> None:
        self.loop = VirtualLoop()
        self.store = MemoryStore(self.loop.clock)
        self.api = AdApi(self.loop.clock)
        self.wire = Wire(self.api)
        self.limits = Limits.model_validate(limits or {})
        written = self.api.section(**{"errors": ERRORS, **section})
        self.section = settings(providers={"corp": written}).providers["corp"]
        self.events: list[Event] = []
        self.replicas = [Replica(self, f"replica {number}") for number in (1, 2)]

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def restart(self) -> None:
        """Other processes in the place of these; what they knew is gone."""
        self.replicas = [Replica(self, f"replica {number}, {len(self.events)}") for number in (1, 2)]

    def sign_in(self, name: str = "ann") -> Ticket:
        """A person types the password that is theirs now."""
        replica = self.replicas[0]
        client = replica.catalog.passwords["corp"]

        async def login() -> Ticket:
            account, password = client.account(name, ""), self.api.people[name]["password"]
            signed_in = await client.check_password(account, password, int(self.loop.clock()))
            return (await replica.sessions.begin(signed_in.identity, signed_in.grant)).ticket

        return self.run(login())

    def request(self, ticket: Ticket, replica: int = 0) -> Session | None:
        return self.run(self.replicas[replica].serve(ticket))

    def work(self, tickets: Sequence[Ticket], seconds: float, every: float = 10.0) -> list[bool]:
        """All of them are used all the time, at both replicas; which of them are signed in at the end."""
        alive = [True] * len(tickets)
        ends = self.loop.now + seconds
        while self.loop.now < ends:
            self.loop.pass_time(every)
            for place, ticket in enumerate(tickets):
                alive[place] = self.request(ticket, place % 2) is not None
        return alive

    def at_once(self, tickets: Sequence[Ticket]) -> list[Session | None]:
        """One request of each in the same moment."""

        async def all_of_them() -> Any:
            served = [self.replicas[place % 2].serve(ticket) for place, ticket in enumerate(tickets)]
            return await asyncio.gather(*served)

        return self.run(all_of_them())

    def why(self, ticket: Ticket) -> str:
        return self.run(self.replicas[0].sessions.why_over(ticket))

    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.events if isinstance(event, RefreshFinished)]

    def ended(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, SessionEnded)]

    def alarms(self) -> list[str]:
        return [event.detail for event in self.events if isinstance(event, Alarm)]

    def kept_password(self, ticket: Ticket) -> str:
        """What the store holds of it, opened by its ticket; "" where it is gone."""
        grants = self.run(self.replicas[0].sessions._records.grants(ticket, session_id(ticket)))
        return grants["corp"].password if grants else ""

    def close(self) -> None:
        for replica in self.replicas:
            self.run(replica.refresher.close(100.0))
            self.run(replica.sessions.close(100.0))
        self.loop.settle()
        assert self.loop.crashes == []
        self.run(self.loop.shutdown_asyncgens())
        self.loop.close()
