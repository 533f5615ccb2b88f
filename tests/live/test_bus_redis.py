"""The bus on a real Redis when things go wrong: a server that dies, a network that swallows, and messages of others."""

import asyncio
import itertools
import time

import pytest
from redis.asyncio import Redis

from gateway.errors import StoreFault
from gateway.observe.events import BusChanged, NoticesIgnored
from gateway.storage.bus import About, Notice
from gateway.storage.buses import open_bus
from gateway.storage.redis.bus import LARGEST, SILENCE
from tests.kit.dropping_proxy import DroppingProxy
from tests.kit.randomness import Randomness
from tests.kit.redis_server import RedisServer
from tests.kit.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.live]

_seeds = itertools.count()
ENDED = Notice(About.SESSION, "ended", 1.5)


class Ear:
    """One process of the deployment `d`."""

    def __init__(self, url, deployment="d"):
        self.heard, self.events = [], []
        self.bus = open_bus(url, deployment, time.time, self.events.append, Randomness(f"{next(_seeds)}"))
        self.bus.subscribe(self.heard.append)

    async def __aenter__(self):
        await self.bus.open()
        return self

    async def __aexit__(self, *exc):
        await self.bus.close()

    async def current(self, seconds=10.0):
        return await until(self.bus.current, seconds, "a current bus")

    async def lost(self, seconds=10.0):
        return await until(lambda: not self.bus.current(), seconds, "a bus that knows that it is cut")


@pytest.fixture
def server(tmp_path):
    with RedisServer(tmp_path) as running:
        yield running


async def test_a_server_that_is_not_up_yet_delays_nobody(server):
    """Opening a bus returns at once; it becomes current when the server comes, and says once that it was not."""
    server.stop()
    async with Ear(server.url) as ear:
        await until(lambda: ear.events, what="a word about it")
        server.start()
        await ear.current()

        assert [event.outcome for event in ear.events if isinstance(event, BusChanged)] == ["lost", "current"]


async def test_a_server_that_dies_and_comes_back_makes_everything_forgotten(server):
    """What was told in between cannot be known."""
    async with Ear(server.url) as ear, Ear(server.url) as other:
        await ear.current()
        await other.current()
        server.stop()
        await ear.lost(SILENCE)
        ear.heard.clear()
        with pytest.raises(StoreFault):
            await other.bus.publish(ENDED)

        server.start()
        await ear.current()

        assert ear.heard == [Notice(About.ALL)]
        await other.current()
        await other.bus.publish(ENDED)
        await until(lambda: ENDED in ear.heard)


async def test_a_network_that_swallows_bytes_is_noticed_within_three_seconds(server, figure):
    """No connection is closed, nothing is refused: the heartbeat alone can tell. A notice that was lost makes nobody
    believe anything: before the bus is current again, everything has been forgotten."""
    async with DroppingProxy(server.port) as proxy, Ear(proxy.url) as ear, Ear(server.url) as other:
        await ear.current()
        await other.current()

        proxy.become("swallow")
        await other.bus.publish(ENDED)
        gone = await ear.lost(SILENCE + 0.5)
        heard_while_cut = list(ear.heard)
        ear.heard.clear()
        proxy.become("pass")
        back = await ear.current()

        assert ENDED not in heard_while_cut
        assert ear.heard[0] == Notice(About.ALL)
        figure("bytes swallowed, until the bus was not current", gone, "s")
        figure("network mended, until the bus was current", back, "s")


async def test_what_is_no_notice_is_ignored_and_counted_once_a_minute(server):
    """Somebody else writes to the channel, or a release that speaks differently."""
    junk = [b"", b"\xff\xfe", b"[]", b"{}", b'{"from":1}', b"x" * (LARGEST + 1), b'{"a":1,"a":2}']
    async with Ear(server.url) as ear, Ear(server.url) as other, Redis.from_url(server.url) as anybody:
        await ear.current()
        await other.current()
        for message in junk:
            await anybody.publish("gw:d:bus", message)
        await other.bus.publish(ENDED)
        await until(lambda: ENDED in ear.heard)

        assert [notice.about for notice in ear.heard] == [About.ALL, About.SESSION]
        assert [event for event in ear.events if isinstance(event, NoticesIgnored)] == [NoticesIgnored(1)]
        assert ear.bus.current()


async def test_a_heartbeat_that_others_write_proves_nothing(server):
    """Only one that this process has sent, and only once."""
    async with DroppingProxy(server.port) as proxy, Ear(proxy.url) as ear:
        await ear.current()
        async with Redis.from_url(server.url) as anybody:
            (own,) = await anybody.pubsub_channels("gw:d:bus:*")
            for number in range(1, 100):
                await anybody.publish(own, b"%d" % (number + 10_000))
            proven = ear.bus._proven
            await asyncio.sleep(0.1)

        assert ear.bus._proven == proven


async def test_two_deployments_on_one_server_do_not_hear_each_other(server):
    """Nor one whose name begins like the other's."""
    async with Ear(server.url, "a") as one, Ear(server.url, "b") as two, Ear(server.url, "a") as third:
        for ear in (one, two, third):
            await ear.current()

        await one.bus.publish(ENDED)
        await until(lambda: ENDED in third.heard)

        assert ENDED not in two.heard


async def test_a_subscription_that_the_server_ends_is_begun_anew(server):
    """`CLIENT KILL`, or a subscriber that was too slow: everything is forgotten, and the library's own reconnecting
    passes for nothing."""
    async with Ear(server.url) as ear, Redis.from_url(server.url) as operator:
        await ear.current()
        ear.heard.clear()

        await operator.execute_command("CLIENT KILL TYPE pubsub")
        await until(lambda: Notice(About.ALL) in ear.heard, what="ALL")
        await ear.current()

        assert ear.heard == [Notice(About.ALL)]


async def test_closing_leaves_nothing_running(server):
    """No task, and no connection."""
    before = asyncio.all_tasks()
    async with Ear(server.url) as ear:
        await ear.current()

    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before
    async with Redis.from_url(server.url) as operator:
        assert await operator.pubsub_channels("gw:*") == []
