"""A session through the whole gateway: from the callback's cookie to the answers of the verify endpoint."""

import secrets

import pytest

from gateway.keys.keyring import Keyring
from tests.kit.wired import APP, AUTH, BROWSER_COOKIE, COOKIE, Wired, wired

pytestmark = pytest.mark.anyio

HOUR, DAY = 3600, 86_400
ONE_HOST = {"public_url": f"{APP}/_gateway", "sessions": {}}


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path) as opened:
        opened.provider.offers_refresh = False  # the session lives by its own limits alone
        yield opened


async def test_an_anonymous_page_ends_signed_in_where_it_was_asked_for(house):
    """Application → verify endpoint → login → provider → callback → application, query string intact."""
    browser = house.browser()

    last = await browser.open(f"{APP}/report?year=2027&sort=a%2Fb")

    assert (last.url, last.status) == (f"{APP}/report?year=2027&sort=a%2Fb", 200)
    assert last.response.json()["x-auth-user"] == "alice"
    assert [hop.status for hop in browser.hops] == [303, 303, 303, 303, 200]
    assert browser.jar.refused == []


@pytest.mark.parametrize(
    ("changes", "session", "attempt"),
    [
        pytest.param(
            {},
            f"{COOKIE}=*; Max-Age=2592000; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax",
            f"{BROWSER_COOKIE}=*; Max-Age=*; Path=/; Secure; HttpOnly; SameSite=Lax",
            id="parent domain",
        ),
        pytest.param(
            ONE_HOST,
            "__Host-gw=*; Max-Age=2592000; Path=/; Secure; HttpOnly; SameSite=Lax",
            f"{BROWSER_COOKIE}=*; Max-Age=*; Path=/; Secure; HttpOnly; SameSite=Lax",
            id="one host",
        ),
    ],
)
async def test_case8_the_cookies_of_a_login_have_every_attribute(tmp_path, changes, session, attempt):
    """Each as the layout has it; the login's own, and the name of the provider, never leave the gateway's host."""
    async with wired(tmp_path, **changes) as house:
        browser = house.browser()

        await house.sign_in(browser)

        lines = [line for hop in browser.hops for line in hop.response.headers.get_list("set-cookie")]
        assert [without_values(line) for line in lines] == [
            without_values(attempt),
            without_values(session),
            ("__Host-gw-provider", ["Max-Age=34560000", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"]),
        ]


def without_values(line):
    """A Set-Cookie line without what differs from login to login; the age counts for the session alone."""
    name, _, rest = line.partition("=")
    attributes = rest.split("; ")[1:]
    if name == BROWSER_COOKIE:
        attributes = [one for one in attributes if not one.startswith("Max-Age=")]
    return name, attributes


async def test_every_login_has_a_new_id_and_ends_the_old_one(house):
    """Whoever copied the cookie before holds nothing after."""
    browser = house.browser()
    first = await house.sign_in(browser)
    assert (await house.say("/x", first)).status_code == 200

    await browser.open(f"{AUTH}/auth/corp?rd={AUTH}/users/me")

    second = f"{COOKIE}={browser.jar.get(COOKIE).value}"
    assert second != first
    assert (await house.say("/x", second)).status_code == 200
    assert (await house.say("/x", first)).status_code == 401
    assert [line["reason"] for line in await house.lines("session.ended")] == ["replaced"]


async def test_a_session_that_rests_for_three_days_ends(house):
    """The idle limit, enforced at the verify endpoint; the log says which limit it was."""
    cookie = await house.sign_in()
    house.clock.advance(3 * DAY - 1)
    assert (await house.say("/x", cookie)).status_code == 200

    house.clock.advance(3 * DAY + 1)

    assert (await house.say("/x", cookie)).status_code == 401
    assert [line["reason"] for line in await house.lines("session.ended")] == ["idle"]


async def test_a_session_that_is_used_every_day_ends_after_thirty(house):
    """The absolute limit; X-Auth-Expires says the earlier of both limits all the while."""
    begun, cookie = house.clock(), await house.sign_in()
    for day in range(1, 30):
        house.clock.advance(DAY)
        passed = await house.say("/x", cookie)
        assert passed.status_code == 200, day
        # Activity is noted once a minute, so the idle limit counts from the note.
        assert int(passed.headers["x-auth-expires"]) == min(house.clock() + 3 * DAY, begun + 30 * DAY)

    house.clock.advance(DAY - 1)
    assert (await house.say("/x", cookie)).status_code == 200
    house.clock.advance(1)

    assert (await house.say("/x", cookie)).status_code == 401


async def test_a_logout_ends_the_session_for_every_copy_of_its_cookie(house):
    """POST /auth/logout leads through the provider's own logout to the page that says so."""
    browser = house.browser()
    copied = await house.sign_in(browser)
    asked = await browser.open(f"{AUTH}/auth/logout")
    token = asked.response.text.partition('name="token" value="')[2].partition('"')[0]
    assert (await house.say("/x", copied)).status_code == 200, "asking ends nothing"

    gone = await browser.submit(f"{AUTH}/auth/logout", {"token": token}, follow=False)

    assert gone.location.startswith(f"{house.provider.issuer}/logout?id_token_hint=")
    assert (
        f"post_logout_redirect_uri={AUTH.replace(':', '%3A').replace('/', '%2F')}%2Fauth%2Fsigned-out"
        in gone.location
    )
    assert browser.jar.get(COOKIE) is None
    assert (await house.say("/x", copied)).status_code == 401
    assert (await browser.open(f"{AUTH}/auth/signed-out")).status == 200


async def test_who_am_i_in_both_forms(house):
    """GET /users/me: 401 for nobody, a page for a person, JSON for a program; no token in either."""
    browser = house.browser()
    nobody = await browser.open(f"{AUTH}/users/me")
    nobody_json = await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})

    await house.sign_in(browser)
    page = await browser.open(f"{AUTH}/users/me")
    document = await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})

    assert (nobody.status, nobody_json.status) == (401, 401)
    assert "You are not signed in" in nobody.response.text
    assert nobody_json.response.json()["error"] == "unauthenticated"
    assert (page.status, document.status) == (200, 200)
    assert "alice@example.com" in page.response.text
    assert document.response.json() | {"expires": 0, "authenticated_at": 0} == {
        "subject": "corp:u-1",
        "user": "alice",
        "email": "alice@example.com",
        "email_verified": True,
        "name": "Alice Example",
        "groups": ["staff"],
        "provider": "corp",
        "authenticated_at": 0,
        "expires": 0,
    }
    assert "access-" not in page.response.text + document.response.text


async def test_a_session_that_does_not_open_is_nobody_where_a_rule_is_optional(tmp_path):
    """Ended, or unreadable for the keys that are left: `optional` passes without a name, the rest asks for a login."""
    async with wired(tmp_path) as house:
        house.provider.offers_refresh = False
        cookie = await house.sign_in()
        known = await house.say("/welcome/x", cookie)
        house.clock.advance(31 * DAY)
        ended = await house.say("/welcome/x", cookie)

        fresh = await house.sign_in()
        other = Keyring(
            house.ring.deployment, Keyring.generate(secrets.token_bytes, 0).entries, house.ring.assertion
        )
        replica = Wired(tmp_path, house.provider, house.clock, other)
        try:
            unreadable = await replica.say("/welcome/x", fresh)
            asked = await replica.say("/x", fresh)
        finally:
            await replica.application.close()

    assert known.headers["x-auth-user"] == "alice"
    for nobody in (ended, unreadable):
        assert (nobody.status_code, nobody.headers["x-auth-user"]) == (200, "")
        assert nobody.headers["x-auth-assertion"] == ""
    assert asked.status_code == 401


async def test_a_session_cookie_while_the_store_is_down_is_503(house):
    """Neither yes nor no, whatever the rule; who shows no cookie, and a public page, need no store."""
    cookie = await house.sign_in()

    await house.application._store.close()

    for uri in ("/x", "/welcome/x", "/admin/x"):
        down = await house.say(uri, cookie)
        assert (down.status_code, down.headers["retry-after"]) == (503, "5")
        assert "set-cookie" not in down.headers
    assert (await house.say("/public/x", cookie)).status_code == 200
    assert (await house.say("/welcome/x")).status_code == 200
    assert (await house.say("/x")).status_code == 401
