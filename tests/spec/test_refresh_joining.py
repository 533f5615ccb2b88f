"""A login that takes tokens along while somebody may be spending them."""

import asyncio

import pytest

from gateway.sessions.sealing import record_key
from tests.kit.refresh_house import DOWN, LOST, RefreshHouse

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house():
    made = RefreshHouse(("idp", "corp"))
    yield made
    made.wires.open.set()
    await made.settle()


async def turns(count=30):
    for _ in range(count):
        await asyncio.sleep(0)


async def refreshing(house):
    """Signed in at corp, whose token has ended; its refresh is in the air."""
    ticket, session = await house.sign_in("corp")
    house.clock.advance(300)
    house.wires.open.clear()
    flight = asyncio.ensure_future(house.refresher.ensure(ticket, session))
    await turns()
    return ticket, flight


async def corp_token(house, ticket):
    session = await house.sessions.open(ticket)
    return (await house.sessions.grants(ticket, session))["corp"].refresh_token


def in_doubt(house, session):
    return "intent" in house.store.records[record_key(session.id)].fields


async def test_a_login_waits_for_a_refresh_and_takes_its_new_token_along(house):
    """What it had seen before is spent."""
    old, flight = await refreshing(house)
    login = asyncio.ensure_future(house.sign_in("idp", joins=old))
    await turns(8)

    house.wires.open.set()
    ticket, session = await login
    await flight

    assert await corp_token(house, ticket) in house.scripts["corp"].refreshable
    assert [one.provider for one in session.identities] == ["corp", "idp"]
    assert not in_doubt(house, session)
    assert await house.sessions.open(old) is None


async def test_a_login_does_not_wait_for_ever(house):
    """What moves then may be spent: a refusal of the provider is weather at first, and ends nothing."""
    old, flight = await refreshing(house)

    ticket, session = await house.sign_in("idp", joins=old)
    house.wires.open.set()
    await flight
    await house.settle()
    failed = await house.ensure(ticket)

    assert 2.5 <= sum(house.slept) < 4
    assert in_doubt(house, session)
    assert await corp_token(house, ticket) in house.scripts["corp"].spent
    assert [one.provider for one in failed.identities] == ["corp", "idp"]
    assert failed.fails == 1


async def test_who_had_to_wait_too_long_leaves_no_token_behind(house):
    """The refresh finds its session gone, and gives back what it has received."""
    old, flight = await refreshing(house)
    await house.sign_in("idp", joins=old)

    house.wires.open.set()
    await flight
    await house.settle()

    assert house.outcomes() == ["gone"]
    assert house.scripts["corp"].refreshable == {}


@pytest.mark.parametrize("fault", [LOST, DOWN], ids=["a lost answer", "a provider that is down"])
async def test_a_doubt_moves_along(house, fault):
    """A refresh has failed before the login, so that nobody knows about the token, or it waits for its next try."""
    old, _ = await house.sign_in("corp")
    house.scripts["corp"].instead["/token"] = [fault, fault]
    house.clock.advance(300)
    await house.ensure(old)

    _, session = await house.sign_in("idp", joins=old)

    assert in_doubt(house, session)
    assert [one.provider for one in session.identities] == ["corp", "idp"]


async def test_nobody_refreshes_what_is_being_moved(house):
    """The mover holds the lease, and the record is deleted with it."""
    old, session = await house.sign_in("corp")
    house.clock.advance(300)
    asked = []

    async def create(*arguments, **named):
        asked.append(await house.refresher.ensure(old, session))
        return await house.store.__class__.create(house.store, *arguments, **named)

    house.store.create = create
    ticket, _ = await house.sign_in("idp", joins=old)

    assert [one.version for one in asked] == [1]
    assert house.token_requests("corp") == 0
    assert await corp_token(house, ticket) in house.scripts["corp"].refreshable


async def test_a_login_at_the_same_provider_waits_for_nobody(house):
    """Its old tokens are of no use, whoever is asking for new ones."""
    old, flight = await refreshing(house)
    house.store.calls.clear()

    _, session = await house.sign_in("corp", joins=old)

    assert house.slept == []
    assert "acquire" not in house.store.calls
    assert not in_doubt(house, session)
    house.wires.open.set()
    await flight


async def test_tokens_that_cannot_be_refreshed_move_without_a_lease(house):
    """Nobody could be spending them."""
    house.scripts["corp"].offers_refresh = False
    old, _ = await house.sign_in("corp")
    house.store.calls.clear()

    await house.sign_in("idp", joins=old)

    assert "acquire" not in house.store.calls
