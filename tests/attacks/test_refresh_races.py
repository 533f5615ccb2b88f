"""Attacks on the refresh of a session: from several sides at once, and by people who do not wait for its end."""

import asyncio

import pytest

from gateway.sessions.refresher import AT_ONCE
from gateway.storage.store import lease_key
from tests.kit.refresh_house import RefreshHouse


@pytest.fixture
async def house():
    made = RefreshHouse()
    yield made
    made.wires.open.set()
    await made.settle()


async def until(condition):
    while not condition():  # noqa: ASYNC110 - turns of the loop, not time
        await asyncio.sleep(0)


def leases(house):
    return [key for key in house.store.plain if key.endswith(lease_key(""))]


@pytest.mark.anyio
async def test_x5_case22_case23_a_slow_provider_is_asked_once_by_two_replicas(house):
    """Twenty requests at once, and an answer that comes later than anybody waits: one call, and nobody signed out."""
    ticket, session = await house.sign_in()
    _, other = house.replica("two")
    house.clock.advance(300)
    house.wires.open.clear()
    requests = [
        asyncio.ensure_future(one.ensure(ticket, session))
        for one in (house.refresher, other)
        for _ in range(10)
    ]
    await until(lambda: sum(house.slept) > 2.5)

    house.wires.open.set()
    answers = await asyncio.gather(*requests)
    again = [await one.ensure(ticket, session) for one in (house.refresher, other)]

    assert house.token_requests() == 1
    assert all(answers)
    assert {one.version for one in again} == {2}
    assert house.ended() == []


@pytest.mark.anyio
async def test_x6_t51_a_client_that_goes_away_loses_no_token(house):
    """The provider has rotated the token already: the refresh goes on without the client, and is written down."""
    ticket, session = await house.sign_in()
    house.clock.advance(300)
    house.wires.open.clear()
    request = asyncio.ensure_future(house.refresher.ensure(ticket, session))
    await until(lambda: leases(house))

    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    house.wires.open.set()
    await house.settle()

    written = await house.sessions.open(ticket)
    held = await house.sessions.grants(ticket, written)
    assert request.cancelled()
    assert written.version == 2
    assert held["idp"].refresh_token in house.scripts["idp"].refreshable


@pytest.mark.anyio
async def test_t51_a_thousand_clients_that_go_away_mix_up_no_sessions(house):
    """Each session has its own person and its own tokens afterwards; no lease and no task is left behind."""
    people = []
    for number in range(1000):
        house.scripts["idp"].person["sub"] = f"u-{number}"
        people.append(await house.sign_in())
    house.clock.advance(300)
    tasks_before = len(asyncio.all_tasks())
    house.wires.open.clear()
    requests = [asyncio.ensure_future(house.refresher.ensure(*one)) for one in people]
    await until(lambda: len(leases(house)) == AT_ONCE)

    for request in requests:
        request.cancel()
    await asyncio.gather(*requests, return_exceptions=True)
    house.wires.open.set()
    await house.settle()

    opened = [await house.sessions.open(ticket) for ticket, _ in people]
    held = [
        (await house.sessions.grants(ticket, one))["idp"].refresh_token
        for (ticket, _), one in zip(people, opened, strict=True)
    ]
    subjects = [f"u-{number}" for number in range(1000)]
    assert [one.latest.subject for one in opened] == subjects
    assert [house.scripts["idp"].subjects[token] for token in held] == subjects
    assert {one.version for one in opened} == {2}
    assert leases(house) == []
    assert len(asyncio.all_tasks()) == tasks_before
