"""A neighbour whose clock is wrong: what it writes must not keep ended sessions alive (T46)."""

import pytest

from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.inventory import Inventory
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from tests.kit.clock import Clock
from tests.kit.memory_bus import MemoryBus
from tests.kit.memory_store import MemoryStore
from tests.kit.people import ISSUERS, person, tokens
from tests.kit.randomness import Randomness

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
HOUR = 3600.0
LIMITS = Limits.model_validate({"idle": "1h", "absolute": "1h"})
SPEC = CookieSpec("__Host-gw", None, True, int(HOUR))
RING = Keyring.generate(Randomness(), NOW)


class World:
    """Sessions of an hour at most, and the lists of a neighbour whose clock goes wrong by `skew` seconds."""

    def __init__(self):
        self.clock, self.bus, self.skew = Clock(NOW), MemoryBus(), 0.0
        self.store = MemoryStore(self.clock)
        self.sessions = Sessions(
            self.store, RING, SPEC, LIMITS, "here", lambda event: None, self.clock, Randomness("s"), ISSUERS,
            bus=self.bus,
        )  # fmt: skip
        self.neighbour = Inventory(
            self.store, RING, LIMITS.absolute, "here", lambda event: None, lambda: self.clock() + self.skew,
            Randomness("i"), self.bus,
        )  # fmt: skip

    async def end_all(self):
        await self.neighbour.end_all(ISSUERS["corp"], "7", "operator")


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.neighbour.close(1.0)


SKEWS = [
    pytest.param(0.0, -3 * HOUR, id="behind at the second end"),
    pytest.param(5 * HOUR, 0.0, id="ahead at the first end"),
]


@pytest.mark.parametrize(("at_first", "then"), SKEWS)
async def test_t46_sessions_end_whatever_the_clock_of_who_ends_them(world, at_first, then):
    """A session carries the epoch of an end whose record has run out; the next end must not come out below it."""
    world.skew = at_first
    await world.end_all()
    world.clock.advance(HOUR + 1800)
    begun = await world.sessions.begin(person("7"), tokens())
    world.clock.advance(1801)
    world.skew = then

    await world.end_all()

    assert await world.neighbour.of_person(ISSUERS["corp"], "7") == ()
    assert await world.sessions.open(begun.ticket) is None


async def test_t46_a_record_that_ran_out_ends_nothing(world):
    """Nobody has ended anything since: the session that carries its epoch goes on."""
    await world.end_all()
    world.clock.advance(HOUR + 1800)
    begun = await world.sessions.begin(person("7"), tokens())
    world.clock.advance(1801)

    assert not any(key.startswith("rights:") for key in await _there(world.store))
    assert await world.sessions.open(begun.ticket) is not None
    assert [one.id for one in await world.neighbour.of_person(ISSUERS["corp"], "7")] == [begun.session.id]


async def _there(store):
    return [key for key in list(store.plain) if await store.get(key) is not None]
