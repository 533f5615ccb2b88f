"""Why a session has ended, for the person whose it was; and logins that end while later ones stay."""

import pytest

from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.farewell import MEMORY, TOLD
from gateway.sessions.inventory import Inventory
from gateway.sessions.person import person_of
from gateway.sessions.rights import Right, Suspicion
from gateway.sessions.session import Grant
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.people import ISSUERS, person
from tests.kit.randomness import Randomness

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
SPEC = CookieSpec("__Host-gw", None, True, 2_592_000)
RING = Keyring.generate(Randomness(), NOW)
SEVEN = person_of(person("7"))


class World:
    """One deployment."""

    def __init__(self):
        self.clock, self.said = Clock(NOW), []
        self.store = MemoryStore(self.clock)
        self.sessions = Sessions(
            self.store, RING, SPEC, Limits(), "here", self.said.append, self.clock, Randomness("s"), ISSUERS
        )
        self.inventory = Inventory(
            self.store, RING, 2_592_000, "here", self.said.append, self.clock, Randomness("i")
        )
        self.rights = self.sessions.suspicions._rights

    async def begin(self):
        """A login of this moment, whose password is kept."""
        self.clock.advance(10)
        identity = person("7", authenticated_at=int(self.clock()))
        grant = Grant(provider="corp", account="seven", password="p", begun=int(self.clock()))
        return (await self.sessions.begin(identity, grant)).ticket

    async def right(self):
        (right,) = await self.rights.of((SEVEN,))
        return right


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize("reason", sorted(TOLD))
async def test_a_reason_is_read_by_the_ticket_of_its_session_alone(world, reason):
    """Another session of the same person has no part in it."""
    one, other = await world.begin(), await world.begin()

    await world.sessions.end(one, reason)

    assert await world.sessions.why_over(one) == reason
    assert await world.sessions.why_over(other) == ""
    world.clock.advance(MEMORY + 1)
    assert await world.sessions.why_over(one) == ""


@pytest.mark.parametrize("reason", ["logout", "replaced", "operator", "revoked"])
async def test_what_the_person_did_or_need_not_know_is_not_told(world, reason):
    """And costs the store nothing."""
    ticket = await world.begin()
    before = world.store.calls.count("put")

    await world.sessions.end(ticket, reason)

    assert await world.sessions.why_over(ticket) == ""
    assert world.store.calls.count("put") == before


async def test_a_courtesy_keeps_no_session_from_ending(world):
    """Where the reason cannot be written, the session ends without one."""
    ticket = await world.begin()
    world.store.fail_next("put")

    await world.sessions.end(ticket, "disabled")

    assert await world.sessions.open(ticket) is None


async def test_logins_before_a_moment_end_and_later_ones_stay(world):
    """Their records go, and no list shows them."""
    old, new = await world.begin(), await world.begin()
    since = int(world.clock())
    await world.rights.change(SEVEN, lambda _: Right(since=since, why="password_refused"))

    assert await world.sessions.open(old) is None
    assert await world.sessions.open(new) is not None
    assert await world.sessions.why_over(old) == "password_refused"
    assert len(await world.inventory.of_person(ISSUERS["corp"], "7")) == 1


async def test_the_newest_login_is_remembered_where_a_password_is_kept(world):
    """By its moment, and by nothing else."""
    await world.begin()
    await world.begin()

    assert (await world.right()) == Right(newest=int(world.clock()))


async def test_all_of_it_outlives_the_store(world):
    """What was written is read back as it was, and ending all sessions forgets none of it."""
    written = Right(3, False, 4, "disabled", 5, Suspicion(6, 7, 8, 9, 10))
    await world.rights.change(SEVEN, lambda _: written)
    assert await world.right() == written

    await world.inventory.end_all(ISSUERS["corp"], "7", "operator")

    after = await world.right()
    assert (after.since, after.suspicion) == (4, written.suspicion)
    assert after.epoch > 3
