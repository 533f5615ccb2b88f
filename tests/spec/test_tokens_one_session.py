"""One session, held by a cookie and by tokens: what keeps it alive, what ends it, and what is made fresh behind it."""

import asyncio
from contextlib import asynccontextmanager

import jwt as pyjwt
import pytest

from gateway.sessions.sealing import session_id
from gateway.tokens.refresh_token import read_refresh_token
from tests.kit.clock import Clock
from tests.kit.scripted_provider import reply
from tests.kit.token_house import AUTH, RULES, bearer, token_house
from tests.kit.vendors.ad_api import AdApi
from tests.kit.vendors.vendor import serve
from tests.kit.wired import COOKIE

pytestmark = pytest.mark.anyio
SAME_ORIGIN = {"sec-fetch-site": "same-origin", "origin": AUTH}
HOUR, DAY = 3600, 86_400


@asynccontextmanager
async def directory_house(folder):
    """A house whose people are in a directory behind an API, which gives a token of an hour."""
    api = AdApi(Clock())
    with serve(api):
        async with token_house(folder, more={"ad": api.section(user="{username}")}) as house:
            api.clock = house.clock
            yield house, api


async def both(house, **more):
    """A login that gives tokens and a cookie: the pair, and the cookie's `name=value`."""
    answer = await house.sign_in_by_json(SAME_ORIGIN, cookie=True, **more)
    assert answer.status_code == 200, answer.text
    lines = [line.partition(";")[0] for line in answer.headers.get_list("set-cookie")]
    return answer.json(), next(line for line in lines if line.startswith(COOKIE))


async def statuses(house, cookie, pair):
    """What the check says to the cookie, and to the access token."""
    said = [await house.say("/vault/x", cookie), await house.say("/vault/x", headers=bearer(pair))]
    return [one.status_code for one in said]


async def test_a_refresh_by_tokens_renews_the_directorys_token_for_the_cookie_too(tmp_path):
    """The directory is asked once an hour, for both; whoever of the two comes first."""
    async with directory_house(tmp_path) as (house, api):
        pair, cookie = await both(house, password="ann-pw")
        calls = []
        for _ in range(6):
            house.clock.advance(HOUR - 5)
            answer = await house.refresh(pair["refresh_token"])
            assert answer.status_code == 200, answer.text
            pair = answer.json()
            assert await statuses(house, cookie, pair) == [200, 200]
            calls.append(api.calls())

    assert calls == [2, 3, 4, 5, 6, 7]


async def test_a_refresh_by_the_cookie_renews_it_for_the_tokens_too(tmp_path):
    """A check of the cookie prolongs the one session; the refresh token finds it fresh, and asks nobody."""
    async with directory_house(tmp_path) as (house, api):
        pair, cookie = await both(house, password="ann-pw")
        for hour in range(1, 7):
            house.clock.advance(HOUR - 5)
            assert (await house.say("/vault/x", cookie)).status_code == 200
            assert api.calls() == 1 + hour
            answer = await house.refresh(pair["refresh_token"])
            pair = answer.json()
            assert answer.status_code == 200, answer.text
            assert api.calls() == 1 + hour

    assert pair["user"]["provider"] == "ad"


async def test_cookie_and_token_that_need_it_at_once_ask_the_directory_once(tmp_path):
    """Single-flight is one of the session, whoever holds it."""
    async with directory_house(tmp_path) as (house, api):
        pair, cookie = await both(house, password="ann-pw")
        house.clock.advance(HOUR - 5)
        checks = [house.say("/vault/x", cookie) for _ in range(10)]
        refreshes = [house.refresh(pair["refresh_token"]) for _ in range(10)]
        answers = await asyncio.gather(*checks, *refreshes)

    assert {one.status_code for one in answers} == {200}
    assert api.calls() == 2


async def test_a_password_that_was_changed_ends_the_session_at_a_refresh_by_tokens(tmp_path):
    """One call with the old one, a minute of doubt, and both who hold the session are out."""
    async with directory_house(tmp_path) as (house, api):
        pair, cookie = await both(house, password="ann-pw")
        house.clock.advance(HOUR - 5)
        api.change_password("ann", "another-pw")
        in_doubt = await house.refresh(pair["refresh_token"])
        house.clock.advance(90)
        out = await house.refresh(in_doubt.json()["refresh_token"])
        said = await statuses(house, cookie, in_doubt.json())

    assert (in_doubt.status_code, out.status_code) == (200, 401)
    assert said == [401, 401]
    assert api.wrong["ann"] == 1


async def test_a_refresh_makes_the_tokens_of_a_redirect_provider_fresh(tmp_path):
    """The provider's token lives for five minutes; it is renewed at our refresh, and at no check of a bearer."""
    async with token_house(tmp_path) as house:
        pair = (await house.redeem(await house.code())).json()
        first = house.tokens_asked()
        house.clock.advance(298)
        assert (await house.say("/vault/x", headers=bearer(pair))).status_code == 200
        by_check = house.tokens_asked()
        house.provider.person["name"] = "Alice Married"
        answer = await house.refresh(pair["refresh_token"])
        by_refresh = house.tokens_asked()

    assert (by_check - first, by_refresh - first) == (0, 1)
    assert answer.json()["user"]["name"] == "Alice Married"


async def test_a_provider_that_refuses_the_refresh_ends_tokens_at_once(tmp_path):
    """The account is closed there: neither a new pair, nor half an hour more with the old one."""
    async with token_house(tmp_path) as house:
        pair = (await house.redeem(await house.code())).json()
        house.provider.refreshable.clear()
        house.clock.advance(298)
        answer = await house.refresh(pair["refresh_token"])
        said = await house.say("/api/x", headers=bearer(pair))

    assert (answer.status_code, said.status_code) == (401, 401)
    assert "access_token" not in answer.text


async def test_a_provider_that_is_down_costs_no_client_its_tokens(tmp_path):
    """As no person their cookie: until the grace is over a pair is given, as if it had answered."""
    async with token_house(tmp_path) as house:
        pair = (await house.redeem(await house.code())).json()
        house.provider.instead["/token"] = [reply(503, {}) for _ in range(50)]
        given = []
        for _ in range(5):
            house.clock.advance(200)
            answer = await house.refresh(pair["refresh_token"])
            given.append(answer.status_code)
            pair = answer.json()
        house.clock.advance(1200)
        out = await house.refresh(pair["refresh_token"])

    assert given == [200] * 5
    assert out.status_code == 401


async def test_tokens_die_with_the_absolute_limit_however_often_they_are_refreshed(tmp_path):
    """Thirty days after the login, to the second; the last pairs say so themselves."""
    async with token_house(tmp_path) as house:
        begun = int(house.clock())
        pair = (await house.sign_in_by_json()).json()
        for _ in range(14):
            house.clock.advance(2 * DAY)
            pair = (await house.refresh(pair["refresh_token"])).json()
        house.clock.advance(2 * DAY - 600)
        last = (await house.refresh(pair["refresh_token"])).json()
        claims = pyjwt.decode(last["access_token"], options={"verify_signature": False})
        house.clock.advance(599)
        before = (await house.say("/vault/x", headers=bearer(last))).status_code
        house.clock.advance(1)
        after = (await house.say("/vault/x", headers=bearer(last))).status_code
        over = await house.refresh(last["refresh_token"])

    assert pair["refresh_expires_in"] == 2 * DAY
    assert (last["expires_in"], last["refresh_expires_in"]) == (600, 600)
    assert claims["exp"] == begun + 30 * DAY
    assert (before, after, over.status_code) == (200, 401, 401)


async def test_reuse_of_an_old_refresh_token_ends_the_cookies_session_too(tmp_path):
    """There is one session, and two hold it who should be one."""
    async with token_house(tmp_path) as house:
        old, cookie = await both(house)
        new = (await house.refresh(old["refresh_token"])).json()
        assert await statuses(house, cookie, new) == [200, 200]
        house.clock.advance(31)
        reused = await house.refresh(old["refresh_token"])
        said = await statuses(house, cookie, new)

    assert reused.json()["error"] == "token_reused"
    assert said == [401, 401]


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-all"])
async def test_a_logout_by_the_cookie_ends_the_tokens(tmp_path, path):
    """And one by tokens the cookie: the access token is refused at once, good as it looks."""
    async with token_house(tmp_path) as house:
        pair, cookie = await both(house)
        assert await statuses(house, cookie, pair) == [200, 200]
        out = await house.post(path, {}, {"cookie": cookie, **SAME_ORIGIN})
        said = await statuses(house, cookie, pair)
        refreshed = await house.refresh(pair["refresh_token"])

    assert out.status_code == 200
    assert said == [401, 401]
    assert refreshed.status_code == 401


async def test_the_form_of_the_logout_page_ends_the_tokens(tmp_path):
    """A person who clicks does not know what a script of theirs holds."""
    async with token_house(tmp_path) as house:
        pair, cookie = await both(house)
        browser = house.browser()
        browser.jar.plant(f"{AUTH}/", *cookie.split("=", 1))
        page = await browser.open(f"{AUTH}/auth/logout")
        token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
        await browser.submit(f"{AUTH}/auth/logout", {"token": token})
        said = await statuses(house, cookie, pair)

    assert token
    assert said == [401, 401]


async def test_the_chain_goes_with_its_session(tmp_path):
    """Nothing of a token stays in the store that could only be waited for to run out."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        sid = session_id(read_refresh_token(house.ring, pair["refresh_token"]).ticket)
        store = house.application._store
        before = await store.get(f"t:{{{sid}}}")
        await house.post("/auth/logout", {"refresh_token": pair["refresh_token"]})
        after = await store.get(f"t:{{{sid}}}")

    assert before is not None
    assert after is None


async def test_a_provider_token_is_handed_through_for_a_cookie_and_never_for_a_bearer(tmp_path):
    """An access token opens no session, so there is none to take the provider's token from: the header is empty."""
    rules = [{**RULES[1], "pass_token": "access_token"}, *RULES[2:]]
    async with token_house(tmp_path, rules=rules) as house:
        cookie = await house.sign_in()
        pair = (await house.redeem(await house.code())).json()
        by_cookie = await house.say("/api/x", cookie)
        by_bearer = [await house.say("/api/x", cookie, headers=bearer(pair)) for _ in range(2)]

    assert by_cookie.headers["x-auth-access-token"].startswith("access-")
    assert [one.status_code for one in by_bearer] == [200, 200]
    assert [one.headers["x-auth-access-token"] for one in by_bearer] == ["", ""]
