"""Two hundred people at the login at once, over three providers and two hosts: nobody gets what is somebody else's.

What a rival kept of a login in attributes of shared objects (CVE-2026-33544), and the callback address that another one
kept in a global, gave one person the session of another. Here all that a login knows stands in its attempt.
"""

import asyncio
import dataclasses
from collections import Counter
from random import Random
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.kit.login_door import APP, AUTH, OTHER, LoginHouse

pytestmark = pytest.mark.anyio

PROVIDERS = ("staff", "partners", "guests")
PEOPLE, LOGINS = 20, 200
ROOMS = ("gateway.providers.", "gateway.login.", "gateway.settings.", "gateway.policy.", "gateway.identity.")
SHARED = "https://app.example.com/_gateway"


def crowded(seed, **changes):
    """A house whose providers know twenty people each, and take their time: each answer comes some turns later."""
    house = LoginHouse(PROVIDERS, **{"login": {"per_prefix": 1000}} | changes)
    chance = Random(seed)
    for script in house.scripts.values():
        redeem_each_as_its_own(script)

    async def run(flow, *, provider):
        script = house.scripts[provider]
        try:
            ask = next(flow)
            while True:
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
                ask = flow.send(script.answer(ask))
        except StopIteration as end:
            return end.value

    object.__setattr__(house.flow, "run", run)
    object.__setattr__(house.flow.departing, "run", run)
    return house, chance


def redeem_each_as_its_own(script):
    """The person of a code is the one who signed in for it, and not the last one who did."""
    honest = script._redeem

    def redeem(form):
        subject = script.codes.get(form["code"], {}).get("sub", "nobody")
        script.person = script.person | {"sub": subject, "preferred_username": subject}
        return honest(form)

    script._redeem = redeem


async def log_in(house, browser, provider, person, target, base=AUTH):
    """One person's login at one provider; where it ended."""
    callback = await house.callback_of(browser, f"{base}/auth/{provider}?rd={target}")
    script = house.scripts[provider]
    code = dict(parse_qsl(urlsplit(callback).query))["code"]
    script.codes[code] = script.codes[code] | {"sub": person}
    return (await browser.open(callback, follow=False)).location


async def me(browser, base=AUTH):
    answer = await browser.open(f"{base}/users/me", headers={"accept": "application/json"})
    found = answer.response.json()
    return found["provider"], found["user"], found["subject"]


@pytest.mark.parametrize("seed", range(3))
async def test_p10_two_hundred_logins_over_three_providers_belong_to_the_browsers_that_began_them(seed):
    """Twenty people, each in ten browsers, in an order that chance makes."""
    house, chance = crowded(seed)

    async def one(number):
        provider, person = PROVIDERS[number % 3], f"{PROVIDERS[number % 3]}-{number % PEOPLE}"
        browser = house.browser(f"192.0.2.{number % 250}")
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
        ended = await log_in(house, browser, provider, person, f"{APP}/{number}")
        return ended, await me(browser)

    found = await asyncio.gather(*[one(number) for number in range(LOGINS)])

    expected = []
    for number in range(LOGINS):
        provider = PROVIDERS[number % 3]
        person = f"{provider}-{number % PEOPLE}"
        expected.append((f"{APP}/{number}", (provider, person, f"{provider}:{person}")))
    assert found == expected
    assert len(house.session_keys()) == LOGINS


async def test_p10_second_logins_in_a_crowd_join_the_session_of_their_own_browser():
    """A login at another provider adds to the browser's own session, while all the others do the same."""
    house, _ = crowded(7)

    async def one(number):
        browser = house.browser(f"192.0.2.{number % 250}")
        first, second = PROVIDERS[number % 3], PROVIDERS[(number + 1) % 3]
        await log_in(house, browser, first, f"a{number}", f"{APP}/1")
        await log_in(house, browser, second, f"b{number}", f"{APP}/2")
        latest = await me(browser)
        back = await browser.open(f"{AUTH}/auth/login?rd={APP}/3&provider={first}", follow=False)
        return latest, back.location

    found = await asyncio.gather(*[one(number) for number in range(60)])

    for number, (latest, back) in enumerate(found):
        second = PROVIDERS[(number + 1) % 3]
        assert (latest, back) == ((second, f"b{number}", f"{second}:b{number}"), f"{APP}/3")
    assert len(house.session_keys()) == 60


async def test_p10_callbacks_that_change_browsers_in_a_crowd_sign_nobody_in():
    """Everybody comes back with the neighbour's callback: not one session, and no code is redeemed."""
    house, _ = crowded(11)
    browsers = [house.browser(f"192.0.2.{number}") for number in range(60)]
    callbacks = await asyncio.gather(
        *[
            house.callback_of(browser, f"{AUTH}/auth/{PROVIDERS[number % 3]}?rd={APP}/x")
            for number, browser in enumerate(browsers)
        ]
    )

    hops = await asyncio.gather(
        *[
            browser.open(callbacks[(number + 3) % len(callbacks)], follow=False)
            for number, browser in enumerate(browsers)
        ]
    )

    assert {hop.status for hop in hops} == {400}
    assert house.session_keys() == []
    assert "/token" not in house.outbound()


async def test_w7_logins_on_two_hosts_at_once_each_return_to_their_own():
    """Two layouts, and on one of them two applications: the callback is that of the door, the end that of the page."""
    house, _ = crowded(3)
    second, _ = crowded(5, public_url=SHARED, hosts=[APP], sessions={})

    async def at(place, base, target, number):
        browser = place.browser(f"192.0.2.{number}")
        if base == SHARED:
            browser.origins = {**browser.origins, APP: place.app}
        departed = await browser.open(f"{base}/auth/staff?rd={target}", follow=False)
        return dict(parse_qsl(urlsplit(departed.location).query))["redirect_uri"], await log_in(
            place, browser, "staff", f"u{number}", target, base
        )

    doors = [(house, AUTH, f"{APP}/a"), (house, AUTH, f"{OTHER}/b"), (second, SHARED, f"{APP}/c")]
    found = await asyncio.gather(*[at(*doors[number % 3], number) for number in range(60)])

    assert Counter(found) == {(f"{base}/auth/staff/callback", target): 20 for _, base, target in doors}


def snapshot(thing, seen=None):
    """Everything that hangs on an object of the login or of a provider: attributes, slots, items, all the way down.

    Stores, and the service of sessions with what it remembers for the checks, change on purpose.
    """
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return "…"
    if isinstance(thing, dict):
        return {str(key): snapshot(value, seen | {id(thing)}) for key, value in thing.items()}
    if isinstance(thing, (list, tuple, set, frozenset)):
        return [snapshot(value, seen | {id(thing)}) for value in thing]
    if not type(thing).__module__.startswith(ROOMS):
        return (
            repr(thing) if isinstance(thing, (str, int, float, bytes, type(None))) else type(thing).__name__
        )
    names = [field.name for field in dataclasses.fields(thing)] if dataclasses.is_dataclass(thing) else []
    held = {name: getattr(thing, name) for name in names} | getattr(thing, "__dict__", {})
    return {
        "is": type(thing).__name__,
        **{name: snapshot(value, seen | {id(thing)}) for name, value in held.items()},
    }


async def test_p10_no_attribute_of_a_provider_or_of_the_flow_changes_in_a_login():
    """Looked at before, in the middle of and after a crowd, down to the last mapping."""
    house, _ = crowded(13)
    parts = (*house.flow.providers.values(), house.flow, house.flow.departing, house.flow.selection)
    before = snapshot(parts)

    async def one(number):
        browser = house.browser(f"192.0.2.{number}")
        provider = PROVIDERS[number % 3]
        callback = await house.callback_of(browser, f"{AUTH}/auth/{provider}?rd={APP}/{number}")
        between = snapshot(parts)
        await browser.open(callback, follow=False)
        return between

    between = await asyncio.gather(*[one(number) for number in range(30)])

    assert all(one == before for one in between)
    assert snapshot(parts) == before
    assert {"providers", "departing", "selection"} <= set(before[len(PROVIDERS)])
