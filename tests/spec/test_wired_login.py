"""Login attempts through the whole gateway, in the embedded store: bounded, single use, and kind to whoever comes back."""

import asyncio
import re
import sqlite3
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.kit.wired import APP, AUTH, BROWSER_COOKIE, COOKIE, wired

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path) as opened:
        yield opened


async def callback_of(house, browser, path="/x"):
    """Leave for the provider, and stop with the address that it sends the browser back to."""
    departed = await browser.open(f"{AUTH}/auth/corp?rd={APP}{path}", follow=False)
    assert departed.status == 303, departed.response.text
    return (await browser.open(departed.location, follow=False)).location


def stored(house):
    """Every stored attempt, as bytes."""
    link = sqlite3.connect(f"file:{house.database}?mode=ro", uri=True)
    rows = link.execute("SELECT v FROM kv WHERE k LIKE 'attempt:%'").fetchall()
    link.close()
    return [row[0] for row in rows]


async def test_a_browser_keeps_its_newest_seven_attempts_in_one_cookie(house):
    """Eight tabs: the first has given way, the other seven sign in, and no cookie was added."""
    browser = house.browser()

    callbacks = [await callback_of(house, browser, f"/{tab}") for tab in range(8)]

    assert [cookie.name for cookie in browser.jar.cookies] == [BROWSER_COOKIE]
    assert len(stored(house)) == 7
    oldest = await browser.open(callbacks[0], follow=False)
    assert (oldest.status, "expired or was already used" in oldest.response.text) == (400, True)
    assert (await browser.open(callbacks[1], follow=False)).location == f"{APP}/1"


async def test_a_stored_attempt_is_no_larger_than_a_kilobyte(house):
    """However long the address that was asked for; the way back is then shorter, and still leads there."""
    browser = house.browser()

    callback = await callback_of(house, browser, f"/long/{'a' * 300}?q={'b' * 1500}")

    (attempt,) = stored(house)
    assert len(attempt) <= 1024
    assert (await browser.open(callback, follow=False)).location == f"{APP}/long/{'a' * 300}"


async def test_one_prefix_may_begin_sixty_logins_a_minute_and_others_as_many(house):
    """The sixty-first waits, and is told how long; a neighbour in another network does not."""
    for number in range(60):
        browser = house.browser(peer=f"203.0.113.{number}")
        assert (await browser.open(f"{AUTH}/auth/corp", follow=False)).status == 303

    refused = await house.browser(peer="203.0.113.200").open(f"{AUTH}/auth/corp", follow=False)
    elsewhere = await house.browser(peer="198.51.100.9").open(f"{AUTH}/auth/corp", follow=False)

    assert refused.status == 429
    assert int(refused.response.headers["retry-after"]) >= 1
    assert "too many attempts from your network" in refused.response.text
    assert elsewhere.status == 303
    assert (await house.lines("login.finished"))[0]["outcome"] == "limited"
    house.clock.advance(60)
    assert (await house.browser(peer="203.0.113.200").open(f"{AUTH}/auth/corp", follow=False)).status == 303


async def test_at_the_ceiling_the_heaviest_prefix_gives_way(tmp_path):
    """A flood fills no store and locks nobody out; the flooder's own next attempt is the one that is refused."""
    limits = {"open_attempts": 100, "per_prefix": 1000}
    async with wired(tmp_path, login=limits) as house:
        for _ in range(100):
            await house.browser(peer="203.0.113.1").open(f"{AUTH}/auth/corp", follow=False)

        person = house.browser(peer="198.51.100.9")
        callback = await callback_of(house, person)
        flooder = await house.browser(peer="203.0.113.1").open(f"{AUTH}/auth/corp", follow=False)

        assert len(stored(house)) == 100
        assert flooder.status in {303, 429}
        assert (await person.open(callback, follow=False)).location == f"{APP}/x"
        for _ in range(5):
            await house.browser(peer="203.0.113.1").open(f"{AUTH}/auth/corp", follow=False)
        assert len(stored(house)) <= 100


async def test_a_callback_works_once_and_the_back_button_leads_on(house):
    """The second time nothing is redeemed; who is signed in goes to the page, a stranger nowhere."""
    browser = house.browser()
    callback = await callback_of(house, browser)
    first = await browser.open(callback, follow=False)
    asked = house.tokens_asked()

    again = await browser.open(callback, follow=False)
    stranger = await house.browser().open(callback, follow=False)

    assert (first.location, again.location) == (f"{APP}/x", f"{APP}/x")
    assert COOKIE in first.response.headers["set-cookie"]
    assert "set-cookie" not in again.response.headers
    assert stranger.status == 400
    assert house.tokens_asked() == asked


async def test_a_callback_that_comes_twice_at_once_ends_at_the_page_both_times(house):
    """A double click: one redeems the code, the other waits and then begins anew; no code is presented twice."""
    browser = house.browser()
    callback = await callback_of(house, browser)

    hops = await asyncio.gather(*[browser.open(callback) for _ in range(2)])

    assert [(hop.url, hop.status) for hop in hops] == [(f"{APP}/x", 200)] * 2
    codes = [ask.form["code"] for ask in house.provider.asked if ask.form]
    assert len(codes) == len(set(codes))
    assert {line["outcome"] for line in await house.lines("login.finished", 2)} <= {"ok", "repeated"}


async def test_an_attempt_is_over_after_ten_minutes(house):
    """Whoever comes back later starts again."""
    browser = house.browser()
    callback = await callback_of(house, browser)
    house.clock.advance(600)

    late = await browser.open(callback, follow=False)

    assert late.status == 400
    assert "Start again" in late.response.text


async def test_a_callback_belongs_to_the_browser_that_began(house):
    """A link with somebody else's code signs nobody in, and reaches no provider."""
    callback = await callback_of(house, house.browser())
    victim = house.browser()
    await callback_of(house, victim)

    hop = await victim.open(callback, follow=False)

    assert hop.status == 400
    assert "not started in this browser" in hop.response.text
    assert victim.jar.get(COOKIE) is None
    assert house.tokens_asked() == 0


async def test_a_browser_that_loses_its_session_on_the_way_is_told_why(house):
    """Signed in again and again: an explanation after four rounds, and no spinning."""
    browser = house.browser()
    for _ in range(4):
        await browser.open(f"{APP}/x")
        browser.jar.cookies = [cookie for cookie in browser.jar.cookies if cookie.name != COOKIE]

    last = await browser.open(f"{APP}/x")

    assert last.status == 400
    assert "your session cookie does not reach it" in last.response.text
    assert (await house.lines("login.finished", 5))[-1]["outcome"] == "login_loop"
    assert (
        'gateway_logins_total{outcome="login_loop",provider="corp"} 1.0'
        in (await house.get("metrics_bind", "/metrics")).text
    )


@pytest.mark.parametrize(
    "wished",
    ["https://evil.example/", "//evil.example", f"{APP}.evil.example/", f"{APP}:444/", "javascript:alert(1)"],
)
async def test_nobody_is_sent_to_a_host_that_is_not_configured(house, wished):
    """Not by the login, not by the callback; the person ends at our own page."""
    browser = house.browser()

    last = await browser.open(f"{AUTH}/auth/corp?rd={wished}")

    assert last.url == f"{AUTH}/users/me"
    assert all(
        "evil" not in hop.location for hop in browser.hops if hop.url.startswith(f"{AUTH}/auth/corp/callback")
    )


async def test_a_login_that_cannot_begin_is_told_to_the_operator(house):
    """The page shows a reference; the log knows the reason under it, and the metric counts it."""
    house.provider.metadata = {"issuer": "https://other.example"}

    hop = await house.browser().open(f"{AUTH}/auth/login?rd={APP}/x", follow=False)

    (line,) = await house.lines("login.finished")
    assert hop.status == 400
    assert line["decision_id"] in hop.response.text
    assert (line["provider"], line["outcome"]) == ("corp", "provider_lied")
    assert "says 'https://other.example', gateway.yaml says " in line["detail"]
    assert (
        'gateway_logins_total{outcome="provider_lied",provider="corp"} 1.0'
        in (await house.get("metrics_bind", "/metrics")).text
    )


async def test_who_is_not_among_those_whom_the_provider_may_bring_gets_no_session(tmp_path):
    """`allow:` of a provider: a kind page, a line with who it was, and no cookie."""
    listed = {"anyone": False, "allow": {"email_domains": ["example.org"]}}
    async with wired(tmp_path, corp=listed) as house:
        browser = house.browser()

        last = await browser.open(f"{APP}/x")

        assert last.status == 403
        assert "not among those who may use this service" in last.response.text
        assert browser.jar.get(COOKIE) is None
        (line,) = await house.lines("login.finished")
        assert (line["outcome"], "corp:u-1" in line["detail"]) == ("not_allowed", True)


async def test_a_rule_that_asks_for_another_provider_adds_its_login_and_plays_no_ping_pong(tmp_path):
    """Signed in at one, sent to the other, then good for both; each page sees the login that its rule asks for."""
    rules = [
        {"name": "partners", "paths": ["/partners/**"], "providers": ["partner"], "allow": "authenticated"},
        {"name": "rest", "providers": ["corp"], "allow": "authenticated"},
    ]
    async with wired(tmp_path, two=True, rules=rules) as house:
        house.partner.person = {"sub": "p-9", "preferred_username": "pat"}
        browser = house.browser()
        first = await browser.open(f"{APP}/x")
        begun = len(browser.hops)

        second = await browser.open(f"{APP}/partners/x")
        after = await browser.open(f"{APP}/x")

        assert first.response.json()["x-auth-subject"] == "corp:u-1"
        assert second.response.json()["x-auth-subject"] == "partner:p-9"
        assert second.response.json()["x-auth-user"] == "pat"
        assert after.response.json()["x-auth-subject"] == "corp:u-1"
        # Page, login, provider, callback, page; and no login at all for the last one.
        assert [hop.status for hop in browser.hops[begun:]] == [303, 303, 303, 303, 200, 200]
        assert (await house.say("/partners/x")).status_code == 401


async def test_a_person_may_choose_where_there_is_a_choice(tmp_path):
    """Two providers and a rule that asks for neither: a page with two links, each with the way back."""
    async with wired(tmp_path, two=True) as house:
        browser = house.browser()

        chooser = await browser.open(f"{APP}/report?year=2027")
        chosen = re.findall(r'href="([^"]+/auth/(?:corp|partner)\?rd=[^"]+)"', chooser.response.text)
        last = await browser.open(chosen[1].replace("&amp;", "&"))

        assert (chooser.status, len(chosen)) == (200, 2)
        assert (last.url, last.response.json()["x-auth-provider"]) == (f"{APP}/report?year=2027", "partner")


async def sign_out(browser):
    """By the form of the logout page."""
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    return await browser.submit(f"{AUTH}/auth/logout", {"token": token}, follow=False)


async def test_a_logout_gives_the_tokens_of_all_providers_back(tmp_path):
    """One line and one count for each, and no token in any of them."""
    async with wired(tmp_path, two=True) as house:
        browser = house.browser()
        for name in ("corp", "partner"):
            await browser.open(f"{AUTH}/auth/{name}")
        tokens = [*house.provider.refreshable, *house.partner.refreshable]

        assert (await sign_out(browser)).status == 303

        lines = await house.lines("grant.revoked", 2)
        assert {(line["provider"], line["outcome"]) for line in lines} == {("corp", "ok"), ("partner", "ok")}
        assert (len(tokens), house.provider.refreshable, house.partner.refreshable) == (2, {}, {})
        assert not any(token in house.written.getvalue() for token in tokens)
        counted = (await house.get("metrics_bind", "/metrics")).text
        assert 'gateway_revocations_total{outcome="ok",provider="partner"} 1.0' in counted


async def test_tokens_are_kept_where_the_operator_wants_it(tmp_path):
    """A provider that takes back everything at once would end the person's other sessions."""
    async with wired(tmp_path, login={"revoke_at_logout": False}) as house:
        browser = house.browser()
        await house.sign_in(browser)

        assert (await sign_out(browser)).status == 303

        assert len(house.provider.refreshable) == 1
        assert "/revoke" not in house.provider.paths()


async def test_a_stop_waits_for_tokens_on_their_way_back(tmp_path):
    """They are in the air when the process is told to end."""
    async with wired(tmp_path) as house:
        browser = house.browser()
        await house.sign_in(browser)
        await sign_out(browser)

        await house.application.close()

        assert house.provider.refreshable == {}


async def test_the_page_of_a_host_offers_its_providers_and_the_rule_goes_before_it(tmp_path):
    """Where they share none the rule counts, or the person would go to and fro."""
    rules = [
        {"name": "partners", "paths": ["/partners/**"], "providers": ["partner"], "allow": "authenticated"},
        {"name": "rest", "allow": "authenticated"},
    ]
    login = {"hosts": {"app.example.com": ["corp"]}}
    async with wired(tmp_path, two=True, rules=rules, login=login) as house:
        browser = house.browser()
        by_host = await browser.open(f"{APP}/x")
        by_rule = await browser.open(f"{APP}/partners/x")

        found = [one.response.json()["x-auth-provider"] for one in (by_host, by_rule)]

        assert found == ["corp", "partner"]


async def test_a_refusal_has_its_reason_in_log_and_metric(house):
    """A word of ours, whatever the provider wrote."""
    browser = house.browser()
    callback = await callback_of(house, browser)
    base, _, query = callback.partition("?")
    state = dict(parse_qsl(query))["state"]

    await browser.open(f"{base}?{urlencode({'error': 'access_denied', 'state': state})}", follow=False)

    (line,) = await house.lines("login.finished")
    assert (line["outcome"], line["reason"]) == ("provider_refused", "consent_denied")
    counted = (await house.get("metrics_bind", "/metrics")).text
    assert 'gateway_login_refusals_total{provider="corp",reason="consent_denied"} 1.0' in counted


async def test_starting_again_leads_to_where_the_person_wanted_to_go(house):
    """Not to a page of the gateway, from where nobody finds the way back to their work."""
    browser = house.browser()
    callback = await callback_of(house, browser)
    base, _, query = callback.partition("?")
    state = dict(parse_qsl(query))["state"]

    page = await browser.open(f"{base}?{urlencode({'error': 'access_denied', 'state': state})}", follow=False)
    [again] = re.findall(r'href="([^"]+/auth/login\?rd=[^"]+)"', page.response.text)
    there = await browser.open(again)

    assert (page.status, there.url) == (403, f"{APP}/x")


async def test_starting_again_leads_nowhere_for_a_callback_that_was_never_ours(house):
    """Of a callback without an attempt nothing is taken over."""
    page = await house.browser().open(f"{AUTH}/auth/corp/callback?rd={APP}/x&state=no&code=x", follow=False)

    assert f'href="{AUTH}/auth/login"' in page.response.text
    assert "rd=" not in page.response.text.partition("<main")[2].partition("</main")[0]
