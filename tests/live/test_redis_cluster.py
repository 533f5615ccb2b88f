"""The store on a real cluster: keys all over it, a node that dies, a slot that moves, a cluster that forgot all."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from gateway.errors import StoreFault
from gateway.storage.redis import open_redis
from gateway.storage.redis.cluster import slot_of
from gateway.storage.store import Bucket, Turn, Written
from tests.kit.redis_server import RedisCluster, RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.live]

LONG = 600.0
NOW = 1_800_000_000.0
RECOVERED = 20.0
"""Seconds within which a failover has to be over; cluster-node-timeout of the kit is one."""


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory):
    """Three primaries, shared by the tests that leave them as they were."""
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@asynccontextmanager
async def opened(url: str, deployment: str = "test", unconfirmed=lambda: None):
    store = open_redis(url, deployment, unconfirmed=unconfirmed)
    try:
        yield store
    finally:
        await store.close()


def spread(name: str) -> list[str]:
    """Three keys that three nodes have."""
    thirds: dict[int, str] = {}
    for number in range(1000):
        thirds.setdefault(slot_of(f"gw:test:{name}:{number}") * 3 // 16384, f"{name}:{number}")
    return [thirds[third] for third in range(3)]


async def answered(call, within: float = RECOVERED) -> float:
    """Repeat a call until it is answered; the seconds from now."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        try:
            await call()
        except StoreFault:
            await asyncio.sleep(0.01)
        else:
            return time.monotonic() - began
    raise AssertionError("nobody answered in time")


# Keys all over the cluster


async def test_verbs_over_several_nodes_answer_as_on_one(unharmed):
    """Values of three nodes are read, deleted and counted in one call of ours; the order is that of the question."""
    keys = spread("v")
    async with opened(unharmed.url) as store:
        await asyncio.gather(*(store.put(key, key.encode(), LONG) for key in keys))
        await store.create("s:{far}", {"identity": b"i"}, LONG)

        values = await store.get_many([keys[2], "never", keys[0], keys[1], keys[0]])
        reading = await store.read("s:{far}", ["identity"], [keys[1], "a:{far}", keys[0], keys[2]])
        gone = await store.delete([*keys, "s:{far}", "never"])

        assert values == [keys[2].encode(), None, keys[0].encode(), keys[1].encode(), keys[0].encode()]
        assert reading.record.fields == {"identity": b"i"}
        assert reading.beside == (keys[1].encode(), None, keys[0].encode(), keys[2].encode())
        assert gone == 4
        assert {unharmed.owner(f"gw:test:{key}").port for key in keys} == {one.port for one in unharmed.nodes}


async def test_a_limit_over_several_nodes_refuses_by_any_of_them(unharmed):
    """It may take from the buckets before the empty one; it never lets through what one refuses."""
    buckets = [Bucket(key, 1 if number == 2 else 5, 60.0) for number, key in enumerate(spread("b"))]
    async with opened(unharmed.url) as store:
        assert await store.count(buckets, NOW) == 0.0

        assert await store.count(buckets, NOW) == 60.0


async def test_keys_of_one_step_that_lie_apart_are_a_fault(unharmed):
    """A record and its lease must share a part in braces; else no node can take the step, and none half takes it."""
    async with opened(unharmed.url) as store:
        with pytest.raises(StoreFault, match="CrossSlot"):
            await store.acquire("no-braces", 1, "me", LONG, NOW)


async def test_scripts_are_known_node_by_node(unharmed):
    """EVALSHA meets a node that has never seen the text, on each of them once."""
    async with opened(unharmed.url) as store:
        for node in unharmed.nodes:
            node.ask("SCRIPT", "FLUSH")

        assert [await store.bump(key, LONG) for key in spread("n")] == [1, 1, 1]


async def test_a_server_of_a_cluster_is_not_taken_for_one_that_stands_alone(unharmed):
    """`redis://` to a node: most keys are elsewhere, and the sentence says what to write."""
    async with opened(f"redis://127.0.0.1:{unharmed.nodes[0].port}") as store:
        with pytest.raises(StoreFault, match=r"write redis\+cluster://"):
            await store.get_many(spread("v")[2:])


async def test_a_server_that_stands_alone_is_no_cluster(tmp_path):
    """`redis+cluster://` to a plain server is a fault."""
    with RedisServer(tmp_path) as server:
        async with opened(f"redis+cluster://127.0.0.1:{server.port}") as store:
            with pytest.raises(StoreFault, match="refused"):
                await store.get("v")


async def test_one_address_of_many_is_enough(unharmed):
    """The others are learned, and those that are wrong are passed over."""
    with RedisServer(unharmed._folder) as bystander:
        places = f"127.0.0.1:{bystander.port},127.0.0.1:1,127.0.0.1:{unharmed.nodes[1].port}"
        async with opened(f"redis+cluster://{places}") as store:
            assert [await store.bump(key, LONG) for key in spread("one")] == [1, 1, 1]


# Slots that move


async def test_a_slot_that_is_moving_answers_all_along(tmp_path):
    """Before, between (ASK, and one key of two already there), and after (MOVED): no call fails, and a step over two keys waits for the end."""
    with RedisCluster(tmp_path) as cluster:
        async with opened(cluster.url) as store:
            await store.create("s:{m}", {"identity": b"i"}, LONG)
            await asyncio.gather(*(store.bump("n:{m}", LONG) for _ in range(20)))  # several connections
            slot = slot_of("gw:test:s:{m}")
            source = cluster.owner("gw:test:s:{m}")
            target = next(one for one in cluster.nodes if one is not source)
            source_id, target_id = (one.ask("CLUSTER", "MYID").decode() for one in (source, target))

            target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
            source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
            source.ask(
                "MIGRATE", "127.0.0.1", target.port, "", 0, 1000, "KEYS", "gw:test:s:{m}", "gw:test:n:{m}"
            )
            moving = [await store.bump("n:{m}", LONG) for _ in range(20)]
            leasing = asyncio.create_task(store.acquire("s:{m}", 1, "me", LONG, NOW))
            await asyncio.sleep(0.2)  # a step over two keys, of which one is not there yet, waits
            for node in (target, source):
                node.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id)
            after = [await store.bump("n:{m}", LONG) for _ in range(20)]

            assert moving == list(range(21, 41))
            assert after == list(range(41, 61))
            leased = await leasing
            assert leased.turn is Turn.LEAD
            assert (
                await store.commit("s:{m}", 1, leased.fence, "me", {"identity": b"j"}, LONG) is Written.DONE
            )
            assert cluster.owner("gw:test:s:{m}") is target
            assert not store.remembers(LONG)


# Nodes that die


async def test_confirmed_ends_and_commits_outlive_a_node(tmp_path, figure, monkeypatch):
    """A primary is killed: its replica answers its checks, and has every commit and every end."""
    # A busy machine's replica may need longer than the product waits; that is not the question here.
    monkeypatch.setattr("gateway.storage.redis.node._CONFIRM_MS", 400)
    late = []
    with RedisCluster(tmp_path, replicas=1) as cluster:
        async with opened(cluster.url, unconfirmed=lambda: late.append(1)) as store:
            for number in range(60):
                key = f"s:{{{number}}}"
                await store.create(key, {"identity": b"old"}, LONG)
                leased = await store.acquire(key, 1, "me", LONG, NOW)
                await store.commit(key, 1, leased.fence, "me", {"identity": b"new"}, LONG)
            assert await store.delete([f"s:{{{number}}}" for number in range(30)]) == 30
            assert late == []
            victim = cluster.owner("gw:test:s:{40}")
            elsewhere = next(n for n in range(30, 60) if cluster.owner(f"gw:test:s:{{{n}}}") is not victim)

            victim.stop()
            hit, spared = await asyncio.gather(
                answered(lambda: store.read("s:{40}", ["identity"])),
                answered(lambda: store.read(f"s:{{{elsewhere}}}", ["identity"])),
            )
            readings = [(await store.read(f"s:{{{number}}}", ["identity"])).record for number in range(60)]

            assert readings[:30] == [None] * 30
            assert [record.fields["identity"] for record in readings[30:]] == [b"new"] * 30
            assert not store.remembers(LONG)
    figure("cluster node killed, until its keys answered again", hit, "s")
    figure("cluster node killed, until the keys of others answered", spared, "s")


async def test_a_cluster_that_forgot_everything_says_so(tmp_path, figure):
    """All nodes killed and started again, empty: nobody there, which is no fault, and scripts run again."""
    with RedisCluster(tmp_path) as cluster:
        async with opened(cluster.url) as store:
            await store.create("s:{a}", {"identity": b"i"}, LONG)
            for node in cluster.nodes:
                node.stop()
            with pytest.raises(StoreFault):
                await store.read("s:{a}", ["identity"], ["a:{a}"])

            for node in cluster.nodes:  # each finds its part of the map in nodes.conf, and no data
                await asyncio.to_thread(node.start)
            seconds = await answered(lambda: store.read("s:{a}", ["identity"], ["a:{a}"]))

            assert (await store.read("s:{a}", ["identity"], ["a:{a}"])).record is None
            assert await store.bump("n:{a}", LONG) == 1
            assert not store.remembers(LONG)
    figure("cluster started again, empty, until it answered", seconds, "s")
