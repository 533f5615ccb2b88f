"""A directory API with every fault, in each shape that was seen, by real HTTP: at the form, and when a token is renewed.

What is said of a fault must never be that a password is wrong: people would lock their accounts over it, and a kept
password would be destroyed.
"""

import threading

import pytest

from tests.kit.api_house import api_house
from tests.kit.clock import Clock
from tests.kit.scripted_provider import reply
from tests.kit.vendors.ad_api import FAULTS, PATHS, AdApi, huge
from tests.kit.vendors.vendor import serve

pytestmark = pytest.mark.anyio

HOUR = 3600
PATIENT = {"login": {"passwords": {"per_account": 1000, "per_address": 1000}}}
WRONG = "do not belong together"
SAID_NO = {"success": False, "message": "LDAP server unreachable"}


@pytest.fixture(params=tuple(PATHS))
def api(request, monkeypatch):
    """Of each shape. A huge answer is one fault more; only what is driven over a network can have it."""
    monkeypatch.setitem(FAULTS, "huge", huge)
    vendor = AdApi(Clock(), shape=request.param)
    with serve(vendor):
        yield vendor


async def due(house, cookie):
    """The session's token has just ended: the next request tries to renew it, and waits for that."""
    house.clock.now = await house.token_end(cookie) + 1


async def test_at_the_form_a_fault_is_never_a_wrong_password(tmp_path, api):
    """The password is sent once for each, nobody is let in, and the page does not speak of slips."""
    told = {}
    async with api_house(tmp_path, api, **PATIENT) as house:
        for fault in FAULTS:
            api.fault = fault
            told[fault] = await house.typed("ann", "ann-pw")
        api.fault = ""
        await house.sign_in()

    assert {hop.status for hop in told.values()} <= {400, 503}
    assert [fault for fault, hop in told.items() if WRONG in hop.response.text] == []
    assert {told[fault].status for fault in ("500", "502", "html", "empty", "302", "429", "huge")} == {503}
    assert "does not answer at the moment" in told["500"].response.text
    assert told["429"].response.headers["retry-after"] == "7"
    assert api.calls() == len(FAULTS) + 1
    assert api.wrong.total() == 0


async def test_when_a_token_is_renewed_a_fault_costs_a_try_and_nothing_else(tmp_path, api):
    """The session goes on with its password, the API is asked once, and once the fault is over there is a new token."""
    seen = {}
    async with api_house(tmp_path, api) as house:
        _, cookie = await house.sign_in()
        for fault in FAULTS:
            await due(house, cookie)
            api.fault, before = fault, api.calls()
            passed = await house.passes(cookie)
            outcome = (await house.outcomes())[-1]
            seen[fault] = (passed, outcome, api.calls() - before, await house.kept_password(cookie))
            api.fault = ""
            house.clock.advance(61)
            assert await house.passes(cookie)
            assert (await house.outcomes())[-1] == "ok"

    assert {fault: one for fault, one in seen.items() if one[1] not in {"unknown", "transient"}} == {}
    assert {(passed, calls, kept) for passed, _, calls, kept in seen.values()} == {(True, 1, "ann-pw")}
    assert api.wrong.total() == 0


async def test_a_slow_api_is_an_outage_at_the_form_and_when_a_token_is_renewed(tmp_path, api, monkeypatch):
    """It is heard of at the deadline of its section, and answers later than that."""
    answers, respond = threading.Event(), AdApi.respond
    answers.set()

    def slow(vendor, request):
        answers.wait(60)
        return respond(vendor, request)

    monkeypatch.setattr(AdApi, "respond", slow)
    async with api_house(tmp_path, api, section={"timeout": "2s"}) as house:
        _, cookie = await house.sign_in()
        await due(house, cookie)
        answers.clear()
        passed = await house.passes(cookie)
        hop = await house.typed("ann", "ann-pw")
        answers.set()
        house.clock.advance(61)
        later = await house.passes(cookie)
        outcomes = [line["outcome"] for line in await house.house.lines("refresh.finished", 2)]

    assert (passed, later) == (True, True)
    assert outcomes == ["unknown", "ok"]
    assert hop.status == 503
    assert WRONG not in hop.response.text


async def test_a_token_without_an_end_lives_for_a_shift_from_a_login_and_from_a_renewal(tmp_path, api):
    """Eight hours, and then the password is sent again."""
    api.expiry = "none"
    async with api_house(tmp_path, api) as house:
        _, cookie = await house.sign_in()
        first = await house.token_end(cookie) - house.clock()
        house.clock.advance(7 * HOUR)
        assert await house.passes(cookie)
        calls = api.calls()
        house.clock.advance(HOUR + 1)
        assert await house.passes(cookie)
        second = await house.token_end(cookie) - house.clock()

    assert (first, second) == (8 * HOUR, 8 * HOUR)
    assert (calls, api.calls()) == (1, 2)


async def test_a_no_with_a_200_is_a_wrong_password_and_three_of_them_are_an_outage(tmp_path, api):
    """Some say `success: false` when their directory is down. One person's may be a changed password, three people's not."""
    api.instead[PATHS[api.shape]] = no = []
    async with api_house(tmp_path, api) as house:
        cookies = [(await house.sign_in(name))[1] for name in ("ann", "bob", "eve")]
        no.extend([reply(200, SAID_NO)] * 100)
        hop = await house.typed("王小明", "王小明-pw")
        await due(house, cookies[0])
        for _ in range(5):
            assert [await house.passes(cookie) for cookie in cookies] == [True] * 3
            house.clock.advance(61)
        alarms = await house.house.lines("operator.alarm")
        no.clear()
        house.clock.advance(300)
        kept = [await house.kept_password(cookie) for cookie in cookies]
        assert [await house.passes(cookie) for cookie in cookies] == [True] * 3

    assert (hop.status, WRONG in hop.response.text) == (401, True)
    assert any("several people at once" in line["detail"] for line in alarms)
    assert kept == ["ann-pw", "bob-pw", "eve-pw"]


async def test_a_no_with_a_200_that_is_mapped_as_an_outage_is_one(tmp_path, api):
    """By its own words, at the form and when a token is renewed; one person is enough."""
    outage = {"errors": {"outage": {"status": 200, "path": "message", "equals": SAID_NO["message"]}}}
    api.instead[PATHS[api.shape]] = no = []
    async with api_house(tmp_path, api, section=outage) as house:
        _, cookie = await house.sign_in()
        no.append(reply(200, SAID_NO))
        hop = await house.typed("ann", "ann-pw")
        no.append(reply(200, SAID_NO))
        await due(house, cookie)
        assert await house.passes(cookie)
        house.clock.advance(61)
        assert await house.passes(cookie)
        outcomes = await house.outcomes(logins=2)

    assert (hop.status, outcomes) == (503, ["unknown", "ok"])
