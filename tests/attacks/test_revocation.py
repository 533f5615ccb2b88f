"""Sessions that have ended, at a process that remembers them: its own, and another one on the same store."""

import contextlib

import pytest

from gateway.keys.keyring import Keyring
from tests.kit.randomness import Randomness
from tests.kit.verify_house import CONTRACTS, open_house
from tests.kit.wired import AUTH, wired

pytestmark = pytest.mark.anyio


@pytest.fixture
async def replicas(tmp_path):
    """Two gateways on one file and one key ring."""
    ring = Keyring.generate(Randomness("replicas"), 1_800_000_000.0)
    async with contextlib.AsyncExitStack() as stack:
        one = await stack.enter_async_context(wired(tmp_path, ring=ring))
        providers = {"corp": one.settings.providers["corp"].model_dump(mode="json", exclude_unset=True)}
        yield one, await stack.enter_async_context(wired(tmp_path, ring=ring, providers=providers))


async def sign_out(house, browser):
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    gone = await browser.submit(f"{AUTH}/auth/logout", {"token": token}, follow=False)
    assert gone.status == 303


def reads(house):
    """How often its store was read for a session."""
    for line in house.application.metrics.render()[0].decode().splitlines():
        if line.startswith('gateway_store_seconds_count{verb="read"}'):
            return float(line.rpartition(" ")[2])
    return 0.0


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_t46_a_copied_cookie_is_refused_at_the_very_next_check(replicas, contract):
    """Logout left sessions valid (Trail of Bits on caddy-security, 2023): here, and at a replica that remembers it."""
    one, two = replicas
    browser = one.browser()
    copied = await one.sign_in(browser)
    for house in replicas:
        for _ in range(2):
            assert (await house.say("/x", copied, contract=contract)).status_code == 200

    await sign_out(one, browser)

    assert (await one.say("/x", copied, contract=contract)).status_code == 401
    assert (await two.say("/x", copied, contract=contract)).status_code == 401


async def test_t46_the_replica_did_remember(replicas):
    """Or the test above would say nothing: before the logout its store was asked once, for many checks."""
    one, two = replicas
    cookie = await one.sign_in()
    before = reads(two)

    for _ in range(10):
        assert (await two.say("/x", cookie)).status_code == 200

    assert reads(two) == before + 1


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_t46_a_login_that_replaces_a_session_ends_it_at_once(contract):
    """Session fixation: the old cookie is nobody as soon as the new one is somebody (OWASP ASVS 3.2.1)."""
    house = await open_house()
    old = house.cookie("alice")
    assert (await house.ask(contract, "/x", who="alice")).status == 200

    await house.sessions.begin(house.begun["alice"].session.latest, None, house.begun["alice"].ticket)

    assert (await house.ask(contract, "/x", headers=[(b"cookie", old.encode())])).status == 401
