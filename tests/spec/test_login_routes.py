"""The login's door: methods, forms of answers, and pages for everything that can go wrong."""

import pytest

from tests.kit.login_door import APP, AUTH, LoginHouse

pytestmark = pytest.mark.anyio

JSON = {"accept": "application/json"}
PATHS = {
    "/auth/login": "GET, HEAD",
    "/auth/staff": "GET, HEAD",
    "/auth/staff/callback": "GET, HEAD",
    "/auth/logout": "GET, HEAD, POST",
    "/auth/signed-out": "GET, HEAD",
    "/auth/static/gateway.css": "GET, HEAD",
    "/users/me": "GET, HEAD",
}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "TRACE"])
@pytest.mark.parametrize("path", PATHS)
async def test_another_method_is_refused_with_those_that_work(path, method):
    """RFC 9110 section 15.5.6."""
    hop = await LoginHouse().browser()._go(method, f"{AUTH}{path}", follow=False)

    assert hop.status == 405
    assert hop.response.headers["allow"] == PATHS[path]


@pytest.mark.parametrize("path", PATHS)
async def test_head_is_answered_without_a_body(path):
    """And it neither begins a login nor uses one up."""
    house = LoginHouse()
    browser = house.browser()
    callback = await house.callback_of(browser, f"{AUTH}/auth/staff")
    before = dict(house.store.plain)

    query = callback.partition("?")[2] if path.endswith("callback") else ""
    hop = await browser._go("HEAD", f"{AUTH}{path}?{query}", follow=False)

    assert hop.status in {200, 303, 401}
    assert hop.response.content == b""
    assert house.store.plain == before


async def test_me_as_json_says_who_is_signed_in():
    """Stable names, times in Unix seconds."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login")

    me = await browser.open(f"{AUTH}/users/me", headers=JSON)

    assert me.response.headers["content-type"] == "application/json"
    assert me.response.json() == {
        "subject": "staff:u-1",
        "user": "alice",
        "email": "alice@example.com",
        "email_verified": True,
        "name": "Alice Example",
        "groups": ["staff"],
        "provider": "staff",
        "authenticated_at": 1_800_000_000,
        "expires": 1_800_000_000 + 30 * 86_400,
    }


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/plain", ""])
async def test_a_program_that_is_not_signed_in_gets_problem_details(accept):
    """401 with a challenge (RFC 9457, RFC 9110 section 15.5.2)."""
    hop = await LoginHouse().browser().open(f"{AUTH}/users/me", headers={"accept": accept})

    assert hop.status == 401
    assert hop.response.headers["content-type"] == "application/problem+json"
    assert hop.response.headers["www-authenticate"] == 'Bearer realm="gateway"'
    body = hop.response.json()
    assert (body["status"], body["error"]) == (401, "unauthenticated")
    assert body["decision_id"].startswith("decision-")


async def test_a_person_who_is_not_signed_in_gets_a_page():
    """With the way in."""
    hop = await LoginHouse().browser().open(f"{AUTH}/users/me")

    assert hop.status == 401
    assert f'href="{AUTH}/auth/login"' in hop.response.text


@pytest.mark.parametrize(
    "path",
    [
        "/auth",
        "/auth/",
        "/auth/nobody",
        "/auth/nobody/callback",
        "/auth/static/x.css",
        "/verify/forward-auth",
        "/metrics",
        "/admin",
        "/debug",
        "/openapi.json",
    ],
)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_unknown_paths_are_404_as_a_page_or_as_json(path, accept):
    """Nothing of the other listeners is here (CVE-2022-24797)."""
    hop = await LoginHouse().browser().open(f"{AUTH}{path}", headers={"accept": accept}, follow=False)

    assert hop.status == 404
    assert ("json" in hop.response.headers["content-type"]) == (accept == "application/json")


async def test_the_style_sheet_may_be_kept_and_may_be_used_beside():
    """A 403 is shown on the application's host and takes its style from here."""
    hop = await LoginHouse().browser().open(f"{AUTH}/auth/static/gateway.css")

    assert hop.response.headers["content-type"] == "text/css; charset=utf-8"
    assert hop.response.headers["cache-control"] == "public, max-age=3600"
    assert hop.response.headers["cross-origin-resource-policy"] == "cross-origin"


async def test_every_page_carries_the_security_headers():
    """On errors too."""
    house = LoginHouse(("staff", "partners"))
    for path in ("/auth/login", "/auth/signed-out", "/users/me", "/nowhere", "/auth/staff/callback"):
        hop = await house.browser().open(f"{AUTH}{path}")

        headers = hop.response.headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers.get_list("cache-control") == ["no-store"]
        assert "strict-transport-security" in headers


async def test_the_logout_form_may_lead_to_the_provider():
    """Chromium holds form-action against the redirect after the form."""
    house = LoginHouse()
    browser = house.browser()
    await browser.open(f"{AUTH}/auth/login")

    page = await browser.open(f"{AUTH}/auth/logout")

    assert "form-action 'self' https://idp.example.test;" in page.response.headers["content-security-policy"]


@pytest.mark.parametrize("public_url", [f"{APP}/_gateway", f"{APP}/a/b"])
async def test_everything_works_below_a_path(public_url):
    """One host for the application and for us."""
    house = LoginHouse(public_url=public_url, hosts=[APP], sessions={})
    browser = house.browser()
    browser.origins = {**browser.origins, APP: house.app}

    await browser.open(f"{public_url}/auth/login", follow=True)
    me = await browser.open(f"{public_url}/users/me")
    page = await browser.open(f"{public_url}/auth/logout")
    token = page.response.text.partition('name="token" value="')[2].partition('"')[0]
    out = await browser.submit(f"{public_url}/auth/logout", {"token": token})

    assert browser.hops[2].location == f"{public_url}/users/me"
    assert me.status == 200
    assert out.url == f"{public_url}/auth/signed-out"
    assert {cookie.name for cookie in browser.jar.cookies} == {"__Host-gw-login", "__Host-gw-provider"}


async def test_a_bug_of_ours_is_a_page_and_an_alarm():
    """Nothing of the exception reaches a stranger, nor its text the log."""
    house = LoginHouse()

    async def broken(*arguments):
        raise RuntimeError("SECRET")

    object.__setattr__(house.visitors, "sessions", type("Broken", (), {"open": broken})())
    object.__setattr__(house.visitors, "session_spec", house.session_spec)
    browser = house.browser()
    cookie = await signed_cookie(house)
    hop = await browser.open(f"{AUTH}/users/me", headers={"cookie": cookie})

    assert hop.status == 500
    assert "SECRET" not in hop.response.text + repr(house.events)
    assert house.events[-1].what == "internal_error"


async def signed_cookie(house):
    from gateway.sessions.cookie import issue_ticket

    value, _ = issue_ticket(house.ring, house.session_spec, house.clock(), house.random)
    return f"{house.session_spec.name}={value}"
