"""Forged, replayed, swapped and flooded login attempts."""

import asyncio
import itertools
import logging
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from gateway.observe.events import LoginFinished
from tests.kit.login_door import APP, AUTH, OTHER, PARTNERS, LoginHouse

pytestmark = pytest.mark.anyio

CALLBACK = f"{AUTH}/auth/staff/callback"
STATE = "A" * 43


def changed(callback, **changes):
    """A callback address with other parameters; `None` takes one away."""
    base, _, query = callback.partition("?")
    values = dict(parse_qsl(query)) | changes
    return f"{base}?{urlencode({name: value for name, value in values.items() if value is not None})}"


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("", id="nothing"),
        pytest.param("code=x", id="no state"),
        pytest.param("code=x&state=", id="empty state"),
        pytest.param("code=x&state=x", id="short state"),
        pytest.param(f"code=x&state={STATE}", id="unknown state"),
        pytest.param(f"code=x&state={STATE}=", id="padded state"),
        pytest.param(f"code=x&state={STATE}%00", id="state and NUL"),
        pytest.param(f"code=x&state={'A' * 9000}", id="long state"),
        pytest.param(f"code=x&state[]={STATE}", id="state as an array"),
        pytest.param("code=x&state=null", id="state null"),
        pytest.param("code=x&state=%ff%fe", id="state that is no text"),
        pytest.param("code=x&state=%", id="bad escape"),
        pytest.param(f"code=x&STATE={STATE}", id="another name"),
        pytest.param(f"error=access_denied&state={STATE}", id="error with an unknown state"),
        pytest.param("&".join([f"p{n}=1" for n in range(60)]), id="sixty parameters"),
    ],
)
@pytest.mark.parametrize("signed_in", [False, True], ids=["stranger", "signed in"])
async def test_t04_w11_w34_a_callback_without_a_good_state_is_refused(query, signed_in):
    """400 and a page, never an exception, whoever asks (CVE-2023-27496, CVE-2026-61687)."""
    house = LoginHouse()
    browser = house.browser()
    if signed_in:
        await browser.open(f"{AUTH}/auth/login")
    before = house.outbound()

    hop = await browser.open(f"{CALLBACK}?{query}", follow=False)

    assert hop.status == 400
    assert house.outbound() == before
    assert "set-cookie" not in hop.response.headers


@pytest.mark.parametrize("twice", ["state", "code", "iss", "error", "foo"])
async def test_t39_case12_a_parameter_that_stands_twice_is_refused(twice):
    """Neither the first nor the last counts (RFC 6749 section 3.1), and the attempt is still good."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff")
    before = house.outbound()

    hop = await browser.open(f"{callback}&{twice}=a&{twice}=b", follow=False)

    assert hop.status == 400
    assert house.outbound() == before
    assert (await browser.open(callback, follow=False)).status == 303


async def test_t40_case10_parameters_of_the_start_are_ignored():
    """A link cannot choose scopes, prompts, the client or the callback."""
    house = LoginHouse()
    query = "scopes=admin&scope=admin&prompt=none&redirect_uri=https://evil.test&client_id=x&state=x&nonce=x"

    hop = await house.browser().open(f"{AUTH}/auth/staff?{query}", follow=False)

    asked = dict(parse_qsl(urlsplit(hop.location).query))
    assert asked["scope"] == "openid profile email"
    assert "prompt" not in asked
    assert asked["redirect_uri"] == CALLBACK
    assert asked["client_id"] == "gateway"
    assert "x" not in {asked["state"], asked["nonce"]}


async def test_o01_w10_case4_an_attempt_of_another_browser_is_refused():
    """Login CSRF: the attacker's code and state, opened by a victim (CVE-2017-1000069)."""
    house = LoginHouse()
    attacker, victim, stranger = house.browser(), house.browser(), house.browser()
    callback = await house.callback_of(attacker, f"{AUTH}/auth/staff")
    await victim.open(f"{AUTH}/auth/staff", follow=False)
    before = house.outbound()

    for browser, address in ((victim, callback), (stranger, callback)):
        hop = await browser.open(address, follow=False)

        assert hop.status == 400
        assert browser.jar.get("__Secure-gw") is None
    assert house.outbound() == before
    assert house.session_keys() == []


async def test_o01_a_browser_without_any_cookie_is_refused():
    """No cookie equals no cookie: an empty mark matches nothing."""
    house = LoginHouse()
    callback = await house.callback_of(house.browser(), f"{AUTH}/auth/staff")
    before = house.outbound()

    hop = await house.browser().open(callback, follow=False)

    assert hop.status == 400
    assert house.outbound() == before


async def test_w10_a_sibling_subdomain_cannot_plant_the_browser_cookie():
    """`__Host-` keeps it on our host; and of two values, neither counts."""
    house = LoginHouse()
    attacker, victim = house.browser(), house.browser()
    callback = await house.callback_of(attacker, f"{AUTH}/auth/staff")
    stolen = attacker.jar.get("__Host-gw-login").value

    victim.jar.store(
        "https://evil.example.com/", f"__Host-gw-login={stolen}; Path=/; Secure; Domain=example.com"
    )
    assert victim.jar.get("__Host-gw-login") is None
    await victim.open(f"{AUTH}/auth/staff", follow=False)
    victim.jar.plant(AUTH, "__Host-gw-login", stolen)
    hop = await victim.open(callback, follow=False)

    assert hop.status == 400
    assert house.session_keys() == []


async def test_p9_case14_an_attempt_of_one_provider_is_no_good_at_the_other():
    """A state belongs to one callback (mix-up, RFC 9207; CVE-2026-32245)."""
    house = LoginHouse(("staff", "partners"))
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff")
    before = house.outbound()

    hop = await browser.open(callback.replace("/staff/", "/partners/"), follow=False)

    assert hop.status == 400
    assert house.outbound() == before
    assert (await browser.open(callback, follow=False)).status != 200


@pytest.mark.parametrize("issuer", [PARTNERS, "https://idp.example.test/", "", None])
async def test_x11_case14_the_issuer_is_checked_before_the_token_call(issuer):
    """A code of another provider is not even shown to this one (RFC 9207)."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff")

    hop = await browser.open(changed(callback, iss=issuer), follow=False)

    assert hop.status == 400
    assert "/token" not in house.outbound()


async def test_x11_the_provider_checks_the_arrival_before_it_redeems_the_code():
    """The order is the flow's, whatever a provider repeats inside."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff")
    called = []

    class Watched:
        code_names = ("code",)

        def __init__(self, provider):
            self.provider = provider

        def check_arrival(self, arrival):
            called.append("check_arrival")
            return self.provider.check_arrival(arrival)

        def arrive(self, arrival, now):
            called.append("arrive")
            return self.provider.arrive(arrival, now)

    object.__setattr__(house.flow, "providers", {"staff": Watched(house.flow.providers["staff"])})
    await browser.open(callback, follow=False)

    assert called == ["check_arrival", "arrive"]


@pytest.mark.parametrize("state", ["", "x", STATE + "=", "A" * 9000])
async def test_w34_a_state_of_another_form_is_not_even_looked_for(state):
    """No key of the store is made of it."""
    house = LoginHouse()
    house.store.calls.clear()

    hop = await house.browser().open(f"{CALLBACK}?code=x&state={state}", follow=False)

    assert hop.status == 400
    assert house.store.calls == []


async def test_t55_a_used_callback_of_another_browser_begins_nothing():
    """What is left of an attempt belongs to its browser too."""
    house = LoginHouse()
    browser, thief = house.browser(), house.browser()
    await thief.open(f"{AUTH}/auth/staff", follow=False)
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/private")
    await browser.open(callback, follow=False)

    hop = await thief.open(callback, follow=False)

    assert hop.status == 400
    assert "private" not in hop.response.text + hop.location


async def test_t43_guessing_states_is_limited_like_beginning():
    """By address prefix, in the same minute."""
    house = LoginHouse(login={"per_prefix": 5})
    browser = house.browser()

    statuses = [
        (await browser.open(f"{CALLBACK}?code=x&state={STATE}", follow=False)).status for _ in range(7)
    ]

    assert statuses == [400] * 5 + [429] * 2


async def test_t55_t43_case3_a_callback_works_once():
    """Replayed by its browser it begins anew or goes on; a second token call is never made with it."""
    house = LoginHouse()
    browser, thief = house.browser(), house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/x")
    await browser.open(callback, follow=False)

    again = await browser.open(callback, follow=False)
    stolen = await thief.open(callback, follow=False)

    assert again.location == f"{APP}/x"
    assert "set-cookie" not in again.response.headers
    assert stolen.status == 400
    assert house.outbound().count("/token") == 1
    assert len(house.session_keys()) == 1


async def test_t43_case4_an_attempt_runs_out():
    """Ten minutes after its beginning nothing of it is left."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff")

    house.clock.advance(601)
    hop = await browser.open(callback, follow=False)

    assert hop.status == 400
    assert "/token" not in house.outbound()


async def test_t43_a_flood_of_beginnings_is_bounded():
    """By address prefix in a minute, by browser, and over everybody; what falls out is deleted."""
    house = LoginHouse(login={"open_attempts": 100, "per_prefix": 60})
    for number in range(80):
        await house.browser(peer=f"198.51.100.{number}").open(f"{AUTH}/auth/staff", follow=False)
    assert attempts(house) == 60

    for number in range(200):
        await house.browser(peer=f"203.0.{number}.1").open(f"{AUTH}/auth/staff", follow=False)

    assert attempts(house) == 100


async def test_t43_p12_a_flood_from_one_prefix_locks_nobody_else_out():
    """The heaviest gives way: somebody who holds little gets a place."""
    house = LoginHouse(login={"open_attempts": 100, "per_prefix": 1000})
    for _ in range(150):
        await house.browser(peer="198.51.100.1").open(f"{AUTH}/auth/staff", follow=False)

    last = await house.browser(peer="192.0.2.1").open(f"{AUTH}/auth/staff?rd={APP}/x")

    assert last.url == f"{APP}/x"


async def test_t43_w32_case1_twenty_tabs_need_one_cookie_and_keep_seven_attempts():
    """The newest seven of a browser stay; no cookie grows with them."""
    house = LoginHouse()
    browser = house.browser()
    callbacks = [await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/{n}") for n in range(20)]

    assert attempts(house) == 7
    assert [cookie.name for cookie in browser.jar.cookies] == ["__Host-gw-login"]
    oldest = await browser.open(callbacks[0], follow=False)
    newest = await browser.open(callbacks[-1], follow=False)
    assert (oldest.status, newest.location) == (400, f"{APP}/19")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, id="image"),
        pytest.param({"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, id="fetch"),
        pytest.param({"sec-fetch-dest": "iframe"}, id="frame"),
        pytest.param({"sec-purpose": "prefetch;prerender"}, id="prerender"),
        pytest.param({"purpose": "prefetch"}, id="prefetch"),
    ],
)
@pytest.mark.parametrize("path", ["login", "staff"])
async def test_w32_only_a_person_who_opens_a_page_begins_a_login(path, headers):
    """Assets and background requests get no attempt and no cookie."""
    house = LoginHouse()

    hop = await house.browser().open(f"{AUTH}/auth/{path}", headers=headers, follow=False)

    assert hop.status == 400
    assert "set-cookie" not in hop.response.headers
    assert attempts(house) == 0


@pytest.mark.parametrize(
    "query",
    [
        "error=<svg onload=1>&error_description=<script>alert(1)</script>",
        'error="><script>alert(1)</script>',
        "error=access_denied&error_description=<svg onload=1>&error_uri=javascript:alert(1)",
        "error={{7*7}}&error_description={{config}}",
        "error=",
    ],
)
async def test_t52_a_page_never_repeats_what_a_provider_or_a_link_says(query):
    """With a good state and without one (CVE-2023-52430); the answer carries a strict policy."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff")
    state = dict(parse_qsl(urlsplit(callback).query))["state"]

    for ending in (f"&state={state}", ""):
        hop = await browser.open(
            f"{CALLBACK}?{query}{ending}", follow=False, headers={"referer": "javascript:alert(1)//</script>"}
        )

        assert hop.status in {400, 403}
        assert not any(word in hop.response.text for word in ("svg onload", "script", "alert", "49", "{{"))
        policy = hop.response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    said = [event for event in house.events if isinstance(event, LoginFinished)]
    assert not any("svg" in repr(event) or "script" in repr(event) for event in said)


async def test_t52_a_claim_is_text_and_never_markup():
    """A name out of the provider is escaped where it is shown."""
    house = LoginHouse()
    house.scripts["staff"].person["name"] = "</pre></bdi><script>alert(1)</script>"
    browser = house.browser()

    await browser.open(f"{AUTH}/auth/login")
    page = await browser.open(f"{AUTH}/users/me")

    assert "<script>" not in page.response.text
    assert "&lt;script&gt;" in page.response.text


@pytest.mark.parametrize(
    "path",
    [
        "/admin%22%3E%3Cscript%3Ealert(1)%3C/script%3E/login",
        "/auth/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/auth/static/%3Cimg%20src=x%20onerror=alert(1)%3E",
        "/settings/mfa/delete/<img src=x onerror=alert(1)>",
        "/users/me/%22onmouseover=alert(1)",
    ],
)
async def test_p16_no_page_repeats_its_path(path):
    """The 404 has nothing of the address in it."""
    hop = await LoginHouse().browser().open(f"{AUTH}{path}")

    assert hop.status == 404
    assert "alert" not in hop.response.text


@pytest.mark.parametrize(
    "path", ["..%2f..%2fetc%2fpasswd", "../../../etc/passwd", "%2e%2e/locales/en.json", "....//x", "."]
)
async def test_w20_static_files_are_looked_up_by_name_alone(path):
    """There is no path to traverse."""
    hop = await LoginHouse().browser().open(f"{AUTH}/auth/static/{path}", follow=False)

    assert hop.status == 404


async def test_p10_two_hundred_parallel_logins_each_get_their_own_person():
    """No attribute of a shared object holds anything of a request (CVE-2026-33544)."""
    house = LoginHouse(login={"per_prefix": 1000})
    script, honest = house.scripts["staff"], house.scripts["staff"]._redeem

    def redeem(form):
        request = script.codes.get(form["code"])
        script.person = script.person | {"sub": request["sub"], "preferred_username": request["sub"]}
        return honest(form)

    script._redeem = redeem

    delays = itertools.cycle([3, 0, 5, 1, 0, 4, 2])

    async def run(flow, *, provider):
        try:
            ask = next(flow)
            while True:
                for _ in range(next(delays)):
                    await asyncio.sleep(0)
                ask = flow.send(script.answer(ask))
        except StopIteration as end:
            return end.value

    object.__setattr__(house.flow, "run", run)

    async def log_in(number):
        browser = house.browser()
        await asyncio.sleep(0)
        callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={APP}/{number}")
        code = dict(parse_qsl(urlsplit(callback).query))["code"]
        script.codes[code] = script.codes[code] | {"sub": f"u-{number % 20}"}
        done = await browser.open(callback, follow=False)
        me = await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})
        return done.location, me.response.json()["user"]

    found = await asyncio.gather(*[log_in(number) for number in range(200)])

    assert found == [(f"{APP}/{number}", f"u-{number % 20}") for number in range(200)]


async def test_w7_parallel_logins_on_two_layouts_keep_their_own_callback():
    """The callback is a value of the attempt, and never of the process."""
    first, second = LoginHouse(), LoginHouse(public_url=f"{APP}/_gateway", hosts=[APP], sessions={})

    begun = await asyncio.gather(
        first.browser().open(f"{AUTH}/auth/staff", follow=False),
        _on(second, APP).open(f"{APP}/_gateway/auth/staff", follow=False),
    )

    callbacks = [dict(parse_qsl(urlsplit(hop.location).query))["redirect_uri"] for hop in begun]
    assert callbacks == [CALLBACK, f"{APP}/_gateway/auth/staff/callback"]


@pytest.mark.parametrize("kind", ["living", "deleted", "foreign", "junk"])
async def test_t38_x4_case11_a_cookie_planted_before_the_login_is_worth_nothing_after_it(kind):
    """Session fixation: always a new id and a new key."""
    house = LoginHouse()
    attacker, victim = house.browser(), house.browser()
    await attacker.open(f"{AUTH}/auth/login")
    planted = attacker.jar.get("__Secure-gw").value
    if kind == "deleted":
        house.store.records.clear()
    if kind == "foreign":
        planted = planted[:-3] + "AAA"
    if kind == "junk":
        planted = "%%%"
    callback = await house.callback_of(victim, f"{AUTH}/auth/staff?rd={APP}/x")
    victim.jar.plant("https://example.com/", "__Secure-gw", planted, host_only=False)

    await victim.open(callback, follow=False)

    minted = victim.jar.get("__Secure-gw").value
    assert minted != planted
    attacker.jar.cookies = []
    attacker.jar.plant("https://example.com/", "__Secure-gw", planted, host_only=False)
    assert (await attacker.open(f"{AUTH}/users/me")).status == 401
    assert (await victim.open(f"{AUTH}/users/me")).status == 200


async def test_w33_a_stale_tab_takes_no_session_away():
    """A callback or a page that fails clears no cookie."""
    house = LoginHouse()
    browser = house.browser()
    stale = await house.callback_of(browser, f"{AUTH}/auth/staff")
    house.clock.advance(601)
    await browser.open(f"{AUTH}/auth/login")

    for path in (stale, CALLBACK, f"{AUTH}/auth/signed-out", f"{AUTH}/nowhere"):
        hop = await browser.open(path, follow=False)

        assert "set-cookie" not in hop.response.headers
    assert (await browser.open(f"{AUTH}/users/me")).status == 200


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout?token=x", "/auth/signed-out"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_x16_no_get_signs_anybody_out(path, method):
    """An image tag is a GET."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login")

    await browser._go(method, f"{AUTH}{path}", headers={"sec-fetch-dest": "image"})

    assert (await browser.open(f"{AUTH}/users/me")).status == 200


@pytest.mark.parametrize(
    ("origin", "form", "headers"),
    [
        pytest.param("https://evil.test", {}, {}, id="another site"),
        pytest.param(APP, {}, {}, id="a neighbour"),
        pytest.param(AUTH, {}, {}, id="our page, no token"),
        pytest.param(AUTH, {"token": "A" * 64}, {}, id="our page, made-up token"),
        pytest.param(AUTH, {"token": ""}, {}, id="our page, empty token"),
        pytest.param(
            "https://evil.test", {}, {"sec-fetch-site": "cross-site"}, id="with the cookie after all"
        ),
    ],
)
async def test_x16_a_logout_is_sent_from_our_own_page(origin, form, headers):
    """Fetch metadata and a token of the session, both; refused, nothing is cleared."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login")
    cookie = f"__Secure-gw={browser.jar.get('__Secure-gw').value}"

    hop = await browser.submit(
        f"{AUTH}/auth/logout", form, origin=origin, headers={**headers, "cookie": cookie}, follow=False
    )

    assert hop.status == 403
    assert "set-cookie" not in hop.response.headers
    assert (await browser.open(f"{AUTH}/users/me")).status == 200


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "cross-site"}])
async def test_x16_a_good_token_from_a_foreign_page_is_refused(headers):
    """The two proofs are independent: a leaked token alone ends nothing."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login")
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    cookie = f"__Secure-gw={browser.jar.get('__Secure-gw').value}"

    hop = await browser.submit(
        f"{AUTH}/auth/logout",
        {"token": token},
        origin=APP,
        headers={**headers, "cookie": cookie},
        follow=False,
    )

    assert hop.status == 403
    assert (await browser.open(f"{AUTH}/users/me")).status == 200


async def test_x16_a_token_of_one_session_signs_no_other_one_out():
    """The token is bound to the ticket."""
    house = LoginHouse()
    attacker, victim = house.browser(), house.browser()
    await attacker.open(f"{AUTH}/auth/login")
    await victim.open(f"{AUTH}/auth/login")
    page = await attacker.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]

    hop = await victim.submit(f"{AUTH}/auth/logout", {"token": token}, follow=False)

    assert hop.status == 403
    assert (await victim.open(f"{AUTH}/users/me")).status == 200


async def test_x16_a_form_of_another_site_clears_no_cookie():
    """SameSite=Lax keeps our cookie away from it, so that it looks like nobody; nobody has nothing to clear."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login")

    hop = await browser.submit(f"{AUTH}/auth/logout", {}, origin="https://evil.test", follow=False)

    assert "cookie" not in hop.sent
    assert "set-cookie" not in hop.response.headers


async def test_p23_t46_a_copied_cookie_is_dead_after_the_logout():
    """The record goes first (CVE-2024-21492)."""
    house = LoginHouse()
    browser, thief = house.browser(), house.browser()
    await browser.open(f"{AUTH}/auth/login")
    thief.jar.plant(AUTH, "__Secure-gw", browser.jar.get("__Secure-gw").value)
    page = await browser.open(f"{AUTH}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]

    await browser.submit(f"{AUTH}/auth/logout", {"token": token})

    assert (await thief.open(f"{AUTH}/users/me")).status == 401


async def test_t22_no_token_of_the_provider_is_shown():
    """Neither the page nor the JSON of /users/me holds one (GO-2024-2965)."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login")

    for accept in ("text/html", "application/json"):
        hop = await browser.open(f"{AUTH}/users/me", headers={"accept": accept})

        assert hop.status == 200
        assert not any(word in hop.response.text for word in ("access-", "refresh-", "eyJ", "token"))


async def test_w15_no_secret_is_in_an_event_or_a_repr(caplog):
    """State, code, verifier, cookies: nothing of a login that opens anything is ever written down."""
    caplog.set_level(logging.DEBUG)
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff?rd={OTHER}/secret-path")
    await browser.open(callback, follow=False)

    secrets = [*dict(parse_qsl(urlsplit(callback).query)).values()][:2]
    # The one cookie that is no secret says which provider was used last.
    secrets += [cookie.value for cookie in browser.jar.cookies if not cookie.name.endswith("-provider")]
    ours = [
        record.getMessage() for record in caplog.records if record.name != "httpx"
    ]  # httpx is the browser
    written = repr(house.events) + repr(house.flow) + "".join(ours)
    assert not [secret for secret in secrets if secret in written]


def attempts(house):
    """Stored attempts that have not run out."""
    return len([key for key in house.store.plain if key.startswith("attempt:")])


def _on(house, origin):
    browser = house.browser()
    browser.origins = {**browser.origins, origin: house.app}
    return browser
