"""A login that joins a session in the very moment in which the provider ends the login that would move (T41)."""

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
SPEC = CookieSpec("__Host-gw", None, True, 30 * 86_400)
RING = Keyring.generate(Randomness(), NOW)


class Between(MemoryStore):
    """A store at which something happens right after a list of sessions was read."""

    between = None

    async def index_list(self, *arguments, **named):
        found = await super().index_list(*arguments, **named)
        if self.between is not None:
            between, self.between = self.between, None
            await between()
        return found


class World:
    """One deployment, and somebody who is signed in at `corp`."""

    def __init__(self):
        self.clock, self.bus, self.said = Clock(NOW), MemoryBus(), []
        self.store = Between(self.clock)
        self.sessions = Sessions(
            self.store, RING, SPEC, Limits(), "here", self.said.append, self.clock, Randomness("s"), ISSUERS,
            bus=self.bus,
        )  # fmt: skip
        self.inventory = Inventory(
            self.store,
            RING,
            Limits().absolute,
            "here",
            self.said.append,
            self.clock,
            Randomness("i"),
            self.bus,
        )

    async def begin(self, who, joins=None):
        return await self.sessions.begin(who, tokens(who.provider), joins=joins)


@pytest.fixture
def world():
    return World()


async def test_t41_a_login_that_ended_while_it_moved_does_not_live_on(world):
    """Its list was read before the new session stood on it, and the old one was gone when it was to be ended."""
    old = await world.begin(person("7", "corp", sid="p-1"))
    moved = []

    async def sign_in_at_the_partner():
        moved.append(await world.begin(person("8", "partner", sid="q-1"), joins=old.ticket))

    world.store.between = sign_in_at_the_partner
    await world.inventory.end_login(ISSUERS["corp"], "p-1", "backchannel_logout")

    session = await world.sessions.open(moved[0].ticket)
    assert session is not None
    assert [one.provider for one in session.identities] == ["partner"]
    assert await world.sessions.grants(moved[0].ticket, session) == {"partner": tokens("partner")}


async def test_t41_what_did_not_end_moves_as_before(world):
    """The end of another login is none of this one's business."""
    old = await world.begin(person("7", "corp", sid="p-1"))
    await world.inventory.end_login(ISSUERS["corp"], "p-2", "backchannel_logout")

    moved = await world.begin(person("8", "partner", sid="q-1"), joins=old.ticket)

    assert [one.provider for one in moved.session.identities] == ["corp", "partner"]
    assert await world.sessions.open(moved.ticket) == moved.session
    assert await world.sessions.open(old.ticket) is None
