"""Refresh tokens and codes that come a second time, in the hands of two, or of the wrong one."""

import asyncio

import pytest

from gateway.observe.events import SessionEnded
from tests.kit.token_house import ADDRESS, AUTH, CHALLENGE, EVIL, MOBILE, SPA, bearer, token_house
from tests.kit.wired import Wired

pytestmark = pytest.mark.anyio
OTHER_VERIFIER = "another-verifier-of-forty-three-characters-x"


async def ended(house):
    """Why sessions ended, in order."""
    await asyncio.sleep(0.1)
    found = [line for line in house.written.getvalue().splitlines() if f'"{SessionEnded.name}"' in line]
    return [line.partition('"reason": "')[2].partition('"')[0] for line in found]


async def test_an_old_refresh_token_ends_the_session_of_both_who_hold_it(tmp_path):
    """The thief and the person: neither refreshes any more, and the access tokens of both are over at once."""
    async with token_house(tmp_path) as house:
        stolen = (await house.sign_in_by_json()).json()
        owned = (await house.refresh(stolen["refresh_token"])).json()
        house.clock.advance(31)
        reused = await house.refresh(stolen["refresh_token"])
        after = await house.refresh(owned["refresh_token"])
        said = await house.say("/api/x", headers=bearer(owned))
        reasons = await ended(house)

    assert (reused.status_code, reused.json()["error"]) == (401, "token_reused")
    assert (after.status_code, said.status_code) == (401, 401)
    assert reasons == ["refresh_reuse"]


async def test_a_token_two_generations_old_is_reuse_at_once(tmp_path):
    """The thirty seconds are for the one before, whose answer may have been lost."""
    async with token_house(tmp_path) as house:
        first = (await house.sign_in_by_json()).json()
        second = (await house.refresh(first["refresh_token"])).json()
        await house.refresh(second["refresh_token"])
        answer = await house.refresh(first["refresh_token"])

    assert answer.json()["error"] == "token_reused"


async def test_a_lost_answer_is_given_again_byte_for_byte(tmp_path):
    """Within thirty seconds, as often as it is asked for; with a signature that has no chance in it."""
    async with token_house(tmp_path, "RS256") as house:
        first = (await house.sign_in_by_json()).json()
        answers = []
        for _ in range(3):
            answers.append((await house.refresh(first["refresh_token"])).json())
            house.clock.advance(10)

    pairs = {(one["access_token"], one["refresh_token"]) for one in answers}
    assert len(pairs) == 1
    assert [one["expires_in"] for one in answers] == [1800, 1790, 1780]


async def test_twenty_tabs_that_refresh_at_once_hold_the_same_pair(tmp_path):
    """Whoever is first moves the chain, and all the others get what came of that."""
    async with token_house(tmp_path, "RS256") as house:
        first = (await house.sign_in_by_json()).json()
        answers = await asyncio.gather(*[house.refresh(first["refresh_token"]) for _ in range(20)])
        pairs = {(one.json()["access_token"], one.json()["refresh_token"]) for one in answers}
        (_, newest), *others = pairs
        house.clock.advance(60)
        after = await house.refresh(newest)

    assert [one.status_code for one in answers] == [200] * 20
    assert others == []
    assert after.status_code == 200


async def test_a_session_in_too_much_of_a_hurry_is_told_to_wait(tmp_path):
    """Each refresh costs a signature."""
    async with token_house(tmp_path) as house:
        token = (await house.sign_in_by_json()).json()["refresh_token"]
        statuses = [(await house.refresh(token)).status_code for _ in range(32)]

    assert statuses == [200] * 30 + [429] * 2


async def test_a_clock_that_is_set_back_makes_the_window_no_longer(tmp_path):
    """An old token does not become young by the calendar."""
    async with token_house(tmp_path) as house:
        first = (await house.sign_in_by_json()).json()
        await house.refresh(first["refresh_token"])
        house.clock.advance(-45)
        answer = await house.refresh(first["refresh_token"])

    assert answer.status_code == 401


async def test_a_code_works_once_and_a_second_use_with_proof_ends_what_it_gave(tmp_path):
    """Two who can prove that it is theirs: one of them has stolen the proof (RFC 6749 section 4.1.2)."""
    async with token_house(tmp_path) as house:
        code = await house.code()
        pair = (await house.redeem(code)).json()
        house.clock.advance(11)
        again = await house.redeem(code)
        said = await house.say("/api/x", headers=bearer(pair))
        reasons = await ended(house)

    assert (again.status_code, again.json()["error"]) == (401, "token_reused")
    assert said.status_code == 401
    assert reasons == ["code_reuse"]


async def test_a_page_that_loads_twice_signs_nobody_out(tmp_path):
    """The second exchange is refused, the first one stays good."""
    async with token_house(tmp_path) as house:
        code = await house.code()
        pair = (await house.redeem(code)).json()
        again = await house.redeem(code)
        said = await house.say("/api/x", headers=bearer(pair))

    assert (again.status_code, said.status_code) == (401, 200)


async def test_a_used_code_without_the_proof_signs_nobody_out(tmp_path):
    """Else whoever sees an address in a log could."""
    async with token_house(tmp_path) as house:
        code = await house.code()
        pair = (await house.redeem(code)).json()
        house.clock.advance(11)
        again = await house.redeem(code, code_verifier=OTHER_VERIFIER)
        said = await house.say("/api/x", headers=bearer(pair))

    assert (again.status_code, again.json()["error"]) == (401, "bad_credential")
    assert said.status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": OTHER_VERIFIER},
        {"code_verifier": "short"},
        {"client": "app"},
        {"client": "app", "rd": MOBILE},
        {"rd": f"{ADDRESS}/"},
        {"rd": f"{EVIL}/signed-in"},
    ],
    ids=str,
)
async def test_t25_a_code_is_for_whom_it_was_made_for(tmp_path, changes):
    """Another verifier, client or address spends it, and the session behind it ends: nobody will ever hold that."""
    async with token_house(tmp_path) as house:
        code = await house.code()
        stolen = await house.redeem(code, **changes)
        right = await house.redeem(code)
        reasons = await ended(house)

    assert (stolen.status_code, right.status_code) == (401, 401)
    assert "access_token" not in stolen.text
    assert reasons == ["code_refused"]


async def test_a_code_lives_for_a_minute(tmp_path):
    """An address that is read later holds nothing any more."""
    async with token_house(tmp_path) as house:
        code = await house.code()
        house.clock.advance(61)
        answer = await house.redeem(code)

    assert answer.status_code == 401


async def test_a_hundred_who_redeem_one_code_at_once_are_one(tmp_path):
    """It is taken in one step."""
    async with token_house(tmp_path, login={"per_prefix": 1000}) as house:
        code = await house.code()
        answers = await asyncio.gather(*[house.redeem(code) for _ in range(100)])

    assert sorted(one.status_code for one in answers) == [200] + [401] * 99


async def test_a_callback_that_is_loaded_again_gives_no_second_code(tmp_path):
    """The attempt is spent with its first callback."""
    async with token_house(tmp_path) as house:
        browser = house.browser()
        await house.begin_for_client(browser)
        callback = next(hop.url for hop in browser.hops if "/auth/corp/callback" in hop.url)
        again = await browser.open(callback, follow=False)

    assert "code=" not in again.location


async def test_t25_a_registered_address_that_has_left_the_configuration_gets_no_code(tmp_path):
    """Judged when the login ends, too: a restart between the two lets nothing through."""
    async with token_house(tmp_path) as house:
        browser = house.browser()
        start = (
            f"{AUTH}/auth/corp?client=spa&rd={ADDRESS}&code_challenge={CHALLENGE}&code_challenge_method=S256"
        )
        at_provider = await browser.open((await browser.open(start, follow=False)).location, follow=False)
        (tmp_path / "people.yaml").touch()
        clients = {"spa": {"return_addresses": [f"{SPA}/elsewhere"]}}
        later = Wired(
            tmp_path,
            house.provider,
            house.clock,
            house.ring,
            tokens={"enabled": True, "algorithm": "ES256", "clients": clients},
        )
        browser.origins[AUTH] = later.apps["bind"]
        end = await browser.open(at_provider.location, follow=False)
        await later.application.close()

    assert end.status == 400
    assert "location" not in end.response.headers


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "http://spa.example.net", f"{SPA}.evil.example", "https://SPA.example.net"]
)
async def test_a_page_that_is_not_listed_is_given_nothing(tmp_path, origin):
    """Neither by the preflight nor by a request that a browser should not have sent."""
    asked = {"origin": origin, "access-control-request-method": "POST"}
    async with token_house(tmp_path) as house:
        before = await house.post("/auth/login", "", asked, method="OPTIONS")
        answer = await house.sign_in_by_json({"origin": origin})

    assert (before.status_code, answer.status_code) == (403, 403)
    assert "access-control-allow-origin" not in {*before.headers, *answer.headers}
    assert "access_token" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": SPA},
        {"sec-fetch-site": "same-site", "origin": AUTH},
        {"origin": SPA},
        {},
    ],
    ids=str,
)
async def test_a_login_with_a_cookie_comes_from_a_page_of_ours(tmp_path, headers):
    """Login CSRF: else a page could sign its reader in as somebody else. A listed page gets tokens, and no cookie."""
    async with token_house(tmp_path) as house:
        answer = await house.sign_in_by_json(headers, cookie=True)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-all"])
async def test_a_foreign_page_signs_nobody_out_by_their_cookie(tmp_path, path):
    """JSON or not, listed or not."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        for headers in ({"origin": SPA, "sec-fetch-site": "cross-site"}, {"origin": EVIL}, {}):
            answer = await house.post(path, {}, {"cookie": cookie, **headers})
            assert answer.status_code == 403, headers
        said = await house.say("/api/x", cookie)
        out = await house.post(path, {}, {"cookie": cookie, "sec-fetch-site": "same-origin"})
        over = await house.say("/api/x", cookie)

    assert (said.status_code, out.status_code, over.status_code) == (200, 200, 401)


async def test_a_login_joined_in_another_browser_takes_nobodys_session_over(tmp_path):
    """A JSON login without a cookie ends no session of whoever's cookie came along."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        await house.sign_in_by_json({"cookie": cookie})
        said = await house.say("/api/x", cookie)

    assert said.status_code == 200
