"""A directory that takes connections and never answers, before the whole gateway: who signs in, and who is busy elsewhere.

What code does it does each time; what else a machine does comes and goes. So the best of a few rounds counts, and of the
loop's stalls those that the machine alone made do not. The figures are what a clock said.
"""

import asyncio
import html
import time
from dataclasses import dataclass

import pytest

from tests.kit.browser import Hop
from tests.kit.password_form import opened
from tests.kit.ticking import Ticking, silent
from tests.kit.wired import APP, AUTH, wired

pytestmark = [pytest.mark.live, pytest.mark.anyio]

STALL, ROUNDS = 0.2, 4
DEADLINE = 2.0
PEOPLE = 12
DIRECTORY = {
    "type": "ldap",
    "base": "DC=ad,DC=test",
    "bind_dn": "CN=Reader,DC=ad,DC=test",
    "bind_password": "of-the-service",
    "domains": {"ad.test": []},
    "timeout": "1500ms",
    "connect_timeout": "1s",
    "receive_timeout": "1s",
}
WAYS = {
    "LDAPS": lambda place: {**DIRECTORY, "urls": [f"ldaps://{place}"]},
    "StartTLS": lambda place: {**DIRECTORY, "urls": [f"ldap://{place}"], "starttls": True},
    "plain": lambda place: {**DIRECTORY, "urls": [f"ldap://{place}"]},
    "by themselves": lambda place: {
        **{key: value for key, value in DIRECTORY.items() if not key.startswith("bind")},
        "urls": [f"ldaps://{place}"],
    },
    "API": lambda place: {
        "type": "ad-api",
        "url": f"http://{place}/login",
        "shape": "token",
        "timeout": "1500ms",
    },
}
SAID = {
    "The identity provider does not answer at the moment.",
    "The identity provider gets more requests than it will answer.",  # to who waited for a turn, and got none
}


@dataclass(frozen=True)
class Round:
    """What came of all of them signing in at once. Times in seconds: the longest stall, and until the last answer."""

    hops: list[Hop]
    checks: list[int]
    ticking: Ticking
    took: float

    @property
    def is_smooth(self):
        return self.ticking.own < STALL and self.took < DEADLINE + 1


async def sign_in_at_once(house):
    """Everybody sends a form in one moment, while requests of others are checked one after another."""
    browsers = [house.browser(f"198.51.{number}.7") for number in range(PEOPLE)]
    forms = [await opened(browser, f"{AUTH}/auth/login?rd={APP}/x") for browser in browsers]
    checks = []

    async def others():
        while True:
            checks.append((await house.say("/public/x")).status_code)
            await asyncio.sleep(0.01)

    busy = asyncio.create_task(others())
    began = time.perf_counter()
    async with Ticking() as ticking, asyncio.timeout(60):
        hops = await asyncio.gather(
            *[form.send(f"person{number}", "pw") for number, form in enumerate(forms)]
        )
    took = time.perf_counter() - began
    busy.cancel()
    return Round(hops, checks, ticking, took)


@pytest.mark.parametrize("way", WAYS)
async def test_a_silent_directory_holds_nobody_up_but_who_signs_in_there(tmp_path, figure, way):
    """They hear of it by the deadline, on the page; checks are answered all the while, and the loop turns on."""
    rounds = []
    with silent(636) as place:
        providers = {"corp": WAYS[way](place)}
        login = {"passwords": {"per_account": 50, "at_once": 8, "deadline": f"{DEADLINE:g}s"}}
        async with wired(tmp_path, providers=providers, login=login) as house:
            while len(rounds) < ROUNDS and not (rounds and rounds[-1].is_smooth):
                rounds.append(await sign_in_at_once(house))

    best = min(rounds, key=lambda one: one.ticking.worst)
    figure(f"silent ({way}), {PEOPLE} forms: longest stall of the loop", best.ticking.worst * 1000, "ms")
    figure(f"silent ({way}), {PEOPLE} forms: of it not the machine's", best.ticking.own * 1000, "ms")
    figure(f"silent ({way}), {PEOPLE} forms: last answer, deadline {DEADLINE:g} s", best.took, "s")
    for one in rounds:
        assert {hop.status for hop in one.hops} == {503}
        assert all(any(said in html.unescape(hop.response.text) for said in SAID) for hop in one.hops)
        assert set(one.checks) == {200}
    assert rounds[-1].is_smooth, [(one.ticking.own, one.took) for one in rounds]
