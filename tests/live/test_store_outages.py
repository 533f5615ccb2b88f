"""The store goes away under a steady load of checks, in every way that we know, and comes back.

Two real gateways over a real Redis. The first one reaches it through a proxy that can cut it off, the second one
directly; what befalls Redis itself befalls both.
"""

import asyncio
import math
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvloop
from redis import exceptions

from gateway.sessions.sealing import record_key
from gateway.storage.redis.link import connector_of
from gateway.storage.redis.store import key_prefix
from tests.kit.dropping_proxy import DroppingProxy
from tests.kit.fleet import Fleet, SignedIn, fleet
from tests.kit.real_gateway import ISSUER
from tests.kit.redis_server import RedisCluster, RedisServer, SentinelSet
from tests.kit.waiting import until
from tests.kit.watched_checks import WatchedChecks

pytestmark = [pytest.mark.anyio, pytest.mark.live]

PROVIDERS = {"test": {"issuer": ISSUER, "client_id": "gateway", "anyone": True}}
RULES = [
    {"name": "public", "paths": ["/public/**"], "allow": "public"},
    {"name": "strict", "paths": ["/strict/**"], "allow": "authenticated", "freshness": "strict"},
    {"name": "rest", "allow": "authenticated"},
]
LIVE = ("live", "live, asked each time")
BOUND = 5.0
"""Seconds for which a process may believe what it remembers: `sessions.cache_ttl`."""
GRACE = 30.0
AWAY = 4.0
PATIENCE = 10.0
"""Seconds for one answer. Ours take 3 at most; the rest is for a machine that has other things to do."""
RECOVERED = 30.0
NOTICE = 1.0
"""Seconds for a notice to travel, where nothing is in its way. It takes milliseconds; the machine is shared."""
UNCONFIRMED = 0.5
"""Seconds before a kill in which nobody signs out: a write waits 50 ms for a replica, which may be late."""
UNTIL_SETTLED = 2.0


@dataclass
class Left:
    """A sign-out: whose, where, when it was answered, and how."""

    who: str
    gateway: int
    answered: float
    status: int


@dataclass
class Story:
    """People at two gateways, what happens to their store, and what they are told meanwhile."""

    fleet: Fleet
    checks: WatchedChecks
    people: dict[str, SignedIn]
    final: int = 200
    """What live sessions are told in the end."""
    over: float = 0.0
    """When the cause ended. A server that was killed: when it is started again."""
    left: list[Left] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)

    async def sign_out(self, who: str, gateway: int) -> None:
        answer = await self.fleet.ask_to_sign_out(gateway, self.people[who])
        self.left.append(Left(who, gateway, time.monotonic(), answer.status_code))

    @asynccontextmanager
    async def outage(self, after: float = 0.0) -> AsyncIterator[None]:
        """Somebody signs out, and so many seconds later the block is the cause; then others sign out at each gateway."""
        await self.sign_out("left before", 1)
        await asyncio.sleep(after)
        leaving = [asyncio.ensure_future(self._leave(n)) for n in range(2)]
        yield
        self.over = self.over or time.monotonic()
        await asyncio.gather(*leaving)
        try:
            await until(self._settled, RECOVERED)
        except AssertionError as late:
            raise AssertionError(f"{self.checks.lately(UNTIL_SETTLED)}; {self.left}") from late
        self.logs = [one.log for one in self.fleet.gateways]

    async def _leave(self, gateway: int) -> None:
        await asyncio.sleep(0.05)
        await self.sign_out(f"left at {gateway}", gateway)

    def _settled(self) -> bool:
        others = frozenset({200, 401, 503} - {self.final})
        gone = [one.who for one in self.left]
        return self.checks.settled(*LIVE, seconds=UNTIL_SETTLED, without=others) and self.checks.settled(
            *gone, seconds=UNTIL_SETTLED, without=frozenset({200, 503})
        )

    # What was seen

    def statuses(self, *kinds: str, gateway: int | None = None, since: float = -math.inf) -> set[int]:
        return {one.status for one in self.checks.answers(*kinds, gateway=gateway, since=since)}

    @property
    def first_again(self) -> float:
        """Seconds from the cause's end to the first answer of the store, where there was none before."""
        lanes = self.checks.of(LIVE[1])
        hit = [lane for lane in lanes if any(one.status == 503 for one in lane.answers)]
        return min(lane.first(self.final, since=self.over) for lane in hit or lanes) - self.over

    @property
    def all_again(self) -> float:
        """Seconds from the cause's end until every live session was told the same again, and nothing else after it."""
        return max(lane.for_good(self.final, since=self.over) for lane in self.checks.of(*LIVE)) - self.over

    def accepted(self, one: Left, *, since: float, gateway: int | None = None) -> int:
        """How often somebody who had left was let in."""
        found = self.checks.answers(one.who, gateway=gateway, since=since)
        return sum(answer.status == 200 for answer in found)

    # What holds in every outage

    def judge(self, bound: float = BOUND) -> None:
        self._every_answer()
        self._those_who_stay()
        recovered = self.over + self.all_again
        assert self.statuses("left long ago") <= {401, 503}
        for one in self.left:
            assert one.status in {202, 303}
            assert self.accepted(one, since=one.answered, gateway=one.gateway) == 0, one
            if one.status == 303:
                assert self.accepted(one, since=one.answered + bound) == 0, one
                assert self.accepted(one, since=max(recovered, one.answered + NOTICE)) == 0, one
            else:
                assert self.accepted(one, since=recovered + BOUND) == 0, one

    def _every_answer(self) -> None:
        assert len(self.logs) == 2
        assert not any("internal_error" in log for log in self.logs)
        for lane in self.checks.lanes:
            assert lane.load.failures == []
        for answer in self.checks.answers():
            assert b"\r\nset-cookie:" not in answer.head.lower()
            assert (answer.status == 503) == (b"\r\nretry-after:" in answer.head.lower())
        assert self.statuses("public") == {200}
        assert self.statuses("nobody") == {401}
        assert self.checks.slowest() < PATIENCE

    def _those_who_stay(self) -> None:
        early = {one.status for one in self.checks.answers(*LIVE) if one.sent + one.took < self.over}
        assert early <= {200, 503}
        assert self.statuses(*LIVE) <= {200, 503, self.final}
        assert self.statuses(*LIVE, since=self.over + self.all_again) == {self.final}

    def tell(self, figure, what: str) -> None:
        figure(f"{what}: slowest answer", self.checks.slowest(), "s")
        figure(f"{what}: until the first answer of the store", self.first_again, "s")
        figure(f"{what}: until all checks were {self.final} again", self.all_again, "s")
        deferred = [one.who for one in self.left if one.status == 202]
        if deferred:
            last = self.checks.last(*deferred, status=200, since=self.over)
            figure(f"{what}: cookies signed out with a 202, last accepted elsewhere after", last, "s")


@asynccontextmanager
async def watched(gateways: Fleet, final: int = 200) -> AsyncIterator[Story]:
    """Everybody is signed in and has been served at both gateways; one has left."""
    names = (*LIVE, "left long ago", "left before", "left at 0", "left at 1")
    people = {name: await gateways.sign_in_without_tokens() for name in names}
    await gateways.sign_out(0, people["left long ago"])
    checks = WatchedChecks(gateways)
    for name, who in people.items():
        checks.add(name, who.cookie, "/strict/x" if name in {LIVE[1], "left long ago"} else "/x")
    checks.add("public", people["live"].cookie, "/public/x")
    checks.add("nobody", "", "/x")
    await asyncio.to_thread(checks.__enter__)
    try:
        bad = frozenset({401, 503})
        signed_in = [name for name in names if name != "left long ago"]
        await until(lambda: checks.settled(*signed_in, seconds=1.0, without=bad), what="everybody is served")
        yield Story(gateways, checks, people, final)
    finally:
        await asyncio.to_thread(checks.__exit__, None, None, None)


@asynccontextmanager
async def gateways_over(folder: Path, stores: Iterable[str], **sessions: object) -> AsyncIterator[Fleet]:
    written = {"rules": RULES, "sessions": sessions, "log": {"level": "warning"}}
    async with fleet(folder, list(stores), PROVIDERS, written=written) as running:
        yield running


@dataclass
class House:
    """A Redis that keeps a file, and two gateways: the first behind the proxy."""

    redis: RedisServer
    proxy: DroppingProxy
    fleet: Fleet


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def house(anyio_backend, tmp_path_factory):
    folder = tmp_path_factory.mktemp("outages")
    async with AsyncExitStack() as stack:
        kept = ("--appendonly", "yes", "--appendfsync", "everysec")
        redis = stack.enter_context(RedisServer(folder, kept))
        proxy = await stack.enter_async_context(DroppingProxy(redis.port))
        running = await stack.enter_async_context(gateways_over(folder, [proxy.url, redis.url]))
        yield House(redis, proxy, running)


@pytest.mark.parametrize("seconds", [0.1, 1.0, 10.0])
async def test_redis_that_hangs(house, figure, seconds):
    """Stopped in the middle, connections open: a moment is waited for, more is a 503, and nobody is signed out."""
    async with watched(house.fleet) as story, story.outage():
        house.redis.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            house.redis.process.send_signal(signal.SIGCONT)

    story.judge()
    if seconds > 0.5:  # for so long an answer is waited for
        assert 503 in story.statuses(*LIVE)
    if seconds > 5:
        assert [one.status for one in story.left] == [303, 202, 202]
    story.tell(figure, f"Redis hangs for {seconds:g} s")


@pytest.mark.parametrize("mode", ["swallow", "reset"])
async def test_a_network_that_is_cut(house, figure, mode):
    """Bytes vanish, or connections are reset: at one gateway; the other one goes on as if nothing had happened."""
    async with watched(house.fleet) as story, story.outage():
        house.proxy.become(mode)
        try:
            await asyncio.sleep(AWAY)
        finally:
            house.proxy.become("pass")

    story.judge()
    assert story.statuses(*LIVE, gateway=0) == {200, 503}
    assert story.statuses(*LIVE, gateway=1) == {200}
    assert {one.who: one.status for one in story.left} == {
        "left before": 303, "left at 0": 202, "left at 1": 303,
    }  # fmt: skip
    story.tell(figure, f"network between a gateway and Redis cut ({mode}) for {AWAY:g} s")


async def test_redis_that_is_killed_and_has_its_file(house, figure):
    """Everybody is still signed in, and whoever had left is still out."""
    # What was told in the last second before a crash may be lost: `appendfsync everysec`.
    async with watched(house.fleet) as story, story.outage(after=2.0):
        house.redis.stop()
        await asyncio.sleep(AWAY)
        story.over = time.monotonic()
        await asyncio.to_thread(house.redis.start)

    story.judge()
    assert 503 in story.statuses(*LIVE)
    story.tell(figure, "Redis killed, started with its file")


async def test_redis_that_is_killed_and_comes_back_empty(house, figure):
    """Everybody is sent to log in, which is no error."""
    async with watched(house.fleet, final=401) as story, story.outage():
        house.redis.stop()
        shutil.rmtree(house.redis.folder / "appendonlydir")
        await asyncio.sleep(AWAY)
        story.over = time.monotonic()
        await asyncio.to_thread(house.redis.start)

    story.judge()
    assert 503 in story.statuses(*LIVE)
    story.tell(figure, "Redis killed, started empty")


async def test_a_primary_that_is_killed_under_sentinel(tmp_path, figure):
    """Another one takes over; what counts as the end of the cause is the kill."""
    with SentinelSet(tmp_path / "redis") as servers:
        async with (
            gateways_over(tmp_path, [servers.url] * 2) as running,
            watched(running) as story,
            story.outage(UNCONFIRMED),
        ):
            servers.primary().stop()

    story.judge()
    assert 503 in story.statuses(*LIVE)
    story.tell(figure, "primary killed under Sentinel")


async def test_a_node_of_a_cluster_that_is_killed(tmp_path, figure):
    """Its replica takes over; the sessions on other nodes notice nothing."""
    with RedisCluster(tmp_path / "redis", replicas=1) as cluster:
        async with gateways_over(tmp_path, [cluster.url] * 2) as running, watched(running) as story:
            asked = story.people[LIVE[1]]
            victim = cluster.owner(
                f"{key_prefix(running.gateways[0].ring.deployment)}{record_key(asked.sid)}"
            )
            async with story.outage(UNCONFIRMED):
                victim.stop()

    story.judge()
    assert 503 in story.statuses(LIVE[1])
    story.tell(figure, "cluster node killed")


async def test_a_connection_that_breaks_under_a_command_is_a_fault_of_the_store(house):
    """On uvloop, which raises RuntimeError where asyncio has ConnectionResetError: to write on a transport that has
    been closed since it was looked at."""

    async def write_on_a_broken_connection() -> None:
        pool = connector_of(house.redis.url).to(("127.0.0.1", house.redis.port), 1)
        connection = await pool.get_connection()
        connection._writer.transport.abort()
        await asyncio.sleep(0)
        try:
            await connection.send_command("GET", "v")
        finally:
            await pool.aclose()

    with pytest.raises(exceptions.ConnectionError):
        await asyncio.to_thread(uvloop.run, write_on_a_broken_connection())


async def test_with_a_grace_reads_go_on(tmp_path, figure):
    """Whoever is remembered reads on; a strict rule asks the store as ever; who signed out here is not served here."""
    async with AsyncExitStack() as stack:
        (tmp_path / "redis").mkdir()
        redis = stack.enter_context(RedisServer(tmp_path / "redis"))
        proxy = await stack.enter_async_context(DroppingProxy(redis.port))
        grace = {"on_store_failure": {"grace": f"{GRACE:g}s"}}
        running = await stack.enter_async_context(gateways_over(tmp_path, [proxy.url, redis.url], **grace))
        async with watched(running) as story, story.outage():
            proxy.become("swallow")
            await asyncio.sleep(AWAY)
            proxy.become("pass")

    story.judge(GRACE)
    # Once the bus is back everything is forgotten, though for a second at most nobody asks the store yet. That
    # befalls as well a check that was waiting for the store at that moment: what counts is when it was answered.
    before = [one for one in story.checks.answers(LIVE[0]) if one.sent + one.took < story.over]
    assert {one.status for one in before} == {200}
    assert 503 in story.statuses(LIVE[1], gateway=0)
    assert {one.who: one.status for one in story.left}["left at 0"] == 202
    story.tell(figure, f"network cut for {AWAY:g} s, with a grace")
