"""The other cookie layout: `auth.` beside `app.` under a parent domain, over TLS, in a real browser."""

import pytest

from tests.kit.house import house
from tests.kit.journey import header, said, sign_in, sign_out
from tests.kit.scene import AUTH, DOMAIN, WIKI

pytestmark = [pytest.mark.browser, pytest.mark.live]

RULES = [
    {"name": "public", "paths": ["/public"], "allow": "public"},
    {"name": "admins", "hosts": [WIKI], "allow": {"groups": ["admins"]}},
    {"name": "rest", "allow": "authenticated"},
]


@pytest.mark.parametrize("kind", ["nginx", "traefik", "caddy", "haproxy"])
def test_one_login_serves_every_host_under_the_parent_domain(kind, tmp_path):
    """Sign in for one application, be known at the next, and leave both with one logout."""
    with house(kind, tmp_path, layout="beside", tls=True, changes={"rules": RULES}) as here:
        page = here.browser.new_page()

        page.goto(f"{here.origin}/a?x=1&y=%20")
        assert page.url.startswith(here.provider.issuer)
        sign_in(page, "ben")
        assert page.url == f"{here.origin}/a?x=1&y=%20"
        assert header(said(page), "x-auth-user") == ["ben"]

        cookies = {one["name"]: one for one in here.browser.cookies()}
        session, attempt = cookies["__Secure-gw"], cookies["__Host-gw-login"]
        assert session["domain"] == f".{DOMAIN}"
        assert (session["secure"], session["httpOnly"], session["sameSite"]) == (True, True, "Lax")
        assert attempt["domain"] == AUTH

        # The other host knows the person too, and says no for a reason of its own: no second login would help.
        answer = page.goto(f"{here.origin_of(WIKI)}/")
        assert answer is not None
        assert answer.status == 403
        assert page.inner_text("h1") == "No access"
        # The page of a 403 stands on the application's host; its style sheet comes from the gateway's.
        width = page.evaluate("getComputedStyle(document.querySelector('main')).borderRadius")
        assert width != "0px"

        sign_out(page, here.home)
        assert here.cookie == ""
        page.goto(f"{here.origin}/a")
        assert page.url.startswith((here.provider.issuer, f"{here.home}/auth/login"))
