"""A crowd at the health paths, which everybody may ask: it must not look like a store that fails.

A handful of connections is kept for pings. A thousand that wait for them are told that there is none, which would raise
an alarm, and keep a gateway that has just begun out of service.
"""

import asyncio

import pytest

from gateway.errors import StoreFault
from gateway.observe.events import Alarm
from gateway.serve.health import Health
from gateway.storage.opened import Observed
from gateway.storage.outage import Outages
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore

pytestmark = pytest.mark.anyio


class Narrow(MemoryStore):
    """A store with two connections for pings, and no patience."""

    pings = 0
    at_once = 0

    async def ping(self):
        if self.at_once >= 2:
            raise StoreFault("redis: No connection available.")
        self.pings += 1
        self.at_once += 1
        try:
            await asyncio.sleep(0.01)
            await super().ping()
        finally:
            self.at_once -= 1


class House:
    def __init__(self):
        clock, self.told = Clock(), []
        self.inside = Narrow(clock)
        outages = Outages("redis://store.example:6379/0", self.told.append, clock, clock)
        store = Observed(self.inside, self.told.append, clock, outages)
        self.health = Health(store, store.trouble)


async def test_a_crowd_at_readyz_raises_no_alarm():
    """Who asks at the same moment shares the answer; and that is one which was asked for after they came."""
    house = House()

    answers = await asyncio.gather(*[house.health.readiness() for _ in range(200)])

    assert set(answers) == {(200, "ready")}
    assert not [one for one in house.told if isinstance(one, Alarm)]
    assert house.inside.pings == 2


async def test_a_store_that_fails_is_seen_by_all_of_the_crowd():
    """What is shared is the truth."""
    house = House()
    house.inside.down = True

    answers = await asyncio.gather(*[house.health.readiness() for _ in range(20)])

    assert set(answers) == {(503, "starting")}
    house.inside.down = False
    assert await house.health.readiness() == (200, "ready")
