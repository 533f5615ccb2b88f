"""Replicas over one store and one rotating provider, in virtual time, with every fault on demand; and their judge.

The world knows what no replica knows: which token is live at the provider, what a commit holds, which session was
ended, and for which tokens there is an excuse to be lost. What must never happen is collected in `wrongs`.
"""

import asyncio
import contextlib
import contextvars
import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import ProviderUnavailable, StoreFault
from gateway.identity.identity import Identity
from gateway.keys.keyring import Keyring
from gateway.observe.events import Event, RefreshFinished, SessionEnded
from gateway.providers.catalog import Catalog
from gateway.providers.provider import Answer, Ask
from gateway.sessions.cookie import CookieSpec, Ticket
from gateway.sessions.lease import Leases
from gateway.sessions.refresher import Refresher
from gateway.sessions.sealing import Sealing, record_key
from gateway.sessions.session import Grant, log_name
from gateway.sessions.sessions import Sessions
from gateway.settings.model import OidcProvider
from gateway.settings.model import Sessions as Limits
from gateway.storage.store import Turn, Written, lease_key
from tests.kit.memory_store import MemoryStore
from tests.kit.randomness import Randomness
from tests.kit.scripted_provider import page, reply
from tests.kit.virtual_time import VirtualLoop

ISSUER = "https://idp.example"
LIFE = 300
SPEC = CookieSpec("__Host-gw", None, secure=True, max_age=2_592_000)
LIMITS = Limits()
SECTION = OidcProvider.model_validate({"issuer": ISSUER, "client_id": "gateway", "anyone": True})
DISCOVERY = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "revocation_endpoint": f"{ISSUER}/revoke",
    "jwks_uri": f"{ISSUER}/keys",
}

_replica: contextvars.ContextVar["Replica | None"] = contextvars.ContextVar("replica", default=None)


@functools.cache
def ring() -> Keyring:
    return Keyring.generate(Randomness("ring"), 1.0)


@dataclass
class Family:
    """A grant at the provider: one live refresh token at most, and whether somebody there has ended it."""

    live: str | None
    previous: str = ""
    rotated_at: float = float("-inf")
    ended_there: bool = False


@dataclass
class Person:
    """One session as the world knows it."""

    ticket: Ticket
    sid: str
    family: Family
    over: bool = False
    committed: set[str] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    excused: bool = False
    delivered_at: float = 0.0
    asked: int = 0
    asked_at_fail: int = -1
    fails: int = 0
    token_end: int = 0
    leased_at: float = float("-inf")
    in_doubt: bool = False
    forgotten: bool = False
    unnoticed: bool = False
    doubly_lost: bool = False


class RotatingProvider:
    """Rotates with each use. `window` seconds long the token before the last one gives the same successor again."""

    def __init__(
        self, loop: VirtualLoop, window: float, two_may_ask: Callable[[], bool], *, ends_on_reuse: bool
    ) -> None:
        self.loop = loop
        self.two_may_ask = two_may_ask
        self.window = window
        self.ends_on_reuse = ends_on_reuse
        self.faults: list[str] = []
        self.there = self.back = 0.0
        self.owners: dict[str, Person] = {}
        self.issued = 0

    def fresh(self, person: Person | None = None) -> str:
        self.issued += 1
        token = f"refresh-{self.issued}"
        if person is not None:
            self.owners[token] = person
        return token

    def refresh(self, token: str) -> Answer:
        family = self.owners[token].family
        now = self.loop.time()
        again = token == family.previous and now - family.rotated_at < self.window
        if family.live is None or not (token == family.live or again):
            if self.ends_on_reuse:
                # RFC 9700 section 4.14.2: a spent token was shown, so the grant is over.
                family.ended_there |= family.live is not None and self.two_may_ask()
                family.live = None
            return reply(400, {"error": "invalid_grant"})
        if not again:
            family.previous, family.live, family.rotated_at = token, self.fresh(self.owners[token]), now
        body = {"access_token": "a", "token_type": "Bearer", "expires_in": LIFE, "refresh_token": family.live}
        return reply(200, body)

    def revoke(self, token: str) -> Answer:
        person = self.owners[token]
        person.revoked.add(token)
        if person.family.live == token:
            person.family.live = None
        return reply(200, {})


class Wire:
    """The network between one replica and the provider; stands in for the transport."""

    def __init__(self, world: "World", replica: "Replica") -> None:
        self.world = world
        self.replica = replica

    async def run(self, flow: Any, *, provider: str, deadline: float) -> Any:
        ends = self.world.loop.time() + deadline
        try:
            ask = next(flow)
            while True:
                try:
                    answer = await self._answer(ask, ends)
                except ProviderUnavailable as fault:
                    ask = flow.throw(fault)
                else:
                    ask = flow.send(answer)
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    async def _answer(self, ask: Ask, ends: float) -> Answer:
        path = urlsplit(ask.url).path
        if path == "/.well-known/openid-configuration":
            return reply(200, DISCOVERY)
        assert ask.form is not None
        if path == "/revoke":
            await asyncio.sleep(0)
            return self.world.provider.revoke(ask.form["token"])
        token = ask.form["refresh_token"]
        person = self.world.provider.owners[token]
        person.asked += 1
        try:
            async with asyncio.timeout_at(ends):
                return await self._exchange(token, person)
        except TimeoutError:
            self.world.faulty(person, unnoticed_only=True)
            raise ProviderUnavailable("idp", "no answer within the deadline", ambiguous=True) from None

    async def _exchange(self, token: str, person: Person) -> Answer:
        provider = self.world.provider
        fault = provider.faults.pop(0) if provider.faults else ""
        await asyncio.sleep(provider.there)
        early = {
            "refused connection": ProviderUnavailable("idp", "ConnectError"),
            "lost before": ProviderUnavailable("idp", "ReadError", ambiguous=True),
            "503": reply(503, {}),
            "429": reply(429, {}, {"retry-after": "20"}),
            "invalid_client": reply(401, {"error": "invalid_client"}),
            "invalid_scope": reply(400, {"error": "invalid_scope"}),
            "404": page(404),
        }.get(fault)
        if isinstance(early, Answer):
            return early
        if early is not None:
            raise early
        answer = provider.refresh(token)
        await asyncio.sleep(provider.back)
        if fault in {"lost after", "503 after", "page after"}:
            self.world.faulty(person, unnoticed_only=True)
            if fault == "503 after":
                return reply(503, {})
            if fault == "page after":
                return page(200)
            raise ProviderUnavailable("idp", "ReadError", ambiguous=True)
        if answer.json and "refresh_token" in answer.json:
            person.delivered.add(answer.json["refresh_token"])
            person.delivered_at = self.world.loop.now
        return answer


FAULTS = (
    "refused connection",
    "lost before",
    "503",
    "429",
    "invalid_client",
    "invalid_scope",
    "404",
    "lost after",
    "503 after",
    "page after",
)


class WatchedStore:
    """One replica's way to the store: each verb takes turns with the others, may fail, and is judged by its effect."""

    def __init__(self, world: "World", replica: "Replica") -> None:
        self.world = world
        self.replica = replica

    def remembers(self, seconds: float) -> bool:
        return self.world.store.remembers(seconds)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        async def asked(*arguments: Any, **named: Any) -> Any:
            world = self.world
            await asyncio.sleep(world.store_delay)
            if self.replica.dead:
                raise asyncio.CancelledError
            fault = world.store_fault()
            if fault == "before":
                raise StoreFault(f"{verb} was not done")
            result = await getattr(world.store, verb)(*arguments, **named)
            world.judge(verb, arguments, result)
            if fault == "after":
                raise StoreFault(f"the reply of {verb} was lost")
            await asyncio.sleep(world.store_delay)
            return result

        return asked


class Replica:
    """One gateway process."""

    def __init__(self, world: "World", name: str) -> None:
        self.dead = False
        store = WatchedStore(world, self)
        clock = world.loop.clock
        self.sessions = Sessions(
            store, ring(), SPEC, LIMITS, "test", world.hear, clock, Randomness(name), {"idp": ISSUER}
        )  # fmt: skip
        catalog = Catalog({"idp": SECTION}, Wire(world, self))
        leases = Leases(store, clock, Randomness(f"leases {name}"))
        self.refresher = Refresher(self.sessions, leases, catalog, LIMITS, world.hear, clock)

    async def serve(self, ticket: Ticket) -> Any:
        session = await self.sessions.open(ticket)
        return await self.refresher.ensure(ticket, session) if session else None


class World:
    """Everything, and what went wrong in it."""

    def __init__(self, replicas: int, window: float, *, ends_on_reuse: bool) -> None:
        self.loop = VirtualLoop()
        self.loop.set_task_factory(self._task)
        self.store = MemoryStore(self.loop.clock)
        self.troubled_at = float("-inf")
        self.provider = RotatingProvider(
            self.loop, window, lambda: self.loop.now - self.troubled_at < 75, ends_on_reuse=ends_on_reuse
        )
        self.sealing = Sealing(ring(), "test", Randomness("judge"))
        self.people: dict[str, Person] = {}
        self.wrongs: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self.store_delay = 0.0
        self.down_until = float("-inf")
        self.verb_faults: dict[int, str] = {}
        self.verbs = 0
        self.versions: dict[str, int] = {}
        self.written: dict[tuple[str, int], Any] = {}
        self.started = 0
        self.owners: dict[asyncio.Task[Any], Replica | None] = {}
        self.replicas = [self._start() for _ in range(replicas)]

    def _task(self, loop: Any, coroutine: Any, **named: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **named)
        self.owners[task] = _replica.get()
        task.add_done_callback(self.owners.pop)
        return task

    def _start(self) -> Replica:
        self.started += 1
        return Replica(self, f"replica {self.started}")

    def wrong(self, what: str) -> None:
        self.wrongs.append(f"at {self.loop.now:.2f}: {what}")

    # What a test does

    def sign_in(self) -> Person:
        """A new session, begun in calm."""
        identity = Identity(
            provider="idp", issuer=ISSUER, subject=f"u-{len(self.people)}", user="u", authenticated_at=1
        )
        token = self.provider.fresh()
        now = int(self.loop.clock())
        grant = Grant(provider="idp", access_token="a", refresh_token=token, begun=now, expires=now + LIFE)
        quiet, self.verb_faults = self.verb_faults, {}
        delays, self.store_delay, down, self.down_until = (
            self.store_delay,
            0.0,
            self.down_until,
            float("-inf"),
        )
        begun = self.loop.run_until_complete(self.replicas[0].sessions.begin(identity, grant))
        self.verb_faults, self.store_delay, self.down_until = quiet, delays, down
        person = Person(begun.ticket, begun.session.id, Family(token))
        person.committed.add(token)
        self.provider.owners[token] = person
        self.people[person.sid] = person
        return person

    def request(self, person: Person, replica: Replica) -> None:
        """A request begins; whether it may be served is judged when it is answered."""

        async def one() -> None:
            over_before = person.over
            try:
                served = await replica.serve(person.ticket)
            except StoreFault:
                return
            if served is not None and over_before:
                self.wrong("an ended session was served")

        self._begin(replica, one())

    def logout(self, person: Person, replica: Replica) -> None:
        async def one() -> None:
            with contextlib.suppress(StoreFault):
                await replica.sessions.end(person.ticket, "logout")

        self._begin(replica, one())

    def crash(self, number: int) -> None:
        """A process is killed: nothing of it runs any more, and another one is started in its place."""
        replica = self.replicas[number]
        replica.dead = True
        for person in self.people.values():
            self.faulty(person)
            # What it had been given and had not written down is gone with it.
            if person.delivered - person.committed - person.revoked:
                person.excused = True
        for task, owner in list(self.owners.items()):
            if owner is replica:
                task.cancel()
        self.loop.settle()
        self.replicas[number] = self._start()

    def fail_over(self, *, noticed: bool) -> None:
        """Another server takes over, which has not heard of the leases of the last second.

        Whoever leads then is not told of the first. Where nobody notices, the first must be about to write.
        """
        self.troubled_at = self.loop.now
        noticed = noticed or self.provider.there + self.provider.back > 0.8
        if noticed:
            self.store.another_server_at = self.loop.clock()
        for person in self.people.values():
            record = self.store.records.get(record_key(person.sid))
            if record is None or self.loop.now - person.leased_at > 1.0:
                continue
            self.store.plain.pop(lease_key(record_key(person.sid)), None)
            if not person.in_doubt:
                record.fields.pop("intent", None)
            record.fields["fence"] = b"%d" % (int(record.fields.get("fence", b"1")) - 1)
            person.forgotten, person.unnoticed = True, person.unnoticed or not noticed

    def lose_store(self, seconds: float) -> None:
        self.down_until = self.loop.now + seconds

    def faulty(self, person: Person, *, unnoticed_only: bool = False) -> None:
        """Something else is lost besides, where a lease has been forgotten: nobody can know better any more."""
        if person.unnoticed or (person.forgotten and not unnoticed_only):
            person.doubly_lost = True

    def calm(self) -> None:
        """No more faults, and time for everything in the air to land."""
        self.provider.faults.clear()
        self.provider.there = self.provider.back = self.store_delay = 0.0
        self.verb_faults.clear()
        self.down_until = float("-inf")
        self.loop.pass_time(700)

    def close(self) -> None:
        for replica in self.replicas:
            self.loop.run_until_complete(replica.refresher.close(100.0))
        self.loop.settle()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def _begin(self, replica: Replica, coroutine: Any) -> None:
        token = _replica.set(replica)
        try:
            self.loop.create_task(coroutine)
        finally:
            _replica.reset(token)

    # What the store does

    def store_fault(self) -> str:
        """The fault of this verb, if it has one."""
        self.verbs += 1
        fault = "before" if self.loop.now < self.down_until else self.verb_faults.pop(self.verbs, "")
        if fault:
            self.troubled_at = self.loop.now
            for person in self.people.values():
                self.faulty(person)
        return fault

    def judge(self, verb: str, arguments: tuple[Any, ...], result: Any) -> None:
        """Hold an effect on a record against the laws."""
        keys = arguments[0] if verb == "delete" else arguments[:1]
        person = next((one for one in self.people.values() if record_key(one.sid) in keys), None)
        if person is None:
            return
        key = record_key(person.sid)
        stored = self.store.records.get(key)
        if stored is None:
            person.over = True
        else:
            if person.over:
                self.wrong("a session came back")
            if stored.version < self.versions.get(key, 0):
                self.wrong("a version went back")
            self.versions[key] = stored.version
            person.token_end = int(stored.fields.get("token_end", b"0"))
        if verb == "commit" and result is Written.DONE:
            self._committed(person, arguments)
        if verb == "fail" and result is not None:
            self._failed(person, result)
        if verb == "acquire" and result.turn is Turn.LEAD:
            person.leased_at, person.in_doubt = self.loop.now, result.ambiguous

    def _committed(self, person: Person, arguments: tuple[Any, ...]) -> None:
        key, seen, _, owner, fields, _ = arguments
        before = self.written.setdefault((key, seen + 1), (owner, fields["grant"]))
        if before != (owner, fields["grant"]):
            self.wrong("two commits of one version")
        grants = self.sealing.open_grants(person.ticket, person.sid, fields["grant"])
        person.committed.add(grants["idp"].refresh_token)
        if self.versions[key] > seen + 1:
            return  # its reply was lost, and much has happened since
        person.fails = 0
        person.forgotten = person.unnoticed = person.doubly_lost = False
        if {"fails", "next"} & set(self.store.records[key].fields):
            self.wrong("a success did not forget the failures")

    def _failed(self, person: Person, count: int) -> None:
        if person.asked == person.asked_at_fail:
            self.wrong("a failure was counted and nobody had been asked")
        person.asked_at_fail = person.asked
        person.fails += 1
        if count != person.fails:
            self.wrong(f"{count} failures were counted, and there were {person.fails}")

    # What is told

    def hear(self, event: Event) -> None:
        if isinstance(event, RefreshFinished):
            self.outcomes[event.outcome] += 1
            if event.outcome == "store_fault" and event.provider:
                self._given_up(self._named(event.session))
        if isinstance(event, SessionEnded):
            self._ended(self._named(event.session), event.reason)

    def _given_up(self, person: Person) -> None:
        if self.loop.now - person.delivered_at < 55:
            self.wrong("new tokens were given up before a minute was over")
        person.excused = True

    def _named(self, name: str) -> Person:
        return next(one for one in self.people.values() if log_name(one.sid) == name)

    def _ended(self, person: Person, reason: str) -> None:
        self.outcomes[f"ended: {reason}"] += 1
        if reason == "logout":
            return
        if reason == "refresh_exhausted":
            if self.loop.clock() < person.token_end + LIMITS.outage_grace:
                self.wrong("a session was ended before its grace was over")
            if person.fails < 3:
                self.wrong("a session was ended before three tries in a row had failed")
        elif reason == "refresh_refused":
            if not person.family.ended_there and not person.doubly_lost:
                self.wrong("a session was ended though the provider had not ended its grant")
        else:
            self.wrong(f"a session ended by {reason}")

    # What is left at the end

    def held(self, person: Person) -> str:
        """The refresh token in the store; "" where there is no session."""
        found = self.store.records.get(record_key(person.sid))
        if found is None:
            return ""
        return self.sealing.open_grants(person.ticket, person.sid, found.fields["grant"])["idp"].refresh_token

    def settle_accounts(self) -> None:
        """In calm: what a living process was given is written down, or was given back."""
        for person in self.people.values():
            missing = person.delivered - person.committed - person.revoked
            if missing and not person.excused:
                self.wrong(f"lost {sorted(missing)} without an excuse")
