"""After a logout the tokens of all its providers are given back, beside everything else and within bounds."""

import asyncio

import pytest

from gateway.errors import ProviderUnavailable
from gateway.login import giving_back
from gateway.login.giving_back import GivingBack
from gateway.observe.events import GrantRevoked, SessionEnded
from gateway.sessions.session import Grant
from tests.kit.login_door import APP, AUTH, LoginHouse
from tests.kit.scripted_provider import reply

pytestmark = pytest.mark.anyio


class Taker:
    """A provider that takes tokens back when it is let."""

    title, issuer = "Corp", "https://idp.example.test"

    def __init__(self, name="corp", fault=None):
        self.name, self.fault = name, fault
        self.taken, self.gate, self.most, self.now = [], asyncio.Event(), 0, 0
        self.gate.set()

    def revoke(self, grant):
        return grant

    async def run(self, flow, *, provider):
        assert provider == self.name
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.gate.wait()
            if self.fault:
                raise self.fault
            self.taken.append(flow.refresh_token)
        finally:
            self.now -= 1


def grant(number, provider="corp"):
    return Grant(provider=provider, access_token="a", refresh_token=f"r{number}")


def opened(*takers, **named):
    """The service over these providers, and the events that it tells."""
    events = []

    async def run(flow, *, provider):
        await next(one for one in takers if one.name == provider).run(flow, provider=provider)

    return GivingBack({one.name: one for one in takers}, run, events.append, **named), events


async def until(holds):
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("never came true")


async def test_a_grant_is_given_back_once():
    """And the event says so, without the token."""
    taker = Taker()
    back, events = opened(taker)

    back.give_back([grant(1)])
    await until(lambda: events)

    assert taker.taken == ["r1"]
    assert events == [GrantRevoked("corp", "ok")]


@pytest.mark.parametrize(
    "grants",
    [
        pytest.param([], id="no grant"),
        pytest.param([Grant(provider="corp", id_token="x")], id="nothing but a hint for the logout"),
        pytest.param([grant(1, "elsewhere")], id="a provider that takes nothing back"),
    ],
)
async def test_where_there_is_nothing_to_give_back_nobody_is_asked(grants):
    """No task, no event."""
    taker = Taker()
    back, events = opened(taker)

    back.give_back(grants)
    await back.close(0.0)

    assert (taker.taken, events) == ([], [])


async def test_so_many_are_in_the_air_at_once_and_no_more():
    """A logout of many is no flood at the provider."""
    taker = Taker()
    taker.gate.clear()
    back, events = opened(taker)

    back.give_back([grant(number) for number in range(40)])
    await until(lambda: taker.now == giving_back.AT_ONCE)
    taker.gate.set()
    await until(lambda: len(events) == 40)

    assert taker.most == giving_back.AT_ONCE
    assert sorted(taker.taken) == sorted(f"r{number}" for number in range(40))


async def test_what_is_over_the_bound_is_dropped_and_said():
    """Memory has an end, and a drop is no secret."""
    taker = Taker()
    taker.gate.clear()
    back, events = opened(taker)

    back.give_back([grant(number) for number in range(giving_back.MOST + 3)])
    dropped = [event.outcome for event in events]
    taker.gate.set()
    await until(lambda: len(events) == giving_back.MOST + 3)

    assert dropped == ["dropped"] * 3
    assert len(taker.taken) == giving_back.MOST


async def test_a_provider_that_hangs_keeps_no_other_s_tokens():
    """Each has a line of its own."""
    hanging, well = Taker("corp"), Taker("partner")
    hanging.gate.clear()
    back, events = opened(hanging, well)

    back.give_back([*[grant(number) for number in range(20)], grant(1, "partner")])
    await until(lambda: well.taken)

    assert well.taken == ["r1"]
    await back.close(0.0)
    assert {event.outcome for event in events if event.provider == "corp"} == {"dropped"}


@pytest.mark.parametrize(
    ("fault", "outcome", "detail"),
    [
        pytest.param(
            ProviderUnavailable("corp", "status 503"), "provider_unavailable", "provider corp: status 503",
            id="outage",
        ),
        pytest.param(RuntimeError("with a token in it"), "gateway_error", "RuntimeError", id="a bug of ours"),
    ],
)  # fmt: skip
async def test_a_failure_is_said_and_stops_no_other(fault, outcome, detail):
    """What an exception of others says may quote anything, so its kind has to do."""
    taker = Taker(fault=fault)
    back, events = opened(taker)

    back.give_back([grant(1), grant(2)])
    await until(lambda: len(events) == 2)

    assert events == [GrantRevoked("corp", outcome, detail)] * 2


async def test_one_that_takes_too_long_is_given_up():
    """Whatever the provider's own deadline is."""
    taker = Taker()
    taker.gate.clear()
    back, events = opened(taker, deadline=0.01)

    back.give_back([grant(1)])
    async with asyncio.timeout(10):
        while not events:  # noqa: ASYNC110 (nothing would set an event)
            await asyncio.sleep(0.005)

    assert events == [GrantRevoked("corp", "late")]


async def test_at_the_end_of_the_process_what_is_in_the_air_may_land():
    """And the rest is dropped, each said once."""
    taker = Taker()
    taker.gate.clear()
    back, events = opened(taker)
    back.give_back([grant(number) for number in range(giving_back.AT_ONCE + 2)])
    await until(lambda: taker.now == giving_back.AT_ONCE)

    await back.close(0.0)

    assert [event.outcome for event in events] == ["dropped"] * (giving_back.AT_ONCE + 2)
    assert taker.now == 0


async def signed_out(house, *, providers=("staff", "partners")):
    browser = house.browser()
    for name in providers:
        await browser.open(f"{AUTH}/auth/{name}")
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    return await browser.submit(f"{AUTH}/auth/logout", {"token": token})


async def test_a_logout_gives_back_the_tokens_of_every_provider_of_the_session():
    """Not only those of the latest login; and after the record, which is what counts."""
    house = LoginHouse(("staff", "partners"))

    last = await signed_out(house)
    await house.until(lambda: sum(isinstance(event, GrantRevoked) for event in house.events) == 2)

    assert last.url == f"{AUTH}/auth/signed-out"
    kinds = [type(event) for event in house.events if isinstance(event, (SessionEnded, GrantRevoked))]
    assert kinds[-3:] == [SessionEnded, GrantRevoked, GrantRevoked]
    for script in house.scripts.values():
        assert script.paths().count("/revoke") == 1
        assert script.refreshable == {}


async def test_a_logout_does_not_wait_for_a_provider_that_hangs():
    """The page is there while the token is still on its way."""
    house = LoginHouse()
    gate, ran = asyncio.Event(), house.run

    async def run(flow, *, provider):
        await gate.wait()
        return await ran(flow, provider=provider)

    house.giving_back._lines["staff"]._run = run

    last = await signed_out(house, providers=("staff",))

    assert (last.status, last.url) == (200, f"{AUTH}/auth/signed-out")
    assert not [event for event in house.events if isinstance(event, GrantRevoked)]
    gate.set()
    await house.until(lambda: any(isinstance(event, GrantRevoked) for event in house.events))


async def test_a_provider_that_takes_nothing_back_fails_no_logout():
    """It is said, and that is all."""
    house = LoginHouse()
    house.scripts["staff"].instead["/revoke"] = [reply(500, {})]

    last = await signed_out(house, providers=("staff",))
    await house.until(lambda: any(isinstance(event, GrantRevoked) for event in house.events))

    assert last.url == f"{AUTH}/auth/signed-out"
    (told,) = [event for event in house.events if isinstance(event, GrantRevoked)]
    assert (told.provider, told.outcome) == ("staff", "provider_unavailable")


async def test_a_logout_that_waits_for_the_store_gives_nothing_back():
    """Without the record there is no token; the docs say so."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login?rd={APP}/x")
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    house.store.fail_next("read")

    await browser.submit(f"{AUTH}/auth/logout", {"token": token})
    await house.until(lambda: not len(house.deferred))

    assert "/revoke" not in house.outbound()
