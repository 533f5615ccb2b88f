"""Signing out while the store reads and does not write: the process that was told lets nobody in any more (T46).

So does a Redis whose disk is full, or one that has become a replica. A copy of the cookie is all that an attacker needs.
"""

import pytest

from gateway.errors import StoreFault
from tests.kit.verify_house import CONTRACTS
from tests.kit.wired import AUTH, WRITTEN, wired

pytestmark = pytest.mark.anyio

API = {"name": "api", "paths": ["/api/**"], "allow": "authenticated", "pass_token": "access_token"}


class Refuses:
    """Takes the place of a store's `delete` until it works again."""

    def __init__(self, store):
        self.delete, self.working = store.delete, False

    async def __call__(self, keys):
        if not self.working:
            raise StoreFault("redis refused the command: ResponseError MISCONF")
        return await self.delete(keys)


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path, rules=[API, *WRITTEN["rules"]]) as found:
        yield found


@pytest.fixture
def refuses(house, monkeypatch):
    store = house.application._store
    found = Refuses(store)
    monkeypatch.setattr(store, "delete", found)
    return found


async def sign_out(house):
    """Alice signs in, and out again as far as that goes: a copy of her cookie."""
    browser = house.browser()
    copied = await house.sign_in(browser)
    assert (await house.say("/x", copied)).status_code == 200
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    done = await browser.submit(f"{AUTH}/auth/logout", {"token": token}, follow=False)
    assert done.status == 202
    return copied


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_t46_a_copied_cookie_is_refused_where_its_owner_has_signed_out(house, refuses, contract):
    """The store still has the session, and says so; here it is known to be over."""
    copied = await sign_out(house)

    for _ in range(3):
        for uri in ("/x", "/api/x"):
            assert (await house.say(uri, copied, contract=contract)).status_code == 401
        house.clock.advance(2)


async def test_t46_no_refusal_outlives_the_end(house, refuses):
    """What the store has taken is forgotten here: whoever signs in again is in."""
    copied = await sign_out(house)
    refuses.working = True
    await house.lines("session.ended")

    assert (await house.say("/x", copied)).status_code == 401
    assert (await house.say("/x", await house.sign_in())).status_code == 200


async def test_t46_others_stay_in_meanwhile(house, refuses):
    """One sign-out is nobody else's."""
    other = await house.sign_in()
    await sign_out(house)

    assert (await house.say("/x", other)).status_code == 200
