"""The store behind three sentinels: a primary dies, is deposed, or comes back as a replica."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from gateway.errors import StoreFault
from gateway.storage.redis import open_redis
from gateway.storage.store import Turn, Written
from tests.kit.redis_server import SentinelSet, eventually
from tests.kit.servers import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.live]

LONG = 600.0
NOW = 1_800_000_000.0
RECOVERED = 20.0
"""Seconds within which a failover has to be over; down-after-milliseconds of the kit is 500."""


@pytest.fixture
def servers(tmp_path):
    with SentinelSet(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory):
    """Shared by the tests that leave it as it was."""
    with SentinelSet(tmp_path_factory.mktemp("sentinel")) as running:
        yield running


@asynccontextmanager
async def opened(url: str, unconfirmed=lambda: None):
    store = open_redis(url, "test", unconfirmed=unconfirmed)
    try:
        yield store
    finally:
        await store.close()


async def until_answered(store) -> float:
    """Ask as checks do until one is answered; the seconds from now."""
    began = time.monotonic()
    while time.monotonic() - began < RECOVERED:
        try:
            await store.read("s:{0}", ["identity"], ["a:{0}"])
        except StoreFault:
            await asyncio.sleep(0.01)
        else:
            return time.monotonic() - began
    raise AssertionError("nobody answered in time")


async def committed(store, number: int) -> None:
    """A session that was refreshed once."""
    key = f"s:{{{number}}}"
    await store.create(key, {"identity": b"old"}, LONG)
    leased = await store.acquire(key, 1, f"owner-{number}", LONG, NOW)
    assert leased.turn is Turn.LEAD
    assert (
        await store.commit(key, 1, leased.fence, f"owner-{number}", {"identity": b"new"}, LONG)
        is Written.DONE
    )


async def test_confirmed_ends_and_commits_outlive_the_primary(servers, figure, monkeypatch):
    """The primary is killed: checks are answered again by the replica, which has every commit and every end."""
    # A busy machine's replica may need longer than the product waits; that is not the question here.
    monkeypatch.setattr("gateway.storage.redis.node._CONFIRM_MS", 400)
    late = []
    async with opened(servers.url, lambda: late.append(1)) as store:
        for number in range(30):
            await committed(store, number)
        assert await store.delete([f"s:{{{number}}}" for number in range(10)]) == 10
        assert late == []

        old = servers.primary()
        old.stop()
        took_over = asyncio.to_thread(eventually, "another primary", lambda: servers.primary() is not old)
        promoted, seconds = await asyncio.gather(took_over, until_answered(store))
        readings = [(await store.read(f"s:{{{number}}}", ["identity"])).record for number in range(30)]

        assert readings[:10] == [None] * 10
        assert [record.fields["identity"] for record in readings[10:]] == [b"new"] * 20
        assert not store.remembers(seconds + 1.0)
    figure("primary killed under Sentinel, until another was promoted", promoted, "s")
    figure("primary killed under Sentinel, until the store answered", seconds, "s")


async def test_what_is_not_confirmed_is_lost_for_a_moment_at_most(servers, figure):
    """Plain values written in a hurry while the primary dies: how many that were answered are gone afterwards."""
    async with opened(servers.url) as store:
        answered = []

        async def write(lane: int) -> None:
            for number in range(1_000_000):
                key = f"v:{lane}:{number}"
                await store.put(key, b"x", LONG)
                answered.append((time.monotonic(), key))

        writers = [asyncio.create_task(write(lane)) for lane in range(8)]
        await asyncio.sleep(0.5)
        await asyncio.to_thread(servers.primary().stop)
        await asyncio.gather(*writers, return_exceptions=True)
        await until_answered(store)
        values = await store.get_many([key for _, key in answered])

        lost = [moment for (moment, _), value in zip(answered, values, strict=True) if value is None]
        window = answered[-1][0] - min(lost) if lost else 0.0
        assert window < 1.0
    figure("unconfirmed writes before the primary died", len(answered), "")
    figure("of these lost", len(lost), "")
    figure("from the first lost write to the end", window * 1000, "ms")


async def test_a_deposed_primary_is_left(servers):
    """A failover that nobody died of: READONLY, or a closed connection, and then the new primary."""
    async with opened(servers.url) as store:
        old = servers.primary()
        await store.put("v", b"before", LONG)

        servers.sentinels[0].ask("SENTINEL", "FAILOVER", servers.name)
        began = time.monotonic()
        # Between the new primary's promotion and this it still takes writes, which are lost: the window again.
        while b"role:slave" not in old.ask("INFO", "replication"):
            assert time.monotonic() - began < RECOVERED
            await asyncio.sleep(0.05)
        await until_answered(store)
        await written_in_time(store, "v", b"after")

        assert await store.get("v") == b"after"
        assert b"role:master" in servers.primary().ask("INFO", "replication")
        assert not store.remembers(RECOVERED * 2)


async def written_in_time(store, key: str, value: bytes) -> None:
    async with asyncio.timeout(RECOVERED):
        while True:
            try:
                await store.put(key, value, LONG)
            except StoreFault:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_replica_that_a_sentinel_names_is_not_believed(unharmed):
    """Whoever connects looks whether it is a primary: a sentinel may be behind."""
    replica = next(one for one in unharmed.servers if one is not unharmed.primary())
    async with opened(unharmed.url) as store:

        async def behind():
            return "127.0.0.1", replica.port

        store._link._route._node._pool.connection_kwargs["find"] = behind

        with pytest.raises(StoreFault, match="no primary"):
            await store.get("v")


async def test_a_replica_that_is_away_costs_a_moment_and_is_told(servers):
    """WAIT ends after its 50 ms; the write stands, and somebody is told that no replica has it."""
    late = []
    async with opened(servers.url, lambda: late.append(1)) as store:
        await committed(store, 1)
        next(one for one in servers.servers if one is not servers.primary()).process.send_signal(
            19
        )  # SIGSTOP

        await committed(store, 2)

        assert len(late) == 2  # the lease and the commit


async def test_sentinels_that_are_away_cost_nothing_while_one_answers(servers):
    """The address lists several so that one is enough: to find the primary, not to agree on another one."""
    for one in servers.sentinels[:2]:
        one.stop()

    async with opened(f"{servers.url}?min_other_sentinels=0") as store:
        await store.put("v", b"x", LONG)

        assert await store.get("v") == b"x"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("redis+sentinel://127.0.0.1:{port}/other", id="another service"),
        pytest.param("redis+sentinel://127.0.0.1:{port}/mymaster?min_other_sentinels=5", id="too few others"),
        pytest.param("redis+sentinel://127.0.0.1:{nobody}/mymaster", id="nobody there"),
    ],
)
async def test_no_primary_is_a_fault(unharmed, url):
    """Where no sentinel may be believed nobody is written to."""
    async with opened(url.format(port=unharmed.sentinels[0].port, nobody=free_port())) as store:
        with pytest.raises(StoreFault, match="no sentinel that may be believed"):
            await store.get("v")
