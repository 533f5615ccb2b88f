"""What long-lived relying parties learned about the way to the provider and back: tabs, buttons, clocks and forms.

The ids are those of the catalogue (E1 to E13); cases that another family proves as well carry both ids there.
"""

from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from tests.kit.browser import NAVIGATION
from tests.kit.conformance import sessions
from tests.kit.verify_house import PROXY, family
from tests.kit.wired import APP, AUTH, BROWSER_COOKIE, COOKIE, wired

pytestmark = pytest.mark.anyio

ONE_HOST = {"public_url": f"{APP}/_gateway", "sessions": {}}


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path) as opened:
        yield opened


async def callback_of(browser, path="/x"):
    """Leave for the provider, and stop with the address that it sends the browser back to."""
    departed = await browser.open(f"{AUTH}/auth/corp?rd={APP}{path}", follow=False)
    assert departed.status == 303, departed.response.text
    return (await browser.open(departed.location, follow=False)).location


async def test_case1_attempts_that_ran_out_take_no_place_of_living_ones(house):
    """Seven tabs of this morning do not push out the one that is at the provider now."""
    browser = house.browser()
    for tab in range(7):
        await callback_of(browser, f"/{tab}")
    house.clock.advance(601)
    mine = await callback_of(browser, "/mine")
    for tab in range(6):
        await callback_of(browser, f"/late-{tab}")

    assert (await browser.open(mine, follow=False)).location == f"{APP}/mine"


@pytest.mark.parametrize(
    "junk", ["", "x", "%%%", "A" * 44, "A" * 9000], ids=lambda junk: f"{len(junk)} characters"
)
async def test_case1_a_mark_of_the_browser_that_is_none_is_replaced(house, junk):
    """It would refuse every login of this browser until somebody clears its cookies."""
    browser = house.browser()
    browser.jar.plant(AUTH, BROWSER_COOKIE, junk)

    last = await browser.open(f"{APP}/x")

    assert (last.url, last.status) == (f"{APP}/x", 200)
    assert len([cookie for cookie in browser.jar.cookies if cookie.name == BROWSER_COOKIE]) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=str)
async def test_case2_tabs_come_back_in_any_order_each_to_its_own_page(house, order):
    """The state belongs to the attempt, and not to the browser: no tab makes another one fail."""
    browser = house.browser()
    callbacks = [await callback_of(browser, f"/{tab}") for tab in range(3)]

    ends = [(await browser.open(callbacks[tab])).url for tab in order]

    assert ends == [f"{APP}/{tab}" for tab in order]
    assert sessions(house) == 1


async def test_case3_who_goes_back_to_the_callback_is_sent_on_and_no_code_goes_out_again(house):
    """Also where the session was renewed since, and however often."""
    browser = house.browser()
    callback = await callback_of(browser)
    await browser.open(callback)
    kept, asked = browser.jar.get(COOKIE).value, house.tokens_asked()

    again = [(await browser.open(callback, follow=False)).location for _ in range(3)]

    assert again == [f"{APP}/x"] * 3
    assert (house.tokens_asked(), browser.jar.get(COOKIE).value) == (asked, kept)


async def test_case4_an_attempt_is_bound_to_the_browser_and_not_to_its_address(house):
    """A phone leaves the Wi-Fi on the way, and a browser updates itself: neither ends a login."""
    browser = house.browser()
    callback = await callback_of(browser)
    browser.peer = ("203.0.113.99", 50001)
    browser.headers = {"user-agent": "Mozilla/6.0 (another)"}

    assert (await browser.open(callback, follow=False)).location == f"{APP}/x"


@pytest.mark.parametrize(
    "place",
    [
        "/a%2Fb/c%20d",
        "/%E4%BD%A0%E5%A5%BD?q=%E5%86%8D%E8%A7%81",
        "/a?b=c%26d%3De&f=g+h&i",
        "/a?next=https%3A%2F%2Fx.example%2F%3Fy%3Dz%23w",
        "/a?b=%2525&c=%00",
        "/A.b~c_d-e;f=g,h:i@j!k$l'm(n)*o",
    ],
)
async def test_case5_the_address_that_was_asked_for_comes_back_byte_for_byte(house, place):
    """Nothing on the way decodes it and encodes it anew."""
    last = await house.browser().open(f"{APP}{place}")

    assert (last.url, last.status) == (f"{APP}{place}", 200)


@pytest.mark.parametrize(("method", "status"), [("GET", 303), ("HEAD", 303), ("POST", 401), ("DELETE", 401)])
async def test_case5_only_what_a_page_can_be_asked_with_leads_to_the_login(house, method, status):
    """After a login it would be a GET of the same address: whoever changes something hears 401, and loses nothing."""
    lines = family("forward-auth", method.encode(), b"app.example.com", b"/x")
    lines += [(name.encode(), value.encode()) for name, value in NAVIGATION.items()]
    transport = httpx.ASGITransport(house.apps["verify_bind"], client=(PROXY, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://verify") as client:
        said = await client.get("/verify/forward-auth", headers=lines)

    assert said.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 303, id="a person"),
        pytest.param({"accept": "application/xhtml+xml"}, 303, id="a person with an old browser"),
        pytest.param({"accept": "*/*"}, 401, id="a program that takes anything"),
        pytest.param({"accept": "application/json"}, 401, id="a program that wants JSON"),
        pytest.param({"x-requested-with": "XMLHttpRequest"}, 401, id="XHR"),
        pytest.param({"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, 401, id="fetch"),
        pytest.param({"sec-fetch-dest": "iframe"}, 401, id="a frame"),
        pytest.param({"sec-fetch-dest": "image", "sec-fetch-mode": "no-cors"}, 401, id="an image"),
        pytest.param({"sec-purpose": "prefetch"}, 401, id="a prefetch"),
    ],
)
@pytest.mark.parametrize("contract", ["forward-auth", "auth-request"])
async def test_case7_only_a_page_that_a_person_opens_is_sent_to_the_login(house, contract, headers, status):
    """Everything else is told where the login is, and follows no redirect into it."""
    nginx = contract == "auth-request"
    second = {"x-gateway-status": "401"} if nginx else {}

    said = await house.say(
        "/x", contract=contract, login=nginx, navigates=True, headers={**headers, **second}
    )

    assert said.status_code == status
    told = said.headers["location"] if status == 303 else said.json()["login_url"]
    assert told.startswith(f"{AUTH}/auth/login?rd=")
    assert "set-cookie" not in said.headers


@pytest.mark.parametrize("changes", [{}, ONE_HOST], ids=["parent domain", "one host"])
async def test_case8_a_session_cookie_is_cleared_where_it_was_set(tmp_path, changes):
    """A browser keeps what is cleared with another Domain, Path or SameSite; Lax, so that links from outside work."""
    async with wired(tmp_path, **changes) as house:
        browser, home = house.browser(), house.settings.public_url
        await browser.open(f"{home}/auth/corp?rd={APP}/x")
        page = await browser.open(f"{home}/auth/logout")
        token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
        await browser.submit(f"{home}/auth/logout", {"token": token}, follow=False)

        lines = [line for hop in browser.hops for line in hop.response.headers.get_list("set-cookie")]
        set_first, cleared = [attributes(line) for line in lines if line.split("=")[0].endswith("-gw")]
        assert cleared == set_first
        assert "SameSite=Lax" in set_first
        assert [cookie.name for cookie in browser.jar.cookies if cookie.name.endswith("-gw")] == []


def attributes(line):
    """What a cookie line says beside name, value and age."""
    return [part.strip() for part in line.split(";")[1:] if not part.strip().startswith("Max-Age")]


async def test_case8_plain_http_on_loopback_asks_for_nothing_that_needs_tls(tmp_path):
    """Neither Secure nor a prefix, which a browser would refuse there; Lax all the same."""
    home = "http://app.localhost:4180"
    plain = {"public_url": home, "hosts": [home], "sessions": {}}
    async with wired(tmp_path, **plain) as house:
        browser = house.browser()
        await browser.open(f"{home}/auth/corp?rd={home}/users/me")

        assert browser.jar.refused == []
        cookie = browser.jar.get("gw")
        assert (cookie.secure, cookie.http_only, cookie.same_site) == (False, True, "lax")


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test", "https://app.example.com.evil.test/"]
)
@pytest.mark.parametrize("name", ["rd", "target_link_uri", "redirect_uri", "post_login_redirect_uri"])
async def test_case10_a_login_that_a_third_party_begins_ends_with_us(house, name, target):
    """OpenID Connect Core section 4: its target is judged as every other one, its issuer and prompts are not read."""
    browser = house.browser()
    words = (
        f"iss={quote(house.provider.issuer)}&scope=admin&prompt=none&max_age=0&acr_values=x&id_token_hint=x"
    )

    last = await browser.open(f"{AUTH}/auth/login?{name}={quote(target)}&{words}", origin="https://evil.test")

    departed = next(hop for hop in browser.hops if hop.location.startswith(house.provider.issuer))
    asked = parse_qs(urlsplit(departed.location).query)
    assert (asked["scope"], asked.keys() & {"prompt", "max_age", "acr_values", "id_token_hint"}) == (
        ["openid profile email"],
        set(),
    )
    assert last.url == f"{AUTH}/users/me"


async def test_case11_a_login_over_a_living_session_has_a_new_id_and_the_old_one_is_dead(house):
    """Whoever planted the first one, or read it, has nothing of the second."""
    browser = house.browser()
    before = await house.sign_in(browser)

    await browser.open(f"{AUTH}/auth/corp")

    after = f"{COOKIE}={browser.jar.get(COOKIE).value}"
    assert before != after
    assert (await house.say("/x", before)).status_code == 401
    assert (await house.say("/x", after)).status_code == 200


@pytest.mark.parametrize("name", ["state", "code", "iss", "id_token", "access_token", "error"])
async def test_case12_a_protocol_parameter_that_stands_twice_counts_for_neither(house, name):
    """Not first, not last: the callback is refused before anything is asked, and the good one still works."""
    browser = house.browser()
    callback = await callback_of(browser)

    twice = await browser.open(f"{callback}&{name}=a&{name}=a", follow=False)

    assert (twice.status, house.tokens_asked()) == (400, 0)
    assert (await browser.open(callback, follow=False)).location == f"{APP}/x"


@pytest.mark.parametrize(
    "into",
    [
        "/auth/login",
        "/auth/corp",
        "/auth/corp/callback?code=x&state=y",
        "/auth/logout",
        "/auth/%6cogin",
        "/auth/../auth/login",
        "//auth/login",
    ],
)
async def test_case13_a_return_address_into_the_login_itself_is_none(house, into):
    """A login that ends at a login never ends."""
    browser = house.browser()

    last = await browser.open(f"{AUTH}/auth/corp?rd={quote(AUTH + into)}")

    assert (last.url, last.status) == (f"{AUTH}/users/me", 200)


async def test_case13_a_cookie_that_does_not_reach_us_is_a_page_and_a_line_that_say_so(house):
    """The browser signs in and comes back without its cookie, again and again: five rounds, and then the reason."""
    browser = house.browser()
    for _ in range(4):
        await browser.open(f"{APP}/x")
        browser.jar.cookies = [cookie for cookie in browser.jar.cookies if cookie.name != COOKIE]

    last = await browser.open(f"{APP}/x")

    assert (last.status, "session cookie" in last.response.text) == (400, True)
    assert (await house.lines("login.finished", 5))[-1]["outcome"] == "login_loop"
