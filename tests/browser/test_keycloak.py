"""The journey once more with Keycloak, whose tokens, groups and logout have habits of their own, through Traefik."""

import time
from contextlib import ExitStack
from typing import Any

import pytest

from gateway.settings.model import Settings
from tests.kit.chromium import chromium
from tests.kit.journey import header, said
from tests.kit.real_gateway import RealGateway
from tests.kit.scene import APP, open_scene

pytestmark = [pytest.mark.browser, pytest.mark.live]

TOKEN_SECONDS = 10


def test_a_person_of_keycloak_signs_in_is_refreshed_and_signs_out(tmp_path, keycloak):
    """Groups arrive, short tokens are refreshed unnoticed, and logout ends Keycloak's session too."""
    with ExitStack() as stack:

        def gateway(settings: Settings) -> RealGateway:
            home = settings.public_url
            issuer = stack.enter_context(
                keycloak([f"{home}/auth/keycloak/callback"], [f"{home}/auth/signed-out"], TOKEN_SECONDS)
            )
            section = {
                "issuer": issuer,
                "client_id": "gateway",
                "client_secret": "${TEST_CLIENT_SECRET}",
                "anyone": True,
            }
            written: dict[str, Any] = {
                "providers": {"keycloak": section},
                "rules": [
                    {"paths": ["/admin/**"], "allow": {"groups": ["admins"]}},
                    {"paths": ["/public"], "allow": "public"},
                    {"allow": "authenticated"},
                ],
            }
            return RealGateway(settings, tmp_path, written, {"TEST_CLIENT_SECRET": "loopback-only"})

        scene = open_scene("traefik", tmp_path, gateway=gateway)
        stack.callback(scene.stop)
        browser = stack.enter_context(chromium("--host-resolver-rules=MAP *.localhost 127.0.0.1"))
        origin = f"http://{APP}:{scene.proxy.port}"
        page = browser.new_page()

        page.goto(f"{origin}/admin/x?y=1")
        assert "/realms/test-" in page.url
        page.fill("#username", "ada")
        page.fill("#password", "ada")
        page.click("#kc-login")
        assert page.url == f"{origin}/admin/x?y=1"
        first = said(page)
        assert header(first, "x-auth-user") == ["ada"]
        assert header(first, "x-auth-groups") == ["admins"]
        assert header(first, "x-auth-email") == ["ada@example.com"]

        end = time.monotonic() + 2.5 * TOKEN_SECONDS
        while time.monotonic() < end:
            answer = page.goto(f"{origin}/admin/again")
            assert answer is not None
            assert answer.status == 200
            time.sleep(1)
        assert '"refresh.finished"' in scene.gateway.log
        assert (
            '"outcome": "ok"'
            in [line for line in scene.gateway.log.splitlines() if '"refresh.finished"' in line][-1]
        )

        page.goto(f"{origin}/_gateway/auth/logout")
        page.click("button[type=submit]")
        assert page.url.startswith(f"{origin}/_gateway/auth/signed-out")
        page.goto(f"{origin}/admin/x")
        # Keycloak has forgotten the person too: it asks for the password again.
        if "/auth/login" in page.url:
            page.click("main a")
        assert page.wait_for_selector("#password") is not None
