"""What a check is told about a session: from memory, from the store, or in an outage."""

from dataclasses import replace

import pytest

from gateway.errors import StoreFault
from gateway.observe.events import GraceGiven
from gateway.sessions.cache import Memory, Miss
from gateway.sessions.cookie import Ticket
from gateway.sessions.hand_through import HandThrough
from gateway.sessions.person import person_of
from gateway.sessions.reader import Reader
from gateway.sessions.session import Grant, Session
from gateway.sessions.sessions import Opened
from gateway.settings.model import Sessions as Limits
from gateway.settings.sessions import Grace
from gateway.storage.bus import About, Notice
from tests.kit.clock import Clock
from tests.kit.memory_bus import MemoryBus
from tests.kit.people import person

pytestmark = pytest.mark.anyio

ALICE = person("a-1", user="alice")
TICKET = Ticket("k1", 1_800_000_000, b"\1" * 32)
TOUCH_EVERY = 60.0
KINDS = frozenset({"access_token"})


class World:
    """A reader, the store and the refresher behind it, and two clocks: `clock` of the wall, `ticks` of the machine."""

    def __init__(self, **limits):
        self.clock, self.ticks, self.bus, self.events = Clock(), Clock(100.0), MemoryBus(), []
        self.stored = Session(
            id="s1",
            identities=(ALICE,),
            created=int(self.clock()),
            absolute_end=int(self.clock()) + 86_400,
            version=1,
            seen=int(self.clock()),
        )
        self.down, self.opened, self.meanwhile = False, 0, lambda: None
        self.refreshed = lambda session: session
        self.grants = {"corp": Grant(provider="corp", access_token="at-1", refresh_token="rt-1")}
        self.reader = Reader(
            self.open, self.ensure, self.hand_through(), TOUCH_EVERY, self.bus, Limits(**limits),
            self.events.append, self.clock, self.ticks,
        )  # fmt: skip

    async def open(self, ticket):
        assert ticket == TICKET
        self.opened += 1
        if self.down:
            raise StoreFault("the store is down")
        seen = self.stored
        self.meanwhile()
        return seen

    def hand_through(self):
        return HandThrough(self.open_with_grants, self.ensure, lambda _, __: None, {"corp": KINDS})

    async def open_with_grants(self, ticket):
        session = await self.open(ticket)
        return session and Opened(session, self.grants)

    async def ensure(self, _ticket, session, waited):
        self.waited = waited
        return self.refreshed(session)

    def now(self, *, strict=False):
        memory = self.reader.now(TICKET, strict=strict)
        return memory.session if isinstance(memory, Memory) else memory

    async def read_with_tokens(self, *, strict=False, harmless=True):
        return await self.reader.read_with_tokens(TICKET, strict=strict, harmless=harmless)

    async def read(self, *, strict=False, harmless=True):
        return await self.reader.read(TICKET, strict=strict, harmless=harmless)

    def pass_time(self, seconds):
        self.clock.advance(seconds)
        self.ticks.advance(seconds)

    def session(self, **changes):
        self.stored = replace(self.stored, **changes)


async def test_the_first_check_asks_the_store_and_the_next_ones_do_not():
    """For as long as a memory is used."""
    world = World()

    before = world.now()
    read = await world.read()

    assert (before, read, world.now()) == (Miss.MISS, world.stored, world.stored)
    world.pass_time(5)
    assert world.now() is Miss.MISS


async def test_what_is_remembered_is_the_session_with_its_tokens_made_fresh():
    """The refresh may have changed groups and version."""
    world = World()
    renewed = replace(world.stored, version=2)
    world.refreshed = lambda _session: renewed

    assert await world.read() == renewed
    assert world.now() == renewed


async def test_a_session_that_the_refresh_ended_is_nobody():
    """At once, and for the next checks too."""
    world = World()
    world.refreshed = lambda _session: None

    assert await world.read() is None
    assert world.now() is None


async def test_a_strict_rule_never_takes_a_memory():
    """Though what it reads may serve the others."""
    world = World()

    await world.read(strict=True)

    assert world.now(strict=True) is Miss.MISS
    assert world.now() == world.stored


async def test_while_the_bus_is_cut_every_check_asks_the_store():
    """Nobody can say whether the session has ended; when it is back, everything is forgotten first."""
    world = World()
    await world.read()

    world.bus.cut()
    cut = world.now()
    await world.read()
    still_cut = world.now()
    world.bus.mend()

    assert (cut, still_cut, world.now()) == (Miss.MISS, Miss.MISS, Miss.MISS)
    await world.read()
    assert world.now() == world.stored


async def test_with_an_age_of_zero_every_check_asks_the_store():
    """`cache_ttl: 0s`."""
    world = World(cache_ttl="0s")

    await world.read()

    assert world.now() is Miss.MISS


NOTICES = [
    pytest.param(Notice(About.SESSION, "s1"), id="the session"),
    pytest.param(Notice(About.PERSON, person_of(ALICE)), id="its person"),
    pytest.param(Notice(About.ALL), id="all"),
]


@pytest.mark.parametrize("notice", NOTICES)
async def test_a_notice_of_this_very_process_is_obeyed_at_once(notice):
    """Also where it cannot leave the machine."""
    world = World()
    await world.read()
    world.bus.cut()

    with pytest.raises(StoreFault):
        await world.bus.publish(notice)
    world.bus.working = True

    assert world.now() is Miss.MISS


@pytest.mark.parametrize("notice", NOTICES)
async def test_what_was_read_while_a_notice_came_is_answered_once_and_not_remembered(notice):
    """The store had answered before the session ended."""
    world = World()
    world.meanwhile = lambda: world.bus.deliver(notice)

    assert await world.read() == world.stored
    assert world.now() is Miss.MISS


DUE = [
    pytest.param({}, 0, True, id="nothing is due"),
    pytest.param({"seen": -59}, 0.9, True, id="the note of activity is due in a moment"),
    pytest.param({"seen": -59}, 1, False, id="the note of activity is due"),
    pytest.param({"absolute_end": 3}, 2.9, True, id="just before the absolute end"),
    pytest.param({"absolute_end": 3}, 3, False, id="at the absolute end"),
    pytest.param({"token_end": 3600, "token_begun": 0}, 4, True, id="a token that is fresh"),
    pytest.param({"token_end": 100, "token_begun": -3500}, 0, False, id="a token that wants a refresh"),
    pytest.param({"token_end": 100, "token_begun": -3500, "next_try": 50}, 4, True, id="not before its next try"),
    pytest.param({"token_end": 100, "token_begun": -3500, "next_try": 3}, 3, False, id="at its next try"),
    pytest.param({"token_end": 2, "token_begun": -3598, "next_try": 50}, 1.9, True, id="just before its token's end"),
    pytest.param({"token_end": 2, "token_begun": -3598, "next_try": 50}, 2, False, id="at its token's end"),
]  # fmt: skip


@pytest.mark.parametrize(("offsets", "later", "used"), DUE)
async def test_a_memory_is_used_only_while_nothing_is_due(offsets, later, used):
    """Whatever there is to do for a session, the check that asks the store does it."""
    world = World()
    world.session(**{name: int(world.clock()) + offset for name, offset in offsets.items()})

    await world.read()
    world.pass_time(later)

    assert (world.now() is not Miss.MISS) == used


async def test_a_clock_that_is_set_back_makes_no_memory_older():
    """Ages are those of a clock that nobody sets."""
    world = World()
    await world.read()

    world.clock.advance(-3600)
    world.ticks.advance(5)

    assert world.now() is Miss.MISS


async def test_an_outage_is_a_fault_where_the_operator_has_not_said_otherwise():
    """Never "no session"."""
    world = World()
    await world.read()
    world.down = True
    world.pass_time(6)

    with pytest.raises(StoreFault):
        await world.read()


GRACE = [
    pytest.param({}, {}, 29.9, True, id="a page, within the grace"),
    pytest.param({}, {}, 30, False, id="a page, after the grace"),
    pytest.param({"harmless": False}, {}, 6, False, id="a request that changes something"),
    pytest.param({"strict": True}, {}, 6, False, id="a strict rule"),
    pytest.param({}, {"absolute_end": 20}, 20, False, id="past the absolute end"),
    pytest.param({}, {"seen": 20 - 259_200}, 20.5, False, id="past the idle limit"),
    pytest.param({}, {"token_end": 20, "token_begun": -3580}, 20, False, id="past its token's end"),
    pytest.param({}, {"token_end": 20, "token_begun": -3580}, 19, True, id="with a token that wants a refresh"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "offsets", "later", "served"), GRACE)
async def test_in_an_outage_a_memory_may_stand_in_for_a_while(wanted, offsets, later, served):
    """For reads, within its limits, where the operator has said so."""
    world = World(on_store_failure={"grace": "30s"})
    world.session(**{name: int(world.clock()) + offset for name, offset in offsets.items()})
    await world.read()
    world.down = True
    world.pass_time(later)

    if served:
        assert await world.read(**wanted) == world.stored
    else:
        with pytest.raises(StoreFault):
            await world.read(**wanted)


async def test_a_memory_of_nobody_does_not_stand_in():
    """Nobody knows whether they are nobody still."""
    world = World(on_store_failure={"grace": "30s"})
    world.stored = None
    await world.read()
    world.down = True

    with pytest.raises(StoreFault):
        await world.read()


@pytest.mark.parametrize("notice", NOTICES)
async def test_what_a_notice_names_does_not_stand_in(notice):
    """An outage does not bring back who has signed out."""
    world = World(on_store_failure={"grace": "30s"})
    await world.read()
    world.bus.deliver(notice)
    world.down = True

    with pytest.raises(StoreFault):
        await world.read()


async def test_the_bus_being_cut_too_does_not_shorten_the_grace():
    """Where store and bus are one server, they go together."""
    world = World(on_store_failure={"grace": "30s"})
    await world.read()
    world.bus.cut()
    world.down = True
    world.pass_time(20)

    assert await world.read() == world.stored


async def test_a_memory_that_stands_in_is_told_at_once_and_then_once_a_minute():
    """The operator's audit: how many, without a line for each; the rest when the store answers again."""
    world = World(on_store_failure={"grace": "30s"})
    await world.read()
    world.down = True

    for _ in range(5):
        await world.read()
    during = list(world.events)
    world.down = False
    await world.read()

    assert during == [GraceGiven(1)]
    assert world.events == [GraceGiven(1), GraceGiven(4)]


def test_the_grace_is_what_is_written():
    """In seconds; none by default."""
    assert Limits().grace == 0.0
    assert Limits(on_store_failure={"grace": "20s"}).on_store_failure == Grace(grace=20.0)
    assert Limits(on_store_failure={"grace": "20s"}).grace == 20.0


async def test_a_memory_without_tokens_gives_none_and_one_with_them_keeps_them():
    """Nobody but a rule that hands tokens through asks for them, and what it found serves the others too."""
    world = World()
    await world.read()
    assert world.reader.now(TICKET, strict=False).handed is None

    found = await world.read_with_tokens()

    assert found.handed["corp"].access_token == "at-1"
    assert world.reader.now(TICKET, strict=False).handed == found.handed
    assert world.now() == world.stored


@pytest.mark.parametrize(
    ("harmless", "strict", "served"), [(True, False, True), (False, False, False), (True, True, False)]
)
async def test_in_an_outage_only_a_memory_that_has_tokens_can_hand_them_through(harmless, strict, served):
    """For a read, within grace; where tokens were never asked for, nobody knows them."""
    world = World(on_store_failure=Grace(grace=30.0))
    await world.read_with_tokens()
    world.down = True
    world.pass_time(10)

    if served:
        found = await world.read_with_tokens(harmless=harmless, strict=strict)
        assert (found.session, found.handed["corp"].access_token) == (world.stored, "at-1")
    else:
        with pytest.raises(StoreFault):
            await world.read_with_tokens(harmless=harmless, strict=strict)


async def test_in_an_outage_a_session_without_known_tokens_is_a_fault_for_a_rule_that_needs_them():
    """And is served to the others."""
    world = World(on_store_failure=Grace(grace=30.0))
    await world.read()
    world.down = True
    world.pass_time(10)

    assert await world.read() == world.stored
    with pytest.raises(StoreFault):
        await world.read_with_tokens()


async def test_tokens_go_with_the_session_that_a_notice_names():
    """A logout forgets both at once, and a read that began before it brings neither back."""
    world = World()
    await world.read_with_tokens()
    world.bus.deliver(Notice(About.SESSION, "s1"))
    assert world.now() is Miss.MISS

    world.meanwhile = lambda: world.bus.deliver(Notice(About.SESSION, "s1"))
    await world.read_with_tokens()

    assert world.now() is Miss.MISS
