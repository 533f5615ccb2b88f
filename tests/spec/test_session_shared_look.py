"""Many who look at one thing at once share a look, and never one that had begun before they came."""

import asyncio

import pytest

from gateway.errors import StoreFault
from gateway.sessions.shared_look import SharedLook

pytestmark = pytest.mark.anyio


class Thing:
    """What is looked at: a look takes as long as the test wants, and sees what is there when it begins."""

    def __init__(self):
        self.state = "there"
        self.looks = 0
        self.open = asyncio.Event()

    async def look(self):
        self.looks += 1
        seen = self.state
        await self.open.wait()
        if seen == "broken":
            raise StoreFault("no answer")
        return seen


async def turns():
    for _ in range(5):
        await asyncio.sleep(0)


async def come(shared, thing, count=1, key="k"):
    coming = [asyncio.ensure_future(shared.at(key, thing.look)) for _ in range(count)]
    await turns()
    return coming


async def test_two_looks_are_enough_for_a_crowd():
    """The one that is going on, and the next, for everybody who came since."""
    shared, thing = SharedLook(), Thing()
    crowd = await come(shared, thing, 100)

    thing.open.set()

    assert await asyncio.gather(*crowd) == ["there"] * 100
    assert thing.looks == 2


async def test_nobody_shares_a_look_that_began_before_they_came():
    """It may have seen what has ended since."""
    shared, thing = SharedLook(), Thing()
    (first,) = await come(shared, thing)
    thing.state = "ended"
    (second,) = await come(shared, thing)

    thing.open.set()

    assert await first == "there"
    assert await second == "ended"


async def test_who_comes_during_the_second_look_waits_for_a_third():
    """And so on: one goes on, and one is waited for."""
    shared, thing = SharedLook(), Thing()
    await come(shared, thing, 2)
    thing.open.set()
    await turns()
    thing.open.clear()
    first, second = await come(shared, thing, 2)
    thing.state = "ended"
    third = (await come(shared, thing))[0]
    thing.open.set()

    assert await asyncio.gather(first, second, third) == ["there", "ended", "ended"]


async def test_different_things_are_looked_at_on_their_own():
    """One person does not wait for another."""
    shared, thing, other = SharedLook(), Thing(), Thing()
    other.open.set()
    (slow,) = await come(shared, thing, key="a")

    assert await shared.at("b", other.look) == "there"

    thing.open.set()
    await slow


async def test_who_goes_away_takes_nobody_along():
    """Neither the first, whose look it was, nor the one that set off the next."""
    shared, thing = SharedLook(), Thing()
    first, second, third = await come(shared, thing, 3)

    first.cancel()
    second.cancel()
    thing.open.set()

    assert await third == "there"


async def test_a_fault_is_everybodys():
    """Nobody is told that there is nothing."""
    shared, thing = SharedLook(), Thing()
    thing.state = "broken"
    crowd = await come(shared, thing, 3)

    thing.open.set()
    results = await asyncio.gather(*crowd, return_exceptions=True)

    assert [type(one) for one in results] == [StoreFault] * 3
    assert thing.looks == 2


async def test_a_fault_that_nobody_waits_for_is_no_surprise():
    """Warnings are errors in these tests."""
    shared, thing = SharedLook(), Thing()
    thing.state = "broken"
    crowd = await come(shared, thing, 2)

    for one in crowd:
        one.cancel()
    thing.open.set()
    await turns()

    assert await shared.at("k", Fine().look) == "fine"


class Fine(Thing):
    async def look(self):
        return "fine"


async def test_one_alone_makes_no_task():
    """The usual case costs next to nothing."""
    shared, thing = SharedLook(), Thing()
    thing.open.set()
    before = len(asyncio.all_tasks())
    tasks = []

    async def look():
        tasks.append(len(asyncio.all_tasks()))
        return await thing.look()

    assert await shared.at("k", look) == "there"
    assert tasks == [before]
