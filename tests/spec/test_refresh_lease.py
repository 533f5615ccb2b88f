"""A lease, and what is left of it when another server takes the store over."""

import pytest

from gateway.sessions.lease import Lease, Leases
from gateway.storage.store import Turn
from tests.kit.randomness import Randomness
from tests.kit.refresh_house import RefreshHouse

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house():
    made = RefreshHouse()
    yield made
    made.wires.open.set()
    await made.settle()


@pytest.fixture
async def session(house):
    _, begun = await house.sign_in()
    return begun


def leases(house, seed="more"):
    return Leases(house.store, house.clock, Randomness(seed), house.sleep)


async def test_after_a_failover_nobody_takes_a_lease_for_a_while(house, session):
    """Somebody may hold one that the new server has never heard of; nothing is left behind by asking."""
    house.store.another_server_at = house.clock()
    house.clock.advance(14.9)

    assert await leases(house).take(session, 15.0, urgent=False) is Turn.BACKOFF

    house.clock.advance(0.2)
    taken = await leases(house).take(session, 15.0, urgent=False)
    assert isinstance(taken, Lease)
    assert not taken.ambiguous


async def test_after_a_failover_a_longer_lease_is_waited_for_longer(house, session):
    """Where a provider may take more than the usual time."""
    house.store.another_server_at = house.clock()
    house.clock.advance(20)

    assert await leases(house).take(session, 25.0, urgent=False) is Turn.BACKOFF
    assert isinstance(await leases(house).take(session, 5.0, urgent=False), Lease)


async def test_who_cannot_wait_gets_a_lease_in_doubt(house, session):
    """The token has ended: a second request for it is better than none, and a refusal is no verdict."""
    house.store.another_server_at = house.clock()

    taken = await leases(house).take(session, 15.0, urgent=True)

    assert isinstance(taken, Lease)
    assert taken.ambiguous


async def test_a_failover_that_is_met_on_the_way_counts_too(house, session):
    """The question itself made the connection to the new server: the lease is given back, and leaves no doubt."""
    acquire = house.store.acquire

    async def elsewhere(*arguments):
        house.store.another_server_at = house.clock()
        return await acquire(*arguments)

    house.store.acquire = elsewhere

    assert await leases(house).take(session, 15.0, urgent=False) is Turn.BACKOFF

    house.store.acquire = acquire
    house.clock.advance(15)
    taken = await leases(house).take(session, 15.0, urgent=False)
    assert isinstance(taken, Lease)
    assert not taken.ambiguous
