"""The logout plans of the OpenID conformance suite: RP-initiated logout, and logout tokens in the middle of it.

In the suite a person signs out, the provider sends a logout token while the browser is with it, and then the browser
comes back. The token here is for another browser of the same person, so that a refusal shows in what stays alive.
The rows that no module has (replays, times, names, forms) are in `tests/attacks/test_backchannel_logout.py`.
"""

from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from gateway.providers.logout_token import EVENT
from tests.kit.conformance import sessions
from tests.kit.scripted_provider import without_none
from tests.kit.verify_house import CLIENT
from tests.kit.wired import APP, AUTH, COOKIE, wired

pytestmark = pytest.mark.anyio

SIGNED_OUT = f"{AUTH}/auth/signed-out"


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path) as opened:
        yield opened


async def signed_out_as_far_as_the_provider(house):
    """A browser that has sent our logout form: the request that it takes to the provider, parameter by parameter."""
    browser = house.browser()
    await house.sign_in(browser)
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    sent = await browser.submit(f"{AUTH}/auth/logout", {"token": token}, follow=False)
    address = urlsplit(sent.location)
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{house.provider.issuer}/logout"
    asked = parse_qs(address.query)
    assert all(len(values) == 1 for values in asked.values())
    return browser, {name: values[0] for name, values in asked.items()}


async def tell(house, changed):
    """Send a logout token of the provider, good unless changed; `None` takes a claim away."""
    now = int(house.clock())
    good = {
        "iss": house.provider.issuer, "aud": "gateway", "iat": now, "exp": now + 120, "jti": "one",
        "sub": "u-1", "sid": "p-2", "events": {EVENT: {}},
    }  # fmt: skip
    body = urlencode({"logout_token": house.provider.signed(without_none({**good, **changed}))})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    transport = httpx.ASGITransport(house.apps["bind"], client=(CLIENT, 50000))
    async with httpx.AsyncClient(transport=transport, base_url=AUTH) as client:
        return await client.post("/auth/corp/backchannel-logout", content=body, headers=headers)


ENDS = [
    pytest.param({}, "good", 200, id="oidcc-client-test-rp-backchannel-rpinitlogout"),
    pytest.param({}, "none", 400, id="oidcc-client-test-rp-backchannel-rpinitlogout-alg-none"),
    pytest.param({}, "hs256_public_key", 400, id="oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg"),
    pytest.param({"events": None}, "good", 400, id="oidcc-client-test-rp-backchannel-rpinitlogout-no-event"),
    pytest.param(
        {"events": {"http://schemas.openid.net/event/other": {}}},
        "good",
        400,
        id="oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event",
    ),
    pytest.param({"nonce": "n"}, "good", 400, id="oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce"),
    pytest.param(
        {"aud": "another-client"}, "good", 400, id="oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud"
    ),
    pytest.param(
        {"iss": "https://another.example"},
        "good",
        400,
        id="oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss",
    ),
]


@pytest.mark.parametrize(("changed", "sign", "status"), ENDS)
async def test_a_logout_token_during_a_logout(house, changed, sign, status):
    """Judged by itself, not to be kept by anybody, and the logout goes on to its page either way."""
    house.provider.person["sid"] = "p-2"
    elsewhere = await house.sign_in()
    house.provider.person["sid"] = "p-1"
    browser, asked = await signed_out_as_far_as_the_provider(house)
    house.provider.sign = sign

    answer = await tell(house, changed)

    assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")
    assert (await house.say("/report", elsewhere)).status_code == (401 if status == 200 else 200)
    back = await browser.open(f"{asked['post_logout_redirect_uri']}?state={asked['state']}")
    assert (back.status, "You are signed out" in back.response.text) == (200, True)


async def test_a_logout_token_for_the_session_that_is_being_signed_out_is_fine(house):
    """It has ended here already: what the provider wants is so (Back-Channel Logout section 2.7)."""
    house.provider.person["sid"] = "p-1"
    await signed_out_as_far_as_the_provider(house)

    assert (await tell(house, {"sid": "p-1"})).status_code == 200


@pytest.mark.parametrize(
    "state",
    [
        pytest.param("{sent}", id="oidcc-client-test-rp-init-logout"),
        pytest.param(None, id="oidcc-client-test-rp-init-logout-no-state"),
        pytest.param("another", id="oidcc-client-test-rp-init-logout-other-state"),
        pytest.param('"><script>alert(1)</script>', id="a state that is markup"),
    ],
)
async def test_the_way_back_from_a_logout_is_a_page_whatever_state_it_has(house, state):
    """The session is over before the browser leaves, so that the state protects nothing: no session, no new login."""
    browser, asked = await signed_out_as_far_as_the_provider(house)
    house.provider.asked.clear()
    query = {} if state is None else {"state": state.format(sent=asked["state"])}

    back = await browser.open(f"{asked['post_logout_redirect_uri']}?{urlencode(query)}")

    assert asked["post_logout_redirect_uri"] == SIGNED_OUT
    assert (back.status, "You are signed out" in back.response.text) == (200, True)
    assert "script" not in back.response.text
    assert "set-cookie" not in back.response.headers
    assert house.provider.asked == []
    assert (browser.jar.get(COOKIE), sessions(house)) == (None, 0)


async def test_a_logout_names_the_session_to_the_provider_and_carries_a_state_of_its_own(house):
    """RP-Initiated Logout section 2: the last ID token as a hint, our client, and 256 bits nobody can foretell."""
    _, first = await signed_out_as_far_as_the_provider(house)
    _, second = await signed_out_as_far_as_the_provider(house)

    assert set(first) == {"id_token_hint", "client_id", "post_logout_redirect_uri", "state"}
    assert (first["client_id"], first["id_token_hint"].count(".")) == ("gateway", 2)
    assert len({first["state"], second["state"]}) == 2
    assert min(len(first["state"]), len(second["state"])) == 43


async def test_the_address_of_the_signed_out_page_signs_nobody_out(house):
    """Whoever links to it, with whatever state, ends no session."""
    browser = house.browser()
    cookie = await house.sign_in(browser)

    await browser.open(f"{SIGNED_OUT}?state=another", origin="https://evil.test")

    assert (await house.say("/report", cookie)).status_code == 200
    assert (await browser.open(f"{APP}/report")).status == 200
