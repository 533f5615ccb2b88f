"""The main job, end to end: a real browser, a real proxy, a certified provider, and an application that is told who
is there.

    anonymous page → login → the page asked for → identity and assertion → refresh unnoticed → logout → dead cookie
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from gateway.keys.jwks import KeySet, Profile, verify
from tests.kit.house import House, house
from tests.kit.journey import header, said, sign_in, sign_out
from tests.kit.redis_server import RedisServer, require_redis
from tests.kit.scene import APP

pytestmark = [pytest.mark.browser, pytest.mark.live]

ASKED_FOR = "/reports/2026?month=11&sort=a%2Fb"
TOKEN_SECONDS = 8


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The embedded store, or a Redis of the test's own."""
    if request.param == "sqlite":
        yield ""
        return
    require_redis()
    (tmp_path / "redis").mkdir()
    with RedisServer(tmp_path / "redis") as redis:
        yield redis.url


@pytest.mark.parametrize(
    ("kind", "store"),
    [("nginx", "sqlite"), ("traefik", "redis"), ("caddy", "sqlite"), ("haproxy", "redis")],
    indirect=["store"],
)
def test_a_person_signs_in_works_and_signs_out(kind, store, tmp_path):
    """The whole journey, through each proxy, over both stores."""
    with house(kind, tmp_path, store=store, token_seconds=TOKEN_SECONDS) as here:
        page = here.browser.new_page()

        # An anonymous page leads to the provider, and back to the very page that was asked for.
        page.goto(f"{here.origin}{ASKED_FOR}")
        assert page.url.startswith(here.provider.issuer)
        sign_in(page, "ada")
        assert page.url == f"{here.origin}{ASKED_FOR}"

        # The application knows who it is, from headers and from an assertion that it can verify.
        first = said(page)
        assert first["target"] == ASKED_FOR
        assert header(first, "x-auth-user") == ["ada"]
        assert header(first, "x-auth-email") == ["ada@example.com"]
        assert header(first, "x-auth-groups") == ["admins,staff"]
        check_assertion(here, header(first, "x-auth-assertion")[0])
        assert "gw=" not in "".join(header(first, "cookie"))

        # A program on the page is answered as a program.
        check_programs(page)

        # Tokens end; the person does not notice.
        refreshed_unnoticed(here, page)

        # Logout asks, ends at the gateway's own page, and the old cookie is dead.
        dead_after_logout(here, page)


def check_assertion(here: House, token: str) -> None:
    answer = here.scene.ask("/_gateway/.well-known/jwks.json")
    assert "max-age" in answer.first("cache-control")
    profile = Profile(
        typ=frozenset({"assertion+jwt"}),
        algorithms=("ES256",),
        issuer=here.home,
        audience=APP,
        required=("exp", "iat", "sub"),
        leeway=0,
    )
    claims = verify(token, KeySet.parse(json.loads(answer.body)), profile, time.time())
    assert claims["sub"] == "test:ada"
    assert claims["groups"] == ["admins", "staff"]


def check_programs(page: Page) -> None:
    """fetch() with the session passes; without cookies it gets JSON and no redirect."""
    outcome = page.evaluate(
        """async () => {
            const mine = await fetch('/api/data');
            const none = await fetch('/api/data', {credentials: 'omit', redirect: 'manual'});
            return {mine: mine.status, none: none.status, type: none.type, body: await none.json()};
        }"""
    )
    assert outcome["mine"] == 200
    assert (outcome["none"], outcome["type"]) == (401, "basic")
    # nginx shows the program's answer by a second request, which says the same.
    assert "/auth/login" in outcome["body"]["login_url"]


def refreshed_unnoticed(here: House, page: Page) -> None:
    end = time.monotonic() + 4 * TOKEN_SECONDS
    while here.provider.asked("refresh_token") == 0:
        assert time.monotonic() < end, "no refresh was asked for"
        page.goto(f"{here.origin}/again")
        assert header(said(page), "x-auth-user") == ["ada"]
        time.sleep(0.5)
    time.sleep(TOKEN_SECONDS)  # longer than the first token lived
    page.goto(f"{here.origin}/still")
    assert header(said(page), "x-auth-user") == ["ada"]


def dead_after_logout(here: House, page: Page) -> None:
    stolen = here.cookie
    assert here.scene.ask("/x", headers=[("Cookie", stolen)]).status == 200
    sign_out(page, here.home)
    assert here.cookie == ""
    assert here.scene.ask("/x", headers=[("Cookie", stolen)]).status == 401
