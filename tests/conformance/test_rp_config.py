"""The configuration plan of the OpenID conformance suite: what the provider publishes, and keys that change."""

import pytest

from tests.kit.conformance import sign_in
from tests.kit.wired import AUTH, COOKIE, wired

pytestmark = pytest.mark.anyio

WELL_KNOWN = "/.well-known/openid-configuration"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(WELL_KNOWN, id="oidcc-client-test-discovery-openid-config"),
        pytest.param("/keys", id="oidcc-client-test-discovery-jwks-uri-keys"),
    ],
)
async def test_endpoints_and_keys_are_those_that_the_provider_publishes(tmp_path, path):
    """Fetched when they are first needed, from the issuer alone; every endpoint stands in the document."""
    async with wired(tmp_path) as house:
        last = await sign_in(house.browser())

        assert last.status == 200
        assert house.provider.paths().count(path) == 1
        assert all(ask.url.startswith(f"{house.provider.issuer}/") for ask in house.provider.asked)


@pytest.mark.parametrize(
    "stated",
    [
        pytest.param("https://another.example", id="oidcc-client-test-discovery-issuer-mismatch"),
        pytest.param("{issuer}/", id="a slash more"),
        pytest.param(None, id="none"),
    ],
)
async def test_a_document_of_another_issuer_sends_no_browser_anywhere(tmp_path, stated):
    """Discovery section 4.3: neither authorization nor token endpoint of such a document is ever used."""
    async with wired(tmp_path) as house:
        house.provider.metadata = {"issuer": stated and stated.format(issuer=house.provider.issuer)}
        browser = house.browser()

        last = await sign_in(browser)

        assert last.status == 400
        assert all(hop.url.startswith((AUTH, "https://app.example.com")) for hop in browser.hops)
        assert set(house.provider.paths()) == {WELL_KNOWN}
        assert browser.jar.get(COOKIE) is None


async def begun(house, browser):
    """Signed in at the provider, and on the way back: the callback that is still to be opened."""
    departed = await browser.open(f"{AUTH}/auth/corp?rd=https://app.example.com/report", follow=False)
    return (await browser.open(departed.location, follow=False)).location


@pytest.mark.parametrize(
    ("just_before_signing", "fetches"),
    [
        pytest.param(False, 2, id="oidcc-client-test-signing-key-rotation"),
        pytest.param(True, 2, id="oidcc-client-test-signing-key-rotation-just-before-signing"),
    ],
)
async def test_a_key_that_is_new_is_fetched_when_a_token_names_it(tmp_path, just_before_signing, fetches):
    """Between two logins, or within one; the keys are fetched once more, and the login goes through."""
    async with wired(tmp_path) as house:
        await sign_in(house.browser())
        browser = house.browser()
        if not just_before_signing:
            house.provider.rotate_keys()
        callback = await begun(house, browser)
        if just_before_signing:
            house.provider.rotate_keys()

        last = await browser.open(callback)

        assert last.response.json()["x-auth-subject"] == "corp:u-1"
        assert house.provider.paths().count("/keys") == fetches
