"""Redirect logins of registered clients: out to the provider, back with a code, and the code for tokens."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.settings.model import Settings
from gateway.tokens.codes import LIFETIME, WAITS
from tests.kit.token_house import ADDRESS, AUTH, MOBILE, bearer, token_house
from tests.kit.wired import COOKIE, WRITTEN

pytestmark = pytest.mark.anyio


async def test_a_login_for_a_client_ends_at_its_address_with_a_code_and_no_token(tmp_path):
    """The state comes back, and who we are (RFC 9207); no cookie of a session is set."""
    async with token_house(tmp_path) as house:
        browser = house.browser()
        hop = await house.begin_for_client(browser)
        answer = dict(parse_qsl(urlsplit(hop.location).query))
        cookies = [one.name for one in browser.jar.cookies]

    assert hop.status == 303
    assert hop.location.startswith(f"{ADDRESS}?code=")
    assert set(answer) == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("s-1", AUTH)
    assert hop.response.headers["referrer-policy"] == "no-referrer"
    assert COOKIE not in cookies


async def test_the_code_brings_tokens_of_the_person_who_signed_in(tmp_path):
    """They work at the verify endpoint, and refresh as those of any other login."""
    async with token_house(tmp_path) as house:
        answer = await house.redeem(await house.code())
        pair = answer.json()
        said = await house.say("/api/x", headers=bearer(pair))
        again = await house.refresh(pair["refresh_token"])

    assert answer.status_code == 200
    assert pair["user"]["provider"] == "corp"
    assert said.headers["x-auth-user"] == "corp:alice"
    assert again.status_code == 200


async def test_a_mobile_application_is_returned_to_by_a_scheme_of_its_own(tmp_path):
    """RFC 8252 section 7.1."""
    async with token_house(tmp_path) as house:
        hop = await house.begin_for_client(client="app", rd=MOBILE)
        code = dict(parse_qsl(urlsplit(hop.location).query))["code"]
        answer = await house.redeem(code, client="app", rd=MOBILE)

    assert hop.location.startswith(f"{MOBILE}?code=")
    assert answer.status_code == 200


async def test_who_is_signed_in_by_cookie_signs_in_for_the_client_too(tmp_path):
    """A session of a browser is not handed on, and is not touched."""
    async with token_house(tmp_path) as house:
        browser = house.browser()
        cookie = await house.sign_in(browser)
        asked = house.tokens_asked()
        hop = await house.begin_for_client(browser)
        said = await house.say("/elsewhere", cookie)
        now_asked = house.tokens_asked()

    assert hop.location.startswith(ADDRESS)
    assert now_asked == asked + 1
    assert said.status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"client": "nobody"},
        {"rd": "https://evil.example/signed-in"},
        {"rd": f"{ADDRESS}/"},
        {"rd": f"{ADDRESS}?x=1"},
        {"rd": None},
        {"rd": MOBILE},
        {"code_challenge": None},
        {"code_challenge": "short"},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"state": "s" * 200},
        {"state": "a b"},
    ],
    ids=str,
)
async def test_a_start_that_is_not_whole_leads_nowhere(tmp_path, changes):
    """A page of ours says so, and neither the provider nor the client is visited."""
    async with token_house(tmp_path) as house:
        hop = await house.begin_for_client(**changes)

    assert hop.status == 400
    assert "location" not in hop.response.headers
    assert hop.url.startswith(AUTH)


async def test_two_values_of_one_parameter_are_refused(tmp_path):
    """RFC 6749 section 3.1."""
    async with token_house(tmp_path) as house:
        hop = await house.browser().open(f"{AUTH}/auth/corp?client=spa&client=app&rd={ADDRESS}")

    assert hop.status == 400


async def test_a_provider_of_passwords_has_no_redirect_login_for_clients(tmp_path):
    """Its people sign in by the JSON login."""
    async with token_house(tmp_path) as house:
        hop = await house.browser().open(f"{AUTH}/auth/people?client=spa&rd={ADDRESS}")

    assert hop.status == 400


@pytest.mark.parametrize(
    ("tokens", "path"),
    [
        ({"lifetime": "10s"}, "lifetime"),
        ({"lifetime": "2d"}, "lifetime"),
        ({"enabled": True, "lifetime": "20h", "refresh_lifetime": "1h"}, "refresh_lifetime"),
        ({"origins": ["https://*.example.net"]}, "origins"),
        ({"origins": ["http://spa.example.net"]}, "origins"),
        ({"clients": {"spa": {"return_addresses": ["http://spa.example.net/x"]}}}, "return_addresses"),
        ({"clients": {"spa": {"return_addresses": ["http://localhost/x"]}}}, "return_addresses"),
        ({"clients": {"spa": {"return_addresses": ["http://127.0.0.1@evil.example/x"]}}}, "return_addresses"),
        ({"clients": {"spa": {"return_addresses": ["javascript:alert(1)"]}}}, "return_addresses"),
        ({"clients": {"spa": {"return_addresses": ["myapp:/x"]}}}, "return_addresses"),
        ({"clients": {"spa": {"return_addresses": ["https://spa.example.net/x#y"]}}}, "return_addresses"),
        ({"clients": {"spa": {"return_addresses": ["https://*.example.net/x"]}}}, "return_addresses"),
    ],
    ids=str,
)
def test_what_could_not_be_meant_is_a_fault_of_the_configuration(tokens, path):
    """Found by `gateway check`, with the place, before anybody signs in."""
    from gateway.settings import checks

    settings = Settings.model_validate(
        {**WRITTEN, "server": {"trusted_proxies": ["127.0.0.1/32"]}, "tokens": tokens}
    )

    assert [fault for fault in checks.faults(settings) if "tokens" in fault.path and path in fault.path]


@pytest.mark.parametrize(
    "address",
    [ADDRESS, MOBILE, "http://127.0.0.1:8400/x", "http://[::1]/x", "https://spa.example.net/x?y=1"],
)
def test_usual_return_addresses_are_fine(address):
    """Of web pages, of mobile applications, and of programs on a desk."""
    from gateway.settings import checks

    tokens = {"clients": {"spa": {"return_addresses": [address]}}}
    settings = Settings.model_validate(
        {**WRITTEN, "server": {"trusted_proxies": ["127.0.0.1/32"]}, "tokens": tokens}
    )

    assert not [fault for fault in checks.faults(settings) if "tokens" in fault.path]


def test_a_rule_takes_no_bearer_where_none_are_issued():
    """It would look protected, and be closed."""
    from gateway.settings import checks

    rules = [{"allow": "authenticated", "accept": "bearer"}]
    settings = Settings.model_validate({**WRITTEN, "rules": rules})

    assert [fault for fault in checks.faults(settings) if fault.path == ("rules", 0, "accept")]


async def test_the_session_of_a_code_that_nobody_redeems_ends_with_it(tmp_path):
    """Nobody will ever hold it: it is not listed as a session of the person for three days, and opens nothing."""
    async with token_house(tmp_path) as house:
        await house.code()
        listed = [await sessions_of_alice(house)]
        house.clock.advance(WAITS + 1)
        listed.append(await sessions_of_alice(house))

    assert listed == [1, 0]


async def test_a_code_that_is_redeemed_at_its_last_moment_gives_a_session_like_any_other(tmp_path):
    """Its limits are those of all sessions, from the login on."""
    async with token_house(tmp_path) as house:
        code = await house.code()
        house.clock.advance(LIFETIME - 0.5)
        pair = (await house.redeem(code)).json()
        house.clock.advance(WAITS)
        said = await house.say("/vault/x", headers=bearer(pair))
        listed = await sessions_of_alice(house)
        for _ in range(3):
            house.clock.advance(2 * 86_400)
            answer = await house.refresh(pair["refresh_token"])
            assert answer.status_code == 200, answer.text
            pair = answer.json()

    assert (said.status_code, listed) == (200, 1)


async def test_a_person_who_signed_out_everywhere_before_the_code_was_redeemed_is_out(tmp_path):
    """The session that waits is one of theirs."""
    async with token_house(tmp_path) as house:
        code = await house.code()
        await house.application._people.inventory.end_all(house.provider.issuer, "u-1", "operator")
        answer = await house.redeem(code)

    assert answer.status_code == 401


async def sessions_of_alice(house):
    return len(await house.application._people.inventory.of_person(house.provider.issuer, "u-1"))
