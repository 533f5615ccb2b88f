"""The main job, end to end: a real browser, a real proxy, a certified provider, and an application that is told who
is there.

    anonymous page → login → the page asked for → identity and assertion → refresh unnoticed → logout → dead cookie
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from gateway.keys.jwks import KeySet, Profile, verify
from gateway.settings.model import Settings
from tests.kit.chromium import chromium
from tests.kit.journey import SECRET, header, said, sign_in, sign_out
from tests.kit.oidc_provider import OidcProvider, oidc_provider
from tests.kit.real_gateway import RealGateway
from tests.kit.redis_server import RedisServer, require_redis
from tests.kit.scene import APP, Scene, open_scene

pytestmark = [pytest.mark.browser, pytest.mark.live]

ASKED_FOR = "/reports/2026?month=11&sort=a%2Fb"
TOKEN_SECONDS = 8


@dataclass(frozen=True)
class House:
    """Everything that runs, and the browser in front of it."""

    scene: Scene
    gateway: RealGateway
    provider: OidcProvider
    browser: BrowserContext

    @property
    def origin(self) -> str:
        return f"http://{APP}:{self.scene.proxy.port}"

    @property
    def cookie(self) -> str:
        """The session cookie as the browser would send it."""
        found = [one for one in self.browser.cookies() if one["name"] == "gw"]
        return f"gw={found[0]['value']}" if found else ""


@contextmanager
def house(kind: str, folder: Path, store: str = "") -> Iterator[House]:
    """A scene with a real gateway and a real provider that knows it."""
    providers: list[Any] = []

    def gateway(settings: Settings) -> RealGateway:
        home = settings.public_url
        context = oidc_provider(
            redirect_uris=[f"{home}/auth/test/callback"],
            post_logout_redirect_uris=[f"{home}/auth/signed-out"],
            client_secret=SECRET,
            access_token_ttl=TOKEN_SECONDS,
        )
        providers.append(context)
        provider = context.__enter__()
        providers.append(provider)
        section = {
            "issuer": provider.issuer,
            "client_id": "gateway",
            "client_secret": "${TEST_CLIENT_SECRET}",
            "scopes": ["openid", "profile", "email", "offline_access"],
            "prompt": "consent",
            "anyone": True,
        }
        written: dict[str, Any] = {"providers": {"test": section}}
        if store:
            written["store"] = store
        return RealGateway(settings, folder, written, {"TEST_CLIENT_SECRET": SECRET})

    scene = open_scene(kind, folder, gateway=gateway)
    context, provider = providers
    try:
        with chromium("--host-resolver-rules=MAP *.localhost 127.0.0.1") as browser:
            yield House(scene, scene.gateway, provider, browser)
    finally:
        scene.stop()
        context.__exit__(None, None, None)


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
    with house(kind, tmp_path, store) as here:
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
        issuer=f"{here.origin}/_gateway",
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
    sign_out(page, f"{here.origin}/_gateway")
    assert here.cookie == ""
    assert here.scene.ask("/x", headers=[("Cookie", stolen)]).status == 401
