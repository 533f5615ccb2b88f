"""Ends that wait for the store."""

import asyncio

import pytest

from gateway.errors import StoreFault
from gateway.sessions import deferred
from gateway.sessions.deferred import LONGEST_PAUSE, DeferredEnds
from gateway.sessions.notices import Notices
from tests.kit.clock import Clock
from tests.kit.memory_bus import MemoryBus

pytestmark = pytest.mark.anyio

LIFETIME = 3600.0


class World:
    """Ends, a store that takes them or not, and the pauses in between."""

    def __init__(self):
        self.clock, self.bus = Clock(), MemoryBus()
        self.down, self.tried, self.ended, self.slept = True, [], [], []
        self.turns = asyncio.Semaphore(0)
        self.ends = DeferredEnds(self.end, Notices(self.bus, self.clock), LIFETIME, self.clock, self.sleep)

    async def end(self, sid, reason):
        self.tried.append(sid)
        if self.down:
            raise StoreFault("down")
        self.ended.append((sid, reason))
        return True

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.clock.advance(seconds)
        await self.turns.acquire()

    async def turn(self, times=1):
        """Let so many pauses pass, and what follows them happen."""
        for _ in range(times):
            self.turns.release()
            for _ in range(5):
                await asyncio.sleep(0)


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.ends.close(1.0)


async def test_an_end_is_tried_until_the_store_takes_it(world):
    """Once a second, and so within a second of its return; and not once more afterwards."""
    await world.ends.add("one", "logout")
    await world.turn(4)
    assert world.ended == []
    assert world.slept[:4] == [0.5, 1.0, 1.0, LONGEST_PAUSE]

    world.down = False
    await world.turn(3)

    assert world.ended == [("one", "logout")]
    assert len(world.ends) == 0


async def test_one_try_tells_that_the_store_is_down(world):
    """A thousand logouts that wait are no thousand questions to a store that does not answer."""
    for number in range(1000):
        await world.ends.add(str(number), "logout")

    await world.turn(3)

    assert world.tried == ["0", "0", "0"]


async def test_all_that_wait_end_together(world):
    """And one that comes later begins anew."""
    await world.ends.add("one", "logout")
    await world.ends.add("two", "logout")
    world.down = False
    await world.turn(2)

    await world.ends.add("three", "logout")
    await world.turn(2)

    assert [sid for sid, _ in world.ended] == ["one", "two", "three"]


async def test_this_process_forgets_the_session_at_once(world):
    """The bus tells it here in any case."""
    await world.ends.add("one", "logout")

    assert [notice.name for notice in world.bus.heard] == ["one"]


async def test_this_process_knows_until_the_end_that_the_session_is_over(world):
    """The store has the record until then, and would say that it is none."""
    await world.ends.add("one", "logout")
    await world.turn(2)
    assert [world.ends.holds(sid) for sid in ("one", "two")] == [True, False]

    world.down = False
    await world.turn(2)

    assert not world.ends.holds("one")


async def test_no_session_waits_for_longer_than_it_could_live(world):
    """Then there is nothing left to end."""
    await world.ends.add("one", "logout")
    world.clock.advance(LIFETIME)

    await world.turn(2)

    assert world.tried == []
    assert len(world.ends) == 0


async def test_only_so_many_wait(world, monkeypatch):
    """Whoever asks beyond that is told; the same one again is no other."""
    monkeypatch.setattr(deferred, "MOST", 2)

    assert [await world.ends.add(sid, "logout") for sid in ("one", "two", "three", "one")] == [
        True,
        True,
        False,
        True,
    ]


async def test_a_stop_tries_once_more(world):
    """What the store takes then is ended."""
    await world.ends.add("one", "logout")
    world.down = False

    await world.ends.close(1.0)

    assert world.ended == [("one", "logout")]


async def test_a_stop_does_not_wait_for_a_store_that_hangs():
    """Its patience is what it was given."""
    world = World()

    async def hang(sid, reason):
        await asyncio.Event().wait()

    ends = DeferredEnds(hang, Notices(None, world.clock), LIFETIME, world.clock, world.sleep)
    await ends.add("one", "logout")

    await ends.close(0.01)

    assert len(ends) == 1
