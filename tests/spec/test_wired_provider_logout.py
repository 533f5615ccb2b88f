"""Logouts that a provider tells of, through the gateway as it is wired."""

from urllib.parse import urlencode

import httpx
import pytest

from gateway.providers.logout_token import EVENT
from tests.kit.verify_house import CLIENT
from tests.kit.wired import AUTH, wired

pytestmark = pytest.mark.anyio


def token_of(house, jti="one", **changed):
    now = int(house.clock())
    claims = {"iss": house.provider.issuer, "aud": "gateway", "iat": now, "jti": jti, "events": {EVENT: {}}}
    return house.provider.signed({**claims, **changed})


async def tell(house, token):
    transport = httpx.ASGITransport(house.apps["bind"], client=(CLIENT, 50000))
    async with httpx.AsyncClient(transport=transport, base_url=AUTH) as client:
        return await client.post("/auth/corp/backchannel-logout", data={"logout_token": token})


async def get(house, **parameters):
    return await house.get("bind", f"/auth/corp/frontchannel-logout?{urlencode(parameters)}")


async def test_a_session_that_its_provider_ends_opens_nothing_any_more(tmp_path):
    """From the ID token's `sid` at the login to the check that says no; by either name."""
    async with wired(tmp_path) as house:
        for number, ended in enumerate(({"sid": "p-1"}, {"sub": "u-1"})):
            house.provider.person["sid"] = "p-1"
            cookie = await house.sign_in()
            assert (await house.say("/report", cookie)).status_code == 200

            answer = await tell(house, token_of(house, jti=str(number), **ended))

            assert answer.status_code == 200
            assert (await house.say("/report", cookie)).status_code == 401
            house.clock.advance(121)  # a login of the same name is over for two minutes
        lines = await house.lines("provider.logout", 2)
        assert [line["outcome"] for line in lines] == ["ok", "ok"]


async def test_a_session_stays_under_its_name_past_a_refresh(tmp_path):
    """The refreshed ID token says another `sid`, or none: the list was written at the login."""
    async with wired(tmp_path) as house:
        house.provider.person["sid"] = "p-1"
        cookie = await house.sign_in()
        house.provider.person["sid"] = "p-2"
        house.clock.advance(299)
        assert (await house.say("/report", cookie)).status_code == 200

        assert (await tell(house, token_of(house, sid="p-1"))).status_code == 200

        assert (await house.say("/report", cookie)).status_code == 401


async def test_case18_forged_key_ids_cost_one_fetch_a_minute(tmp_path):
    """Whoever can reach the address cannot make us fetch the provider's keys over and over."""
    async with wired(tmp_path) as house:
        house.provider.header = {"kid": "unknown"}

        answers = [(await tell(house, token_of(house, jti=str(n), sid="p-1"))).status_code for n in range(30)]

        assert answers == [400] * 30
        assert house.provider.paths().count("/keys") == 2


async def test_the_front_channel_is_a_setting_of_the_provider(tmp_path):
    """Off by default."""
    async with wired(tmp_path) as house:
        assert (await get(house, iss=house.provider.issuer, sid="p-1")).status_code == 404
    async with wired(tmp_path, corp={"frontchannel_logout": True}) as house:
        house.provider.person["sid"] = "p-1"
        cookie = await house.sign_in()

        answer = await get(house, iss=house.provider.issuer, sid="p-1")

        assert answer.status_code == 200
        assert (await house.say("/report", cookie)).status_code == 401
