"""The script and the files of the component redis-sentinel, as they are shipped, with real servers on loopback."""

import asyncio
import shutil
import time
from contextlib import asynccontextmanager

import pytest
import redis

from gateway.errors import StoreFault
from gateway.storage.redis import open_redis
from tests.kit.redis_server import eventually
from tests.kit.shipped_sentinel import PASSWORD, PEERS, ShippedSentinelSet

pytestmark = [pytest.mark.anyio, pytest.mark.live]

LONG = 600.0
RECOVERED = 30.0
"""Seconds within which a failover has to be over; down-after-milliseconds is 5000."""


@pytest.fixture
def servers(tmp_path):
    with ShippedSentinelSet(tmp_path) as running:
        yield running


@asynccontextmanager
async def opened(url: str):
    store = open_redis(url, "test")
    try:
        yield store
    finally:
        await store.close()


async def until_written(store, key: str, value: bytes) -> float:
    """Write until one is taken, which needs a primary with a replica; the seconds from now."""
    began = time.monotonic()
    while time.monotonic() - began < RECOVERED:
        try:
            await store.put(key, value, LONG)
        except StoreFault:
            await asyncio.sleep(0.02)
        else:
            return time.monotonic() - began
    raise AssertionError("nothing was written in time")


@asynccontextmanager
async def asked_throughout(store):
    """Reads and writes without a pause; counts what failed."""
    counts = {"answered": 0, "failed": 0}

    async def ask() -> None:
        while True:
            try:
                await store.put("v:throughout", b"x", LONG)
                await store.get("v:throughout")
                counts["answered"] += 1
            except StoreFault:
                counts["failed"] += 1
            await asyncio.sleep(0.02)

    task = asyncio.create_task(ask())
    try:
        yield counts
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_primary_that_died_comes_back_as_a_replica(servers, record_property):
    """Killed; another is elected; the same script starts it again behind that one, and the store answers throughout."""
    old = servers.primary()
    assert old is servers.nodes[0]
    async with opened(servers.url) as store:
        await store.create("s:{1}", {"identity": b"kept"}, LONG)

        old.kill()
        seconds = await until_written(store, "v", b"after")
        new = await asyncio.to_thread(servers.primary)
        async with asked_throughout(store) as counts:
            await asyncio.to_thread(old.start)
            await asyncio.to_thread(eventually, "it is ready", old.ready)
            await asyncio.to_thread(eventually, "all are there again", servers.whole)

        assert new is not old
        assert (old.role(), new.role()) == ("slave", "master")
        assert counts["answered"] > 0
        assert counts["failed"] == 0
        assert (await store.read("s:{1}", ["identity"])).record.fields["identity"] == b"kept"
    record_property("shipped_sentinel_failover_seconds", round(seconds, 2))
    print(f"\nprimary of the shipped set killed: the store took a write again after {seconds:.2f} s")


async def test_a_primary_that_is_drained_hands_over_first(servers, record_property):
    """The hook before SIGTERM has another one elected; no five seconds are waited until it is missed."""
    old = servers.primary()
    async with opened(servers.url) as store:
        await store.create("s:{1}", {"identity": b"kept"}, LONG)

        took = await asyncio.to_thread(old.drain)

        assert await asyncio.to_thread(servers.primary) is not old
        seconds = await until_written(store, "v", b"after")
        assert (await store.read("s:{1}", ["identity"])).record.fields["identity"] == b"kept"
        old.start()
        await asyncio.to_thread(eventually, "it is ready", old.ready)
        assert old.role() == "slave"
    record_property("shipped_sentinel_handover_seconds", round(took + seconds, 2))
    print(
        f"\nprimary of the shipped set drained: handed over in {took:.2f} s, written to after {seconds:.2f} s"
    )


async def test_a_replica_that_is_drained_goes_at_once(servers):
    """There is nothing to hand over, and the primary stays."""
    primary = servers.primary()

    servers.nodes[2].drain()

    assert servers.primary() is primary
    assert primary.role() == "master"


async def test_a_sentinel_keeps_what_it_learned_and_who_it_is(servers):
    """After a failover: started again with its volume, and with an empty one, it names the new primary and is no fourth."""
    servers.primary().drain()
    new = servers.primary()
    for sentinel, emptied in zip(servers.sentinels[:2], (False, True), strict=True):
        sentinel.kill()
        if emptied:
            shutil.rmtree(sentinel.data)
            sentinel.data.mkdir()

        sentinel.start()
        eventually("it answers", lambda told=sentinel: answers(told.port))

        assert servers.seen(sentinel)["port"] == new.port
        eventually(
            "it knows the others",
            lambda told=sentinel: servers.seen(told)["num-other-sentinels"] == 2,
        )
    assert {servers.seen(one)["num-other-sentinels"] for one in servers.sentinels} == {2}


def answers(port: int) -> bool:
    with redis.Redis(port=port, username="gateway", password=PASSWORD) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


async def test_data_waits_for_the_sentinels(tmp_path):
    """Where nobody can say who is primary, a node with data does not make itself one: it would bring back what ended."""
    servers = ShippedSentinelSet(tmp_path)
    first = servers.nodes[0]
    (first.data / "appendonlydir").mkdir()

    def complaints() -> int:
        return first.log.count("no two sentinels name a primary yet")

    first.start()
    try:
        eventually("it has asked more often than an empty one would", lambda: complaints() > 7)
        assert first.ended() is None
        assert not answers(first.port)
        for sentinel in servers.sentinels[:2]:
            sentinel.start()
        eventually("it begins when two name one", lambda: answers(first.port))
    finally:
        servers.__exit__()


async def test_an_empty_volume_begins_with_the_first_node(tmp_path):
    """No sentinel is there: node 0 is primary, and the others follow it."""
    servers = ShippedSentinelSet(tmp_path)
    try:
        for node in servers.nodes:
            node.start()
        eventually("all are ready", lambda: all(node.ready() for node in servers.nodes))

        assert [node.role() for node in servers.nodes] == ["master", "slave", "slave"]
    finally:
        servers.__exit__()


@pytest.mark.parametrize("word", ["REPLACE-ME", "", "short", "0123456789abcdef '"])
@pytest.mark.parametrize("name", ["REDIS_PASSWORD", "PEER_PASSWORD"])
async def test_a_placeholder_starts_nothing(tmp_path, name, word):
    """Nor does a password that could be guessed, or read as something else in a file."""
    servers = ShippedSentinelSet(tmp_path)
    for pod in (servers.nodes[0], servers.sentinels[0]):
        pod.start(**{name: word})
        eventually("it has ended", lambda ended=pod.ended: ended() is not None, within=10)

        assert pod.ended() == 1
        assert pod.log.startswith(f"{name} must ")


@pytest.mark.parametrize(
    ("user", "password", "command"),
    [
        pytest.param("default", "", ("PING",), id="nobody"),
        pytest.param("gateway", PASSWORD, ("REPLICAOF", "NO", "ONE"), id="the gateway as a sentinel"),
        pytest.param("gateway", PASSWORD, ("FLUSHALL",), id="the gateway as an operator"),
        pytest.param("replica", PEERS, ("GET", "gw:x"), id="a replica as a reader"),
        pytest.param("sentinel", PEERS, ("GET", "gw:x"), id="a sentinel as a reader"),
        pytest.param("sentinel", PEERS, ("CONFIG", "SET", "dir", "."), id="a sentinel as an operator"),
    ],
)
async def test_nobody_may_more_than_its_part(alone, user, password, command):
    """Four users, each with what it needs."""
    with (
        redis.Redis(port=alone.port, username=user, password=password) as client,
        pytest.raises((redis.AuthenticationError, redis.exceptions.NoPermissionError)),
    ):
        client.execute_command(*command)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One node that began without the others."""
    servers = ShippedSentinelSet(tmp_path_factory.mktemp("alone"))
    node = servers.nodes[0]
    node.start()
    try:
        eventually("it is ready", node.ready)
        yield node
    finally:
        node.kill()
