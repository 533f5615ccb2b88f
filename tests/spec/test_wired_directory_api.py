"""People of a directory API through the whole gateway: the form once, and then days of checks, outages and restarts.

`test_kept_passwords.py` has the same laws in virtual time, with more sessions and by the second.
"""

import pytest

from tests.kit.api_house import LOGIN, api_house
from tests.kit.clock import Clock
from tests.kit.vendors.ad_api import KEY, AdApi
from tests.kit.vendors.vendor import serve

pytestmark = pytest.mark.anyio

MINUTE, HOUR, DAY = 60, 3600, 86_400
STRICT = {"sessions": {"cookie_domain": "example.com", "outage_grace": "0s"}}
EXPIRED_KEY = {"operator": {"status": 403, "path": "code", "equals": "API_KEY_EXPIRED"}}


@pytest.fixture
def api():
    """A directory whose tokens live for an hour."""
    vendor = AdApi(Clock())
    with serve(vendor):
        yield vendor


async def test_a_day_of_work_shows_no_login(tmp_path, api):
    """A request every five minutes, at one of two replicas by turns: each passes, and the form was seen once."""
    async with api_house(tmp_path, api) as one, api_house(tmp_path, api, ring=one.house.ring) as other:
        api.clock = one.clock
        _, cookie = await one.sign_in()
        seen = []
        for turn in range(DAY // (5 * MINUTE)):
            for replica in (one, other):
                replica.clock.advance(5 * MINUTE)
            seen.append(await (one, other)[turn % 2].passes(cookie))
        logins = await one.house.lines("login.finished")

    assert set(seen) == {True}
    assert len(logins) == 1
    assert 24 <= api.calls() <= 27
    assert api.wrong.total() == 0


async def test_three_idle_days_end_it_and_the_form_comes_back(tmp_path, api):
    """A minute less does not; whoever comes later signs in anew, and no reason is missed."""
    async with api_house(tmp_path, api) as house:
        browser, cookie = await house.sign_in()
        house.clock.advance(3 * DAY - MINUTE)
        assert await house.passes(cookie)

        house.clock.advance(3 * DAY + MINUTE)
        assert not await house.passes(cookie)
        page = (await browser.open(LOGIN)).response.text

    assert 'id="sign-in"' in page
    assert "You were signed out" not in page


@pytest.mark.parametrize("fault", ["500", "html", "html-403"])
async def test_ten_minutes_without_the_api_sign_nobody_out(tmp_path, api, fault):
    """Whatever the outage looks like; and with the first success its tries are forgotten."""
    async with api_house(tmp_path, api) as house:
        _, cookie = await house.sign_in()
        house.clock.advance(HOUR - 3 * MINUTE)
        api.fault = fault
        for _ in range(20):
            house.clock.advance(30)
            assert await house.passes(cookie)
        api.fault = ""
        house.clock.advance(MINUTE)
        assert await house.passes(cookie)
        outcomes = await house.outcomes()
        kept = await house.kept_password(cookie)

    assert len(outcomes) >= 4
    assert outcomes[-1] == "ok"
    assert set(outcomes[:-1]) <= {"unknown", "transient"}
    assert kept == "ann-pw"


async def test_beyond_grace_and_tries_the_next_page_says_why(tmp_path, api):
    """Fifteen minutes past the token's end, and not before; in this browser alone."""
    async with api_house(tmp_path, api) as house:
        browser, cookie = await house.sign_in()
        house.clock.advance(HOUR)
        api.fault = "500"
        for _ in range(14):
            house.clock.advance(MINUTE)
            assert await house.passes(cookie)
        house.clock.advance(2 * MINUTE)

        assert not await house.passes(cookie)
        mine = (await browser.open(LOGIN)).response.text
        theirs = (await house.house.browser().open(LOGIN)).response.text

    assert "You were signed out because your account could not be checked for some time." in mine
    assert "You were signed out" not in theirs


async def test_without_grace_three_tries_are_counted_over_restarts_and_replicas(tmp_path, api):
    """The first at one process, the second after its restart, the third at another beside it: then it is over."""
    async with api_house(tmp_path, api, **STRICT) as first:
        ring = first.house.ring
        _, cookie = await first.sign_in()
        first.clock.advance(HOUR + MINUTE)
        api.fault = "500"
        assert await first.passes(cookie)
        before, now = api.calls(), first.clock()
    async with api_house(tmp_path, api, ring=ring, **STRICT) as again:
        again.clock.now = now + 61
        assert await again.passes(cookie)
        async with api_house(tmp_path, api, ring=ring, **STRICT) as beside:
            beside.clock.now = again.clock.now = now + 122
            assert not await beside.passes(cookie)
            again.clock.advance(6)
            assert not await again.passes(cookie)

    assert api.calls() == before + 2


async def test_without_grace_nobody_is_out_before_the_token_has_ended(tmp_path, api):
    """Three tries have failed by then: whichever is later counts."""
    async with api_house(tmp_path, api, **STRICT) as house:
        _, cookie = await house.sign_in()
        house.clock.advance(HOUR - 110)
        api.fault = "500"
        for _ in range(10):
            assert await house.passes(cookie)
            house.clock.advance(10)
        assert len(await house.outcomes()) >= 3
        house.clock.advance(MINUTE)

        assert not await house.passes(cookie)


async def test_a_changed_password_costs_one_call_and_the_new_one_stays(tmp_path, api):
    """Five sessions at two replicas, all due in one moment: a minute later they are out, and the newest login is not."""
    async with api_house(tmp_path, api) as one, api_house(tmp_path, api, ring=one.house.ring) as other:
        api.clock = one.clock
        old = [(await one.sign_in())[1] for _ in range(5)]
        for replica in (one, other):
            replica.clock.advance(HOUR + 1)
        api.change_password("ann", "new-pw")
        _, new = await one.sign_in()
        before = api.calls()
        everybody = [*old, new]

        first = [await (one, other)[place % 2].passes(cookie) for place, cookie in enumerate(everybody)]
        for replica in (one, other):
            replica.clock.advance(61)
        then = [await (other, one)[place % 2].passes(cookie) for place, cookie in enumerate(everybody)]
        kept = await one.kept_password(new)

    assert (first, then) == ([True] * 6, [False] * 5 + [True])
    assert (api.calls() - before, api.wrong["ann"]) == (1, 1)
    assert kept == "new-pw"


async def test_an_expired_key_of_the_api_costs_three_people_nothing(tmp_path, api):
    """All are refused in one minute: an alarm, everybody stays in, and each password is still there when it is mended."""
    api.key = KEY
    async with api_house(tmp_path, api, section={"headers": {"X-API-Key": KEY}}) as house:
        cookies = {name: (await house.sign_in(name))[1] for name in ("ann", "bob", "eve")}
        house.clock.advance(HOUR + 1)
        api.key = "another"
        for _ in range(9):
            assert [await house.passes(cookie) for cookie in cookies.values()] == [True] * 3
            house.clock.advance(61)
        alarms = await house.house.lines("operator.alarm")
        kept = {name: await house.kept_password(cookie) for name, cookie in cookies.items()}
        api.key = KEY
        for _ in range(6):
            house.clock.advance(61)
            assert [await house.passes(cookie) for cookie in cookies.values()] == [True] * 3
        outcomes = await house.outcomes(logins=3)

    assert any("several people at once" in line["detail"] for line in alarms)
    assert kept == {name: f"{name}-pw" for name in cookies}
    assert outcomes[-1] == "ok"


async def test_an_answer_that_is_mapped_as_the_operators_costs_one_person_nothing(tmp_path, api):
    """Nobody is suspected, the alarm is there at once, and the password stays."""
    api.key = KEY
    section = {"headers": {"X-API-Key": KEY}, "errors": EXPIRED_KEY}
    async with api_house(tmp_path, api, section=section) as house:
        _, cookie = await house.sign_in()
        house.clock.advance(HOUR + 1)
        api.key = "another"
        assert await house.passes(cookie)
        alarms = await house.house.lines("operator.alarm")
        for _ in range(9):
            house.clock.advance(61)
            assert await house.passes(cookie)
        kept, outcomes = await house.kept_password(cookie), await house.outcomes()
        api.key = KEY
        house.clock.advance(61)
        assert await house.passes(cookie)
        last = (await house.outcomes())[-1]

    assert "compare url, headers and body" in alarms[0]["detail"]
    assert set(outcomes) == {"misconfigured"}
    assert (kept, last) == ("ann-pw", "ok")
