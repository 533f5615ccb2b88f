"""Refresh through the whole gateway: people notice nothing, providers are asked once, and only a reason logs out."""

import asyncio

import pytest

from tests.kit.scripted_provider import reply
from tests.kit.wired import wired

pytestmark = pytest.mark.anyio

HOUR, GRACE = 3600, 900
DOWN = reply(503, {"error": "temporarily_unavailable"})


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path) as opened:
        opened.provider.expires_in = HOUR
        yield opened


async def begun(house):
    """A session an hour long; the cookie, and the token calls so far."""
    cookie = await house.sign_in()
    return cookie, house.tokens_asked()


async def landed(house, count):
    """The log's lines on that many refreshes, all of which are over then."""
    return [line["outcome"] for line in await house.lines("refresh.finished", count)]


async def test_a_token_is_refreshed_ahead_of_its_end_beside_the_request(house):
    """Twenty requests in the last two minutes: nobody waits, and the provider is asked once."""
    cookie, before = await begun(house)
    house.clock.advance(HOUR - 200)
    assert (await house.say("/x", cookie)).status_code == 200
    assert house.tokens_asked() == before, "long before its end a token is left alone"
    house.clock.advance(100)

    answers = await asyncio.gather(*[house.say("/x", cookie) for _ in range(20)])

    assert {answer.status_code for answer in answers} == {200}
    assert await landed(house, 1) == ["ok"]
    assert house.tokens_asked() == before + 1


async def test_case23_twenty_requests_after_the_end_share_one_token_call(house):
    """They wait for it, and pass."""
    cookie, before = await begun(house)
    house.clock.advance(HOUR + 60)

    answers = await asyncio.gather(*[house.say("/x", cookie) for _ in range(20)])

    assert {answer.status_code for answer in answers} == {200}
    assert house.tokens_asked() == before + 1


async def test_what_the_provider_says_anew_is_what_the_application_is_told(house):
    """A group that was taken away is gone with the refresh."""
    cookie, _ = await begun(house)
    house.provider.person["groups"] = ["guests"]
    house.clock.advance(HOUR + 60)

    passed = await house.say("/x", cookie)

    assert passed.headers["x-auth-groups"] == "guests"


async def test_case22_an_outage_keeps_people_in_until_grace_and_tries_are_used_up(house):
    """In through token end and a quarter of an hour more; then out, with the reason in the log."""
    cookie, _ = await begun(house)
    house.provider.instead["/token"] = [DOWN] * 1000
    began = house.clock()
    statuses = []

    while house.clock() < began + HOUR + GRACE + 300:
        statuses.append((house.clock() - began, (await house.say("/x", cookie)).status_code))
        house.clock.advance(30)

    kept = [at for at, status in statuses if status == 200]
    assert HOUR + GRACE <= kept[-1] + 30 <= HOUR + GRACE + 120
    assert {status for at, status in statuses if at > kept[-1]} == {401}
    assert [line["reason"] for line in await house.lines("session.ended")] == ["refresh_exhausted"]
    assert set(await landed(house, 3)) <= {"transient", "unknown"}


async def test_without_grace_three_failures_after_the_end_are_enough(tmp_path):
    """`outage_grace: 0s` is the strict behaviour: three tries, then out."""
    changes = {"sessions": {"cookie_domain": "example.com", "outage_grace": "0s"}}
    async with wired(tmp_path, **changes) as house:
        house.provider.expires_in = HOUR
        cookie, _ = await begun(house)
        house.provider.instead["/token"] = [DOWN] * 1000
        house.clock.advance(HOUR + 1)

        statuses = []
        for _ in range(4):
            statuses.append((await house.say("/x", cookie)).status_code)
            house.clock.advance(30)

    assert statuses == [200, 200, 401, 401]


async def test_an_outage_that_ends_in_time_has_cost_nobody_anything(house):
    """The first success forgets the failures."""
    cookie, _ = await begun(house)
    house.provider.instead["/token"] = [DOWN] * 6
    house.clock.advance(HOUR)
    for _ in range(40):
        assert (await house.say("/x", cookie)).status_code == 200
        house.clock.advance(30)

    house.clock.advance(HOUR)

    assert (await house.say("/x", cookie)).status_code == 200
    assert (await landed(house, 4))[-1] == "ok"


async def test_a_grant_that_the_provider_has_ended_ends_the_session_at_once(house):
    """`invalid_grant` without an ambiguous answer before it is the provider's verdict."""
    cookie, _ = await begun(house)
    house.provider.refreshable.clear()
    house.clock.advance(HOUR + 60)

    assert (await house.say("/x", cookie)).status_code == 401

    assert await landed(house, 1) == ["refused"]
    assert [line["reason"] for line in await house.lines("session.ended")] == ["refresh_refused"]


async def test_case22_a_rejected_client_alarms_and_keeps_everybody_in(house):
    """`invalid_client` is the operator's fault: an alarm, at error level, and not one person out."""
    cookies = [await house.sign_in() for _ in range(3)]
    house.provider.instead["/token"] = [reply(401, {"error": "invalid_client"})] * 100
    house.clock.advance(HOUR + 60)

    answers = [await house.say("/x", cookie) for cookie in cookies]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert await landed(house, 3) == ["misconfigured"] * 3
    alarms = await house.lines("operator.alarm")
    assert [(line["level"], line["what"]) for line in alarms] == [("error", "provider_refresh")]
    assert 'gateway_refreshes_total{outcome="misconfigured",provider="corp"} 3.0' in await metrics(house)


async def metrics(house):
    return (await house.get("metrics_bind", "/metrics")).text
