"""The bare address of the gateway, which people type: it leads to the page that says who is signed in."""

import pytest

from tests.kit.wired import AUTH, wired

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["", "/"])
@pytest.mark.parametrize("home", [AUTH, "https://app.example.com/_gateway"])
async def test_the_front_door_of_the_gateway_leads_to_who_is_signed_in(tmp_path, home, path):
    """With a path of its own or a host of its own, with a slash or without."""
    layout = {"sessions": {}} if home.endswith("_gateway") else {}
    async with wired(tmp_path, public_url=home, **layout) as house:
        browser = house.browser()
        stranger = await browser.open(f"{home}{path}", follow=False)
        nobody = await browser.open(f"{home}{path}")
        await house.sign_in(browser)
        alice = await browser.open(f"{home}{path}")

        assert (stranger.status, stranger.location) == (303, f"{home}/users/me")
        assert "set-cookie" not in stranger.response.headers
        assert (nobody.status, nobody.url) == (401, f"{home}/users/me")
        assert (alice.status, alice.url) == (200, f"{home}/users/me")


@pytest.mark.parametrize("path", ["/_gateway", "/_gateway/", "/_gateway/?rd=https://evil.test/"])
async def test_the_front_door_leads_where_the_configuration_says_and_nowhere_else(tmp_path, path):
    """Neither the Host of a request nor its query has a say."""
    async with wired(tmp_path, public_url="https://app.example.com/_gateway", sessions={}) as house:
        said = await house.get("bind", path, {"host": "evil.test"})

        assert (said.status_code, said.headers["location"]) == (
            303,
            "https://app.example.com/_gateway/users/me",
        )
