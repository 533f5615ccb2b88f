"""Token hand-through over the whole gateway: refreshed ahead of its end, told nowhere, and mended by a new login."""

import asyncio
import re

import pytest

from tests.kit.people import asking
from tests.kit.scripted_provider import reply
from tests.kit.wired import APP, WRITTEN, wired

pytestmark = pytest.mark.anyio

HOUR, GRACE = 3600, 900
DOWN = reply(503, {"error": "temporarily_unavailable"})
ACCESS, ID = "x-auth-access-token", "x-auth-id-token"
RULES = [
    {
        "name": "api",
        "paths": ["/api/**"],
        "allow": "authenticated",
        "pass_token": ["access_token", "id_token"],
    },
    *WRITTEN["rules"],
]


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path, rules=RULES) as opened:
        opened.provider.expires_in = HOUR
        yield opened


async def test_the_application_gets_the_token_of_the_login(house):
    """Under the rule that says so, and the provider takes it for its own."""
    cookie = await house.sign_in()

    passed, other = await house.say("/api/x", cookie), await house.say("/x", cookie)

    assert passed.headers[ACCESS] == "access-2"
    assert passed.headers[ID].count(".") == 2
    assert (other.headers[ACCESS], other.headers[ID]) == ("", "")


async def test_a_token_is_new_before_it_ends_and_nobody_waits(house):
    """In its last two minutes the old one is handed on, beside the refresh, and then the new one."""
    cookie = await house.sign_in()
    before = house.tokens_asked()
    house.clock.advance(HOUR - 100)

    answers = await asyncio.gather(*[house.say("/api/x", cookie) for _ in range(20)])
    await house.lines("refresh.finished")

    old = {answer.headers[ACCESS] for answer in answers}
    new = (await house.say("/api/x", cookie)).headers[ACCESS]
    assert len(old) == 1
    assert new not in old
    assert house.tokens_asked() == before + 1


async def test_who_comes_after_the_end_waits_for_the_new_token(house):
    """Twenty at once share one call, and each gets what it brought."""
    cookie = await house.sign_in()
    first = (await house.say("/api/x", cookie)).headers[ACCESS]
    before = house.tokens_asked()
    house.clock.advance(HOUR + 60)

    answers = await asyncio.gather(*[house.say("/api/x", cookie) for _ in range(20)])

    assert {answer.status_code for answer in answers} == {200}
    (new,) = {answer.headers[ACCESS] for answer in answers}
    assert new != first
    assert house.tokens_asked() == before + 1


async def test_a_refresh_that_brings_no_id_token_leaves_the_one_that_was(house):
    """OpenID Connect Core section 12.2 lets a provider leave it out."""
    house.provider.refreshes_id_token = False
    cookie = await house.sign_in()
    first = await house.say("/api/x", cookie)
    house.clock.advance(HOUR + 60)

    later = await house.say("/api/x", cookie)

    assert later.headers[ACCESS] != first.headers[ACCESS]
    assert later.headers[ID] == first.headers[ID]


async def test_case22_while_refresh_fails_only_the_rule_that_hands_the_token_through_is_out(house):
    """503 with Retry-After from token end on; the rest goes on, and with the provider the token is back."""
    cookie = await house.sign_in()
    first = (await house.say("/api/x", cookie)).headers[ACCESS]
    house.provider.instead["/token"] = [DOWN] * 1000
    house.clock.advance(HOUR - 60)
    assert (await house.say("/api/x", cookie)).headers[ACCESS] == first
    house.clock.advance(60)

    for contract in ("forward-auth", "auth-request"):
        for navigates in (False, True):
            answer = await house.say("/api/x", cookie, contract=contract, navigates=navigates)
            assert answer.status_code == 503
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert ACCESS not in answer.headers
    assert (await house.say("/x", cookie)).status_code == 200
    assert (await house.say("/welcome/x", cookie)).status_code == 200

    house.provider.instead["/token"] = []
    house.clock.advance(61)
    back = await house.say("/api/x", cookie)
    assert (back.status_code, back.headers[ACCESS] != first) == (200, True)


async def test_case22_when_grace_is_used_up_the_rule_asks_for_a_login_as_all_others(house):
    """An outage of the provider ends; a session that is over needs a login."""
    cookie = await house.sign_in()
    house.provider.instead["/token"] = [DOWN] * 1000
    statuses = []
    for _ in range(60):
        statuses.append((await house.say("/api/x", cookie)).status_code)
        house.clock.advance(90)

    assert [status for at, status in enumerate(statuses) if at == 0 or statuses[at - 1] != status] == [
        200,
        503,
        401,
    ]


async def test_a_person_whose_token_cannot_be_renewed_signs_in_again_by_opening_the_page(house):
    """No circle between check and login page: the provider is asked, and says who it is without a word."""
    house.provider.offers_refresh = False
    browser = house.browser()
    await house.sign_in(browser)
    first = (await browser.open(f"{APP}/api/x")).response.json()[ACCESS]
    assert first
    house.clock.advance(HOUR)

    again = await browser.open(f"{APP}/api/x")

    assert again.url == f"{APP}/api/x"
    assert again.response.json()[ACCESS] not in {"", first}
    assert (await browser.open(f"{APP}/x")).response.json()[ACCESS] == ""


async def test_a_logout_a_moment_ago_does_not_stand_in_the_way_of_who_is_signed_in_again(house):
    """The pause after it is for whoever is signed out; to the others a choice of one would lead in a circle."""
    house.provider.offers_refresh = False
    house.provider.expires_in = 2
    browser = house.browser()
    await house.sign_in(browser)
    page = await browser.open("https://auth.example.com/auth/logout")
    token = re.search(r'name="token" value="([^"]+)"', page.response.text)[1]
    await browser.submit("https://auth.example.com/auth/logout", {"token": token})
    await house.sign_in(browser)
    house.clock.advance(2)

    last = await browser.open(f"{APP}/api/x")

    assert (last.url, last.status) == (f"{APP}/api/x", 200)
    assert last.response.json()[ACCESS] != ""


async def test_a_provider_whose_tokens_are_dead_at_birth_is_no_endless_circle(house):
    """The browser is stopped with a page, as with any login that does not help."""
    house.provider.offers_refresh = False
    house.provider.expires_in = 1
    browser = house.browser()
    await house.sign_in(browser)
    for _ in range(6):
        house.clock.advance(1)
        last = await browser.open(f"{APP}/api/x")

    assert last.status != 200
    outcomes = [line["outcome"] for line in await house.lines("login.finished")]
    assert outcomes[-1] == "login_loop"


async def test_a_link_that_asks_for_a_new_login_demands_nothing_of_a_stranger(house):
    """Who is not signed in is led to the provider as by any login page."""
    last = await house.browser().open(
        f"https://auth.example.com/auth/login?rd={APP}/api/x&provider=again:corp"
    )

    assert last.url == f"{APP}/api/x"


async def test_tokens_that_no_rule_hands_through_are_not_kept(tmp_path):
    """Without a refresh token they are of no use to anybody but a thief of the store."""
    for rules, kept in ((RULES, True), (WRITTEN["rules"], False)):
        async with wired(tmp_path, rules=rules) as house:
            house.provider.offers_refresh = False
            browser = house.browser()
            await house.sign_in(browser)
            ticket = house.application._people.visitors.ticket
            sessions = house.application._people.sessions
            (cookie,) = [one.value for one in browser.jar.cookies if one.name == "__Secure-gw"]
            presented = ticket(asking(f"__Secure-gw={cookie}"))
            session = await sessions.open(presented)
            grants = await sessions.grants(presented, session)
            assert [bool(grant.access_token) for grant in grants.values()] == [kept]


async def test_no_log_and_no_metric_tells_a_token(house):
    """Whatever happens to it: handed on, refreshed, too long, or over."""
    cookie = await house.sign_in()
    await house.say("/api/x", cookie)
    house.provider.token_extra = {"access_token": "access-" + "t" * 4000}
    house.provider.claims = {"at_hash": None}  # that of the token in whose place this one comes
    house.clock.advance(HOUR + 60)
    answer = await house.say("/api/x", cookie)
    assert answer.headers[ACCESS] == ""
    house.provider.instead["/token"] = [DOWN] * 10
    house.clock.advance(HOUR + 60)
    assert (await house.say("/api/x", cookie)).status_code == 503

    await house.lines("header.overflowed")
    metrics = (await house.get("metrics_bind", "/metrics")).text

    for written in (house.written.getvalue(), metrics):
        assert "access-2" not in written
        assert "tttt" not in written
    assert 'gateway_headers_emptied_total{header="X-Auth-Access-Token"} 1.0' in metrics
