"""A login from the first click to the application, and everything that comes between."""

import asyncio
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from gateway.errors import ProviderUnavailable
from gateway.observe.events import Alarm, LoginFinished
from tests.kit.login_door import APP, AUTH, OTHER, LoginHouse
from tests.kit.scripted_provider import reply

pytestmark = pytest.mark.anyio

SESSION, BROWSER = "__Secure-gw", "__Host-gw-login"


def error_of(callback, error):
    base, _, query = callback.partition("?")
    state = dict(parse_qsl(query))["state"]
    return f"{base}?{urlencode({'error': error, 'state': state, 'error_description': 'PRIVATE'})}"


def outcomes(house):
    return [event.outcome for event in house.events if isinstance(event, LoginFinished)]


async def test_a_login_ends_where_it_was_asked_for():
    """Application → login page → provider → callback → application, with a session."""
    house = LoginHouse()
    browser = house.browser()

    last = await browser.open(f"{AUTH}/auth/login?rd={APP}/report%3Fyear%3D2027")

    assert last.url == f"{APP}/report?year=2027"
    assert [hop.status for hop in browser.hops] == [303, 302, 303, 200]
    assert browser.jar.refused == []
    assert browser.jar.get(SESSION).host == "example.com"
    assert browser.jar.get(BROWSER).host_only
    assert outcomes(house) == ["ok"]


async def test_every_answer_of_a_login_forbids_caching():
    """A redirect with a state or a session in it belongs to one browser."""
    house = LoginHouse()
    browser = house.browser()

    await browser.open(f"{AUTH}/auth/login?rd={APP}/")

    ours = [hop.response for hop in browser.hops if hop.url.startswith(AUTH)]
    assert all(response.headers["cache-control"] == "no-store" for response in ours)
    assert all(response.headers["vary"] == "Cookie" for response in ours)
    assert all(response.headers["referrer-policy"] == "no-referrer" for response in ours)


async def test_two_providers_are_a_choice():
    """Each is a link that works without script and keeps the way back."""
    house = LoginHouse(("staff", "partners"))
    browser = house.browser()

    page = await browser.open(f"{AUTH}/auth/login?rd={APP}/x%3Fy")
    assert page.status == 200
    assert "Staff account" in page.response.text
    assert "app.example.com" in page.response.text
    href = f"{AUTH}/auth/partners?rd=https%3A%2F%2Fapp.example.com%2Fx%3Fy"
    assert f'href="{href}"' in page.response.text

    assert (await browser.open(href)).url == f"{APP}/x?y"


async def test_a_hint_of_one_provider_leaves_no_choice():
    """`provider=` comes from the rule that was met; an unknown name is no hint."""
    house = LoginHouse(("staff", "partners"))

    hinted = await house.browser().open(f"{AUTH}/auth/login?provider=partners", follow=False)
    unknown = await house.browser().open(f"{AUTH}/auth/login?provider=nobody", follow=False)

    assert hinted.location.startswith("https://partners.example.test/")
    assert unknown.status == 200
    assert all(title in unknown.response.text for title in ("Staff account", "Partners account"))


async def test_only_providers_that_a_hint_names_are_offered():
    """Among several they are the choice; of one login of them the person is sent straight back."""
    house = LoginHouse(("staff", "partners", "guests"))
    login = f"{AUTH}/auth/login?rd={OTHER}/&provider=partners,nobody,guests"

    page = await house.browser().open(login)
    signed_in = house.browser()
    await signed_in.open(f"{AUTH}/auth/guests")
    back = await signed_in.open(login, follow=False)

    assert "Partners account" in page.response.text
    assert "Guests account" in page.response.text
    assert "Staff account" not in page.response.text
    assert back.location == f"{OTHER}/"


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("provider=partners&provider=staff", id="twice"),
        pytest.param("provider=", id="empty"),
        pytest.param("provider=,,,", id="commas"),
        pytest.param("provider=Partners", id="another case"),
        pytest.param("provider=%20partners", id="a blank"),
        pytest.param("provider=partners%0d%0aset-cookie:x", id="a line end"),
        pytest.param("provider=https://evil.test/,//evil.test", id="addresses"),
        pytest.param("provider=" + "x," * 20_000 + "partners", id="forty thousand characters"),
    ],
)
async def test_a_hint_that_is_none_leaves_the_whole_choice(query):
    """Whoever forges one can choose among configured providers, and nothing else."""
    house = LoginHouse(("staff", "partners"))

    hop = await house.browser().open(f"{AUTH}/auth/login?rd={APP}/x&{query}", follow=False)

    assert hop.status == 200
    assert all(title in hop.response.text for title in ("Staff account", "Partners account"))
    assert "evil" not in hop.response.text


async def test_after_a_logout_a_hint_does_not_sign_in_by_itself():
    """The rule sent it, not the person: for a minute the login page asks first."""
    house = LoginHouse(("staff", "partners"))
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff")
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    await browser.submit(f"{AUTH}/auth/logout", {"token": token})

    asked = await browser.open(f"{AUTH}/auth/login?rd={APP}/x&provider=staff", follow=False)
    house.clock.advance(61)
    later = await browser.open(f"{AUTH}/auth/login?rd={APP}/x&provider=staff", follow=False)

    assert asked.status == 200
    assert later.location.startswith("https://idp.example.test/")


async def test_without_providers_the_page_says_so():
    """No blank page, and no error."""
    hop = await LoginHouse(()).browser().open(f"{AUTH}/auth/login")

    assert hop.status == 200
    assert "No way to sign in" in hop.response.text


async def test_who_is_signed_in_well_enough_goes_straight_on():
    """No second login for a page that the session opens already."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login")

    for path in ("login", "staff"):
        hop = await browser.open(f"{AUTH}/auth/{path}?rd={APP}/x", follow=False)

        assert hop.location == f"{APP}/x"


async def test_a_session_that_does_not_satisfy_a_rule_logs_in_again():
    """Another provider's login is added to the session instead of replacing it."""
    house = LoginHouse(("staff", "partners"))
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")
    first = browser.jar.get(SESSION).value

    last = await browser.open(f"{AUTH}/auth/login?rd={OTHER}/y&provider=partners")

    assert last.url == f"{OTHER}/y"
    assert browser.jar.get(SESSION).value != first
    (begun,) = house.session_keys()
    again = await browser.open(f"{AUTH}/auth/staff?rd={APP}/z", follow=False)
    assert again.location == f"{APP}/z"
    assert begun in house.store.records


async def test_a_second_login_at_the_same_provider_replaces_the_first():
    """One identity of each provider, and one session of a browser."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/staff")
    house.scripts["staff"].person |= {"sub": "u-2", "preferred_username": "bob"}

    await browser.open(f"{AUTH}/auth/staff")

    me = await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})
    assert me.response.json()["user"] == "bob"
    assert len(house.session_keys()) == 1


async def test_two_tabs_log_in_side_by_side():
    """The attempt is per tab, and each ends where it began."""
    house = LoginHouse()
    browser = house.browser()
    one = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/one")
    two = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/two")

    assert (await browser.open(two)).url == f"{APP}/two"
    assert (await browser.open(one)).url == f"{APP}/one"


async def test_the_back_button_onto_a_used_callback_goes_on():
    """With a session there is nothing left to do but to go where the login led."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")
    await browser.open(callback)

    again = await browser.open(callback, follow=False)

    assert again.location == f"{APP}/x"
    assert outcomes(house) == ["ok", "repeated"]


async def test_a_used_callback_without_a_session_begins_anew_once():
    """The provider still knows the person, so that nobody notices; a second time it is an error."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")
    await browser.open(callback)
    browser.jar.cookies = [cookie for cookie in browser.jar.cookies if cookie.name != SESSION]

    anew = await browser.open(callback, follow=False)
    assert anew.location.startswith("https://idp.example.test/authorize")
    second = (await browser.open(anew.location, follow=False)).location
    assert (await browser.open(second)).url == f"{APP}/x"

    browser.jar.cookies = [cookie for cookie in browser.jar.cookies if cookie.name != SESSION]
    assert (await browser.open(second, follow=False)).status == 400


async def test_a_double_click_waits_for_the_first_callback():
    """The second finds no attempt; it waits for the first to end, and makes no token call of its own."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")
    house.hold = asyncio.Event()
    first = asyncio.create_task(browser.open(callback, follow=False))
    await house.until(lambda: "take" in house.store.calls)

    second = asyncio.create_task(browser.open(callback, follow=False))
    await house.until(lambda: len(house.waited) >= 3)
    house.hold.set()
    done, late = await asyncio.gather(first, second)

    assert done.location == f"{APP}/x"
    # The session's cookie was still on its way to the browser when the second request was sent.
    assert late.location.startswith("https://idp.example.test/authorize")
    assert house.outbound().count("/token") == 1


async def test_nobody_waits_longer_than_two_seconds_for_a_twin():
    """Where the first callback hangs at the provider, the second begins anew."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")
    house.hold = asyncio.Event()
    first = asyncio.create_task(browser.open(callback, follow=False))
    await house.until(lambda: "take" in house.store.calls)
    second = asyncio.create_task(browser.open(callback, follow=False))
    await house.until(lambda: len(house.waited) >= 20)
    house.hold.set()

    await asyncio.gather(first, second)

    assert sum(house.waited) == pytest.approx(2.0)


async def test_a_browser_that_keeps_coming_back_is_told_why():
    """Signed in, and without its cookie at the application: after four rounds a page, not a fifth."""
    house = LoginHouse()
    browser = house.browser()
    for _ in range(4):
        assert (await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")).url == f"{APP}/x"
        browser.jar.cookies = [cookie for cookie in browser.jar.cookies if cookie.name != SESSION]

    last = await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")

    assert last.status == 400
    assert "session cookie does not reach it" in last.response.text
    assert outcomes(house)[-1] == "login_loop"
    house.clock.advance(60)
    assert (await browser.open(f"{AUTH}/auth/staff?rd={APP}/x")).url == f"{APP}/x"


async def test_a_bounce_counts_as_a_round():
    """The session is seen here and not there: the login page and the application play ping-pong."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login?rd={APP}/x")

    statuses = [(await browser.open(f"{AUTH}/auth/login?rd={APP}/x", follow=False)).status for _ in range(5)]

    assert statuses == [303, 303, 303, 400, 400]


@pytest.mark.parametrize(
    ("error", "status", "text", "outcome"),
    [
        pytest.param("access_denied", 403, "was cancelled", "provider_refused", id="cancelled"),
        pytest.param(
            "login_required", 403, "wants you to sign in there", "provider_refused", id="sign in there"
        ),
        pytest.param("made_up", 403, "refused the sign-in", "provider_refused", id="unknown"),
        pytest.param("server_error", 503, "does not answer", "provider_unavailable", id="their outage"),
        pytest.param(
            "temporarily_unavailable", 503, "does not answer", "provider_unavailable", id="overload"
        ),
        pytest.param(
            "unauthorized_client", 403, "did not accept the request", "provider_refused", id="our request"
        ),
    ],
)
async def test_an_error_of_the_provider_is_a_page_that_helps(error, status, text, outcome):
    """It says what happened and what to do, under a reference, and repeats nothing."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")

    hop = await browser.open(error_of(callback, error), follow=False)

    assert hop.status == status
    assert text in hop.response.text
    assert "PRIVATE" not in hop.response.text
    (finished,) = [event for event in house.events if isinstance(event, LoginFinished)]
    assert finished.outcome == outcome
    assert finished.decision_id in hop.response.text


@pytest.mark.parametrize(
    "error",
    [
        "invalid_client",
        "unauthorized_client",
        "invalid_request",
        "invalid_scope",
        "unsupported_response_type",
        "invalid_grant",
        "server_error",
        "access_denied",
        "made_up",
    ],
)
async def test_no_error_in_a_callback_is_an_alarm(error):
    """It came by the browser, and whoever has begun a login can write it; the log knows what it said."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")

    await browser.open(error_of(callback, error), follow=False)

    assert not any(isinstance(event, Alarm) for event in house.events)
    (finished,) = [event for event in house.events if isinstance(event, LoginFinished)]
    known = error not in {"invalid_grant", "made_up"}
    assert (error in finished.detail, "an unknown error" in finished.detail) == (known, not known)


async def test_what_the_provider_says_to_us_alone_is_an_alarm():
    """The token endpoint rejects our secret: the operator hears it, and what to compare."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")
    house.scripts["staff"].instead["/token"] = [reply(401, {"error": "invalid_client"})]

    await browser.open(callback, follow=False)

    (alarm,) = [event for event in house.events if isinstance(event, Alarm)]
    assert alarm.what == "provider_misconfigured"
    assert all(word in alarm.detail for word in ("provider staff", "'invalid_client'", "client_secret"))


@pytest.mark.parametrize(
    ("change", "status", "outcome"),
    [
        pytest.param({"lie": "wrong_nonce"}, 400, "provider_lied", id="a token of another login"),
        pytest.param({"sign": "bad"}, 400, "provider_lied", id="a forged token"),
        pytest.param({"instead": {"/token": [reply(503, {})]}}, 503, "provider_unavailable", id="5xx"),
        pytest.param(
            {"instead": {"/token": [ProviderUnavailable("staff", "cut", ambiguous=True)]}},
            503,
            "provider_unavailable",
            id="no answer",
        ),
        pytest.param(
            {"instead": {"/token": [reply(401, {"error": "invalid_client"})]}},
            502,
            "provider_misconfigured",
            id="our secret has run out",
        ),
    ],
)
async def test_a_login_that_fails_at_the_provider_leaves_no_session(change, status, outcome):
    """No half login, and no cookie."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")
    for name, value in change.items():
        setattr(house.scripts["staff"], name, value)

    hop = await browser.open(callback, follow=False)

    assert (hop.status, outcomes(house)) == (status, [outcome])
    assert house.session_keys() == []
    assert "set-cookie" not in hop.response.headers


async def test_who_is_not_on_the_list_gets_no_session():
    """Signed in at the provider is not signed in here."""
    house = LoginHouse()
    house.let_in = False
    browser = house.browser()

    hop = await browser.open(f"{AUTH}/auth/login?rd={APP}/x")

    assert hop.status == 403
    assert "not among those who may use this service" in hop.response.text
    assert house.session_keys() == []
    (finished,) = [event for event in house.events if isinstance(event, LoginFinished)]
    assert (finished.outcome, finished.subject) == ("not_allowed", "staff:u-1")


@pytest.mark.parametrize("verb", ["count", "reserve", "index_add", "put"])
async def test_a_beginning_fails_closed_where_the_store_does(verb):
    """Limits that cannot be counted let nobody through; the page says to try again."""
    house = LoginHouse()
    house.store.fail_next(verb)

    hop = await house.browser().open(f"{AUTH}/auth/staff", follow=False)

    assert hop.status == 503
    assert hop.response.headers["retry-after"] == "5"
    assert "set-cookie" not in hop.response.headers


@pytest.mark.parametrize("verb", ["take", "create", "put", "count"])
async def test_a_finish_fails_closed_where_the_store_does(verb):
    """A fault is a 503 and never a session, a redirect or a cleared cookie."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")
    house.store.fail_next(verb)

    hop = await browser.open(callback, follow=False)

    assert hop.status == 503
    assert "set-cookie" not in hop.response.headers


@pytest.mark.parametrize("verb", ["release", "index_remove"])
async def test_tidying_up_costs_nobody_the_login(verb):
    """Places in a limit run out by themselves."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")
    house.store.fail_next(verb)

    assert (await browser.open(callback)).url == f"{APP}/x"


async def test_too_many_beginnings_wait():
    """429 with the seconds, for the whole prefix, and the next prefix is free."""
    house = LoginHouse(login={"per_prefix": 2})
    for address in ("192.0.2.1", "192.0.2.2"):
        await house.browser(address).open(f"{AUTH}/auth/staff", follow=False)

    limited = await house.browser("192.0.2.3").open(f"{AUTH}/auth/staff", follow=False)
    free = await house.browser("192.0.3.1").open(f"{AUTH}/auth/staff", follow=False)

    assert limited.status == 429
    assert 1 <= int(limited.response.headers["retry-after"]) <= 30
    assert free.status == 303


async def test_a_stored_attempt_tells_nothing():
    """Neither the state nor the way back can be read in the store, nor in its keys."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/private")
    state = dict(parse_qsl(urlsplit(callback).query))["state"]

    dump = repr(house.store.plain) + repr(house.store.indexes) + repr(house.store.pools)

    assert state not in dump
    assert "private" not in dump
    assert browser.jar.get(BROWSER).value not in dump
    assert all(len(plain.value) <= 1024 for plain in house.store.plain.values())
