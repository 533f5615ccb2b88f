"""Signing out: asked first, done once, and honest about what could not be done."""

import pytest

from gateway.errors import ProviderUnavailable
from gateway.observe.events import LogoutHandedOn, SessionEnded
from gateway.sessions import deferred
from tests.kit.login_door import APP, AUTH, LoginHouse
from tests.kit.scripted_provider import reply

pytestmark = pytest.mark.anyio

SESSION = "__Secure-gw"
DISCOVERY = "/.well-known/openid-configuration"


async def signed_in(house):
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login?rd={APP}/x")
    return browser


async def token_of(browser):
    page = await browser.open(f"{AUTH}/auth/logout")
    assert page.status == 200
    return page.response.text.partition('name="token" value="')[2].partition('"')[0]


async def test_a_logout_asks_and_then_ends_session_cookie_and_the_provider_s_own():
    """GET asks, POST acts: record, cookie, provider, and back to a page that does not log in again."""
    house = LoginHouse()
    browser = await signed_in(house)
    token = await token_of(browser)

    last = await browser.submit(f"{AUTH}/auth/logout", {"token": token})

    post, at_provider = browser.hops[-3], browser.hops[-2]
    assert post.location.startswith("https://idp.example.test/logout?")
    assert "id_token_hint=" in post.location
    assert at_provider.status == 302
    assert (last.status, last.url) == (200, f"{AUTH}/auth/signed-out")
    assert browser.jar.get(SESSION) is None
    assert house.session_keys() == []
    assert [event.reason for event in house.events if isinstance(event, SessionEnded)] == ["logout"]


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(reply(200, {}), id="a document without the endpoint"),
        pytest.param(ProviderUnavailable("staff", "down"), id="a provider that is down"),
    ],
)
async def test_without_the_provider_s_help_we_end_our_own_session(instead):
    """The session here is over, whatever happens there."""
    house = LoginHouse()
    browser = await signed_in(house)
    token = await token_of(browser)
    house.scripts["staff"].instead[DISCOVERY] = [instead]

    last = await browser.submit(f"{AUTH}/auth/logout", {"token": token})

    assert last.url == f"{AUTH}/auth/signed-out"
    assert browser.hops[-2].location == f"{AUTH}/auth/signed-out"
    assert house.session_keys() == []


async def test_a_logout_that_the_provider_does_not_hear_of_is_told():
    """The person is signed out here and not there: the log has to know."""
    house = LoginHouse()
    browser = await signed_in(house)
    token = await token_of(browser)
    house.scripts["staff"].instead[DISCOVERY] = [ProviderUnavailable("staff", "down")]

    await browser.submit(f"{AUTH}/auth/logout", {"token": token})

    assert handed_on(house) == [LogoutHandedOn("staff", "provider_unavailable", "provider staff: down")]


async def test_a_logout_at_the_provider_is_told_too():
    """One line for each browser that is sent there."""
    house = LoginHouse()
    browser = await signed_in(house)

    await browser.submit(f"{AUTH}/auth/logout", {"token": await token_of(browser)})

    assert handed_on(house) == [LogoutHandedOn("staff", "ok")]


def handed_on(house):
    return [event for event in house.events if isinstance(event, LogoutHandedOn)]


@pytest.mark.parametrize(
    "back",
    [
        pytest.param("", id="no-state"),
        pytest.param("?state=another", id="other-state"),
        pytest.param("?state=a&state=b", id="two states"),
        pytest.param("?state=<script>alert(1)</script>", id="markup"),
        pytest.param("?code=x&iss=https://evil.test&error=x", id="a callback's parameters"),
    ],
)
async def test_back_from_the_provider_s_logout_any_state_shows_the_same_page(back):
    """The session was over before the browser left, and the page changes nothing: there is nothing to protect."""
    house = LoginHouse()
    browser = await signed_in(house)
    await browser.submit(f"{AUTH}/auth/logout", {"token": await token_of(browser)})
    asked = len(house.outbound())

    page = await browser.open(f"{AUTH}/auth/signed-out{back}", follow=False)

    assert (page.status, "You are signed out" in page.response.text) == (200, True)
    assert not any(text in page.response.text for text in ("another", "alert(1)", "evil.test"))
    assert (house.session_keys(), len(house.outbound())) == ([], asked)


async def test_the_signed_out_page_does_not_log_in_by_itself():
    """And for a minute the login page asks, even where there is one provider only."""
    house = LoginHouse()
    browser = await signed_in(house)
    await browser.submit(f"{AUTH}/auth/logout", {"token": await token_of(browser)})

    asked = await browser.open(f"{AUTH}/auth/login?rd={APP}/x", follow=False)
    house.clock.advance(61)
    later = await browser.open(f"{AUTH}/auth/login?rd={APP}/x", follow=False)

    assert asked.status == 200
    assert "Staff account" in asked.response.text
    assert later.status == 303


async def test_who_is_still_signed_in_is_not_told_otherwise():
    """A bookmark of the signed-out page: it says who is signed in, and offers the way out and the way on."""
    house = LoginHouse()
    browser = await signed_in(house)

    page = await browser.open(f"{AUTH}/auth/signed-out")

    assert page.status == 200
    assert "You are still signed in" in page.response.text
    assert "alice" in page.response.text
    assert "You are signed out" not in page.response.text
    assert f'href="{AUTH}/users/me"' in page.response.text
    assert "form-action" in page.response.headers["content-security-policy"]
    assert len(house.session_keys()) == 1


async def test_the_form_of_that_page_signs_out():
    """It is the form of the logout page, with its token: the end is the same."""
    house = LoginHouse()
    browser = await signed_in(house)
    page = await browser.open(f"{AUTH}/auth/signed-out")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]

    last = await browser.submit(f"{AUTH}/auth/logout", {"token": token})

    assert (last.url, "You are signed out" in last.response.text) == (f"{AUTH}/auth/signed-out", True)
    assert house.session_keys() == []


async def test_with_a_store_that_is_down_nobody_is_told_to_be_signed_out():
    """Whether the session lives is not known; without a cookie nothing has to be known."""
    house = LoginHouse()
    browser = await signed_in(house)
    house.store.down = True

    known = await browser.open(f"{AUTH}/auth/signed-out")
    stranger = await house.browser().open(f"{AUTH}/auth/signed-out")

    assert known.status == 503
    assert (stranger.status, "You are signed out" in stranger.response.text) == (200, True)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_a_session_a_logout_is_over_at_once(method):
    """Nothing to ask, and nothing to end."""
    house = LoginHouse()
    browser = house.browser()

    hop = await browser._go(
        method, f"{AUTH}/auth/logout", form={} if method == "POST" else None, follow=False
    )

    assert (hop.status, hop.location) == (303, f"{AUTH}/auth/signed-out")
    assert "set-cookie" not in hop.response.headers


async def test_a_dead_session_s_cookie_is_cleared():
    """The page was open when the session ended elsewhere."""
    house = LoginHouse()
    browser = await signed_in(house)
    token = await token_of(browser)
    house.store.records.clear()

    await browser.submit(f"{AUTH}/auth/logout", {"token": token})

    assert browser.jar.get(SESSION) is None


@pytest.mark.parametrize("verb", ["read", "delete"])
async def test_a_logout_that_the_store_does_not_take_says_so_and_follows(verb):
    """The browser forgets; that the record lives on for now is not hidden behind a friendly page."""
    house = LoginHouse()
    browser = await signed_in(house)
    token = await token_of(browser)
    house.store.fail_next(verb)

    hop = await browser.submit(f"{AUTH}/auth/logout", {"token": token}, follow=False)

    assert hop.status == 202
    assert "It ends everywhere as soon as" in hop.response.text
    assert browser.jar.get(SESSION) is None
    await house.until(lambda: not len(house.deferred))
    assert house.session_keys() == []
    assert [event.reason for event in house.events if isinstance(event, SessionEnded)] == ["logout"]


async def test_who_wants_to_sign_out_during_an_outage_can():
    """The form asks without a name; what this process remembers of the session goes at once, the record later."""
    house = LoginHouse()
    browser = await signed_in(house)
    house.store.down = True

    token = await token_of(browser)
    hop = await browser.submit(f"{AUTH}/auth/logout", {"token": token}, follow=False)
    sids = [notice.name for notice in house.bus.heard]

    assert hop.status == 202
    assert [f"s:{{{sid}}}" for sid in sids] == house.session_keys()
    house.store.down = False
    await house.until(lambda: not len(house.deferred))
    assert house.session_keys() == []


async def test_a_logout_that_cannot_be_kept_in_mind_says_so(monkeypatch):
    """So many wait already: the page does not promise what nobody will do."""
    monkeypatch.setattr(deferred, "MOST", 0)
    house = LoginHouse()
    browser = await signed_in(house)
    token = await token_of(browser)
    house.store.down = True

    hop = await browser.submit(f"{AUTH}/auth/logout", {"token": token}, follow=False)

    assert hop.status == 503
    assert "could not be ended on the server" in hop.response.text
    assert browser.jar.get(SESSION) is None


async def test_a_stranger_s_form_defers_nothing():
    """The guard of forms stands before the outage, too."""
    house = LoginHouse()
    browser = await signed_in(house)
    house.store.down = True

    hop = await browser.submit(f"{AUTH}/auth/logout", {"token": "A" * 64}, follow=False)

    assert hop.status == 403
    assert len(house.deferred) == 0
    assert browser.jar.get(SESSION)


async def test_a_note_that_cannot_be_written_undoes_no_logout():
    """What comes after the end of the session is a comfort."""
    house = LoginHouse()
    browser = await signed_in(house)
    token = await token_of(browser)
    house.store.fail_next("put")

    last = await browser.submit(f"{AUTH}/auth/logout", {"token": token})

    assert last.url == f"{AUTH}/auth/signed-out"
