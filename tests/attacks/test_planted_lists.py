"""Lists of sessions in a store that a stranger can write to: nobody is shown to somebody else (X8).

The lists hold ids in the clear, because members come and go there. What they lead to is sealed.
"""

import pytest

from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.inventory import Inventory
from gateway.sessions.person import person_of
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.people import ISSUERS, person, tokens
from tests.kit.randomness import Randomness

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
SPEC = CookieSpec("__Host-gw", None, True, 30 * 86_400)
RING = Keyring.generate(Randomness(), NOW)
CORP = ISSUERS["corp"]


class World:
    """One deployment, in which two people are signed in."""

    def __init__(self):
        clock = Clock(NOW)
        self.store = MemoryStore(clock)
        end = Limits().absolute
        ours = (self.store, RING)
        self.sessions = Sessions(
            *ours, SPEC, Limits(), "here", lambda event: None, clock, Randomness("s"), ISSUERS
        )
        self.inventory = Inventory(*ours, end, "here", lambda event: None, clock, Randomness("i"))

    async def fill(self):
        self.mine = await self.sessions.begin(person("mallory"), tokens())
        self.other = await self.sessions.begin(person("victim", sid="p-1"), tokens())
        await self.store.index_add(
            f"of:{{{person_of(person('mallory'))}}}", self.other.session.id, 1e6, 100, NOW
        )
        return self


@pytest.fixture
async def world():
    world = await World().fill()
    yield world
    await world.inventory.close(1.0)


async def test_x8_a_planted_id_shows_nobody_s_session_to_somebody_else(world):
    """Device, network and subject of the other one are under the seal; the list must not give them away."""
    found = await world.inventory.of_person(CORP, "mallory")

    assert [one.id for one in found] == [world.mine.session.id]


async def test_x8_a_planted_id_ends_nobody_else_s_session(world):
    """To sign oneself out everywhere is no way to sign others out."""
    await world.inventory.end_all(CORP, "mallory", "operator")
    await world.inventory.close(1.0)

    assert await world.sessions.open(world.mine.ticket) is None
    assert await world.sessions.open(world.other.ticket) is not None
