"""What a login writes into the list of a person's sessions, through the gateway as it is wired."""

import pytest

from tests.kit.verify_house import CLIENT
from tests.kit.wired import wired

pytestmark = pytest.mark.anyio

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def test_a_login_is_listed_with_its_device_and_network(tmp_path):
    """From the request that came back from the provider."""
    async with wired(tmp_path) as house:
        browser = house.browser()
        browser.headers = {"user-agent": AGENT}
        await house.sign_in(browser)

        inventory = house.application._people.inventory
        (listed,) = await inventory.of_person(house.provider.issuer, "u-1")

        assert listed.entry.subject == "corp:u-1"
        assert listed.entry.device == "Firefox on Linux"
        assert listed.entry.network == CLIENT.rpartition(".")[0] + ".0/24"


async def test_a_disabled_person_is_told_so_and_does_not_go_round_in_circles(tmp_path):
    """The login ends on a page; no session is begun."""
    async with wired(tmp_path) as house:
        await house.application._people.inventory.disable(house.provider.issuer, "u-1")

        last = await house.browser().open("https://auth.example.com/auth/corp")

        assert last.status == 403
        (line,) = await house.lines("login.finished")
        assert line["outcome"] == "not_allowed"
