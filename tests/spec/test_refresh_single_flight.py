"""One piece of work for all who want it, whoever of them stays to see it."""

import asyncio
import gc

import pytest

from gateway.errors import StoreFault
from gateway.sessions.single_flight import SingleFlight


class Work:
    """Work that waits to be let through, and counts how often it ran."""

    def __init__(self, fault=None):
        self.runs = 0
        self.fault = fault
        self.gate = asyncio.Event()

    async def __call__(self):
        self.runs += 1
        await self.gate.wait()
        if self.fault:
            raise self.fault
        return self.runs


@pytest.fixture
async def reported():
    """What asyncio was told about exceptions that nobody took."""
    contexts = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: contexts.append(context))
    return contexts


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()


@pytest.mark.anyio
async def test_all_who_join_share_one_run():
    """The work runs once, and every waiter has its result."""
    flights, work = SingleFlight(), Work()
    waiting = [asyncio.ensure_future(flights.join("k", work)) for _ in range(400)]
    await asyncio.sleep(0)

    work.gate.set()

    assert await asyncio.gather(*waiting) == [1] * 400
    assert "k" not in flights


@pytest.mark.anyio
async def test_a_key_flies_again_after_it_has_landed():
    """Results are shared, not kept."""
    flights, work = SingleFlight(), Work()
    work.gate.set()

    assert await flights.join("k", work) == 1
    assert await flights.join("k", work) == 2


@pytest.mark.anyio
async def test_keys_fly_beside_each_other():
    """One slow provider keeps nobody else waiting."""
    flights, slow, quick = SingleFlight(), Work(), Work()
    waiting = asyncio.ensure_future(flights.join("slow", slow))
    quick.gate.set()

    assert await flights.join("quick", quick) == 1

    slow.gate.set()
    await waiting


@pytest.mark.anyio
async def test_a_waiter_that_is_cancelled_cancels_nothing():
    """A browser that goes away does not undo a refresh."""
    flights, work = SingleFlight(), Work()
    gone = asyncio.ensure_future(flights.join("k", work))
    stays = asyncio.ensure_future(flights.join("k", work))
    await asyncio.sleep(0)
    gone.cancel()
    await settle()

    work.gate.set()

    assert await stays == 1
    assert gone.cancelled()


@pytest.mark.anyio
async def test_a_waiter_that_gives_up_cancels_nothing():
    """After its time a request goes on alone, and the work ends without it."""
    flights, work = SingleFlight(), Work()

    with pytest.raises(TimeoutError):
        await flights.join("k", work, wait=0.001)

    assert "k" in flights
    work.gate.set()
    assert await flights.join("k", work) == 1
    assert work.runs == 1


@pytest.mark.anyio
async def test_every_waiter_hears_the_fault():
    """And the next who asks begins anew."""
    flights, work = SingleFlight(), Work(StoreFault("down"))
    work.gate.set()

    outcomes = await asyncio.gather(*[flights.join("k", work) for _ in range(3)], return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [StoreFault] * 3
    assert "k" not in flights


@pytest.mark.anyio
async def test_a_fault_that_nobody_waits_for_is_no_surprise(reported):
    """Background work that fails in a known way leaves no warning behind."""
    flights, work = SingleFlight(), Work(StoreFault("down"))
    flights.start("k", work)
    work.gate.set()

    await settle()

    assert reported == []


@pytest.mark.anyio
async def test_a_bug_that_nobody_waits_for_is_reported(reported):
    """What is not ours does not vanish in the background."""
    flights, work = SingleFlight(), Work(ZeroDivisionError())
    flights.start("k", work)
    work.gate.set()

    await settle()

    assert [type(context["exception"]) for context in reported] == [ZeroDivisionError]


@pytest.mark.anyio
async def test_closing_lets_what_is_in_the_air_land():
    """A shutdown waits for answers that are on their way."""
    flights, work = SingleFlight(), Work()
    flight = flights.start("k", work)
    asyncio.get_running_loop().call_soon(work.gate.set)

    await flights.close(5.0)

    assert flight.result() == 1


@pytest.mark.anyio
async def test_closing_does_not_wait_for_ever():
    """What does not land in time is cancelled."""
    flights, work = SingleFlight(), Work()
    flight = flights.start("k", work)

    await flights.close(0.001)

    assert flight.cancelled()
    assert "k" not in flights
