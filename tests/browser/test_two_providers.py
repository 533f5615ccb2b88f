"""Several providers on one chooser: Keycloak, `oidc-provider`, and one without OpenID Connect; behind nginx."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from gateway.settings.model import Settings
from tests.kit.chromium import chromium
from tests.kit.journey import SECRET, header, said, sign_in
from tests.kit.keycloak import Keycloak
from tests.kit.oidc_provider import OidcProvider, oidc_provider
from tests.kit.real_gateway import ISSUER, RealGateway
from tests.kit.scene import APP, Scene, open_scene
from tests.kit.scripted_provider import reply
from tests.kit.vendors.plain import Plain
from tests.kit.vendors.vendor import serve

pytestmark = [pytest.mark.browser, pytest.mark.live]

RULES = [
    {"name": "public", "paths": ["/public"], "allow": "public"},
    {"name": "partners", "paths": ["/partners/**"], "providers": ["partner"], "allow": "authenticated"},
    {"name": "admins", "paths": ["/admin/**"], "allow": {"groups": ["staff:admins"]}},
    {"name": "all", "allow": "authenticated"},
]


@dataclass(frozen=True)
class Place:
    """What runs, and the browser in front of it."""

    scene: Scene
    browser: BrowserContext
    partner: OidcProvider
    forum: Plain

    @property
    def origin(self) -> str:
        return f"http://{APP}:{self.scene.proxy.port}"

    def decision(self, name: str) -> dict[str, Any]:
        """The latest event of this name in the log."""
        lines = [json.loads(line) for line in self.scene.gateway.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name][-1]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, keycloak: Keycloak) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("providers")
    with ExitStack() as stack:
        forum = Plain(time.time)
        stack.enter_context(serve(forum))
        partners: list[OidcProvider] = []

        def gateway(settings: Settings) -> RealGateway:
            issuer = stack.enter_context(staff(settings, keycloak))
            return _gateway(settings, folder, stack, partners, forum, issuer)

        scene = open_scene("nginx", folder, gateway=gateway)
        stack.callback(scene.stop)
        browser = stack.enter_context(chromium("--host-resolver-rules=MAP *.localhost 127.0.0.1"))
        yield Place(scene, browser, partners[0], forum)


def staff(settings: Settings, keycloak: Keycloak) -> AbstractContextManager[str]:
    """The realm of the staff; its issuer."""
    home = settings.public_url
    return keycloak([f"{home}/auth/staff/callback"], [f"{home}/auth/signed-out"])


def _gateway(
    settings: Settings,
    folder: Path,
    stack: ExitStack,
    partners: list[OidcProvider],
    forum: Plain,
    issuer: str,
) -> RealGateway:
    home, signed_out = settings.public_url, f"{settings.public_url}/auth/signed-out"
    partner = stack.enter_context(
        oidc_provider(
            redirect_uris=[f"{home}/auth/partner/callback"],
            post_logout_redirect_uris=[signed_out],
            client_secret=SECRET,
        )
    )
    partners.append(partner)
    common = {"client_id": "gateway", "client_secret": "${TEST_CLIENT_SECRET}", "anyone": True}
    sections = {
        "staff": {**common, "type": "keycloak", "title": "Staff", "issuer": issuer, "user": "staff:{preferred_username}"},
        "partner": {
            **common,
            "title": "Partner",
            "issuer": partner.issuer,
            "user": "partner:{preferred_username}",
            "scopes": ["openid", "profile", "email", "offline_access"],
            "prompt": "consent",
        },
        "forum": forum.section(title="Forum", user="forum:{login}", client_secret="${FORUM_CLIENT_SECRET}"),
    }  # fmt: skip
    sections["gone"] = {**common, "title": "Gone", "issuer": ISSUER, "user": "gone:{preferred_username}"}
    written = {"providers": sections, "rules": RULES}
    environment = {"TEST_CLIENT_SECRET": SECRET, "FORUM_CLIENT_SECRET": forum.client_secret}
    return RealGateway(settings, folder, written, environment)


@pytest.fixture
def page(place: Place) -> Iterator[Page]:
    place.browser.clear_cookies()
    page = place.browser.new_page()
    yield page
    page.close()


def choose(page: Page, title: str) -> None:
    page.get_by_role("link", name=title).click()


def at_keycloak(page: Page, name: str) -> None:
    page.fill("#username", name)
    page.fill("#password", name)
    page.click("#kc-login")


def test_two_providers_on_one_chooser_make_one_session_of_two_people(place, page):
    """Each rule is judged by its own login, and the second one adds to the first."""
    page.goto(f"{place.origin}/work?a=1")
    assert [one.split("\n")[-1].strip() for one in page.locator(".choices a").all_inner_texts()] == [
        "Continue with Forum",
        "Continue with Gone",
        "Continue with Partner",
        "Continue with Staff",
    ]

    choose(page, "Staff")
    at_keycloak(page, "ada")
    assert page.url == f"{place.origin}/work?a=1"
    staff = said(page)
    assert header(staff, "x-auth-user") == ["staff:ada"]
    assert header(staff, "x-auth-groups") == ["staff:admins"]
    assert header(staff, "x-auth-provider") == ["staff"]

    # The rule of the partners wants their login: with one provider left there is nothing to choose.
    page.goto(f"{place.origin}/partners/x")
    sign_in(page, "ada")
    assert page.url == f"{place.origin}/partners/x"
    partner = said(page)
    assert header(partner, "x-auth-user") == ["partner:ada"]
    assert header(partner, "x-auth-groups") == ["partner:admins,partner:staff"]
    assert header(partner, "x-auth-subject") != header(staff, "x-auth-subject")

    # Both at once, and neither is the other: the latest login is no admin of the staff, so admins are asked …
    answer = page.goto(f"{place.origin}/admin/x")
    assert answer.status == 403
    page.goto(f"{place.origin}/partners/y")
    assert header(said(page), "x-auth-user") == ["partner:ada"]


def test_after_a_logout_the_chooser_asks_again_and_remembers_what_was_used(place, page):
    """Nobody is signed in again by looking at the page."""
    page.goto(f"{place.origin}/work")
    choose(page, "Partner")
    sign_in(page, "ben")
    assert header(said(page), "x-auth-user") == ["partner:ben"]

    page.goto(f"{place.scene.settings.public_url}/auth/logout")
    page.click("button[type=submit]")
    if not page.url.startswith(place.origin):
        page.click("button[value=yes]")
    page.goto(f"{place.origin}/work")

    titles = page.locator(".choices a").all_inner_texts()
    assert len(titles) == 4
    assert "Partner" in titles[0]
    assert page.url.startswith(f"{place.scene.settings.public_url}/auth/login")


def test_a_provider_without_openid_connect_signs_in_too(place, page):
    """It is asked who it was."""
    page.goto(f"{place.origin}/work")
    choose(page, "Forum")
    page.click("button[value=alice]")

    assert header(said(page), "x-auth-user") == ["forum:alice"]
    assert header(said(page), "x-auth-subject") == ["forum:7"]


def kind(page: Page, place: Place, heading: str) -> dict[str, Any]:
    """The page of a failure: what happened, what to do, and the reference under which the log knows it."""
    assert page.locator("h1").inner_text() == heading
    reference = page.locator("footer code").inner_text()
    told = place.decision("login.finished")
    assert told["decision_id"] == reference
    return told


def test_denied_consent_is_said_kindly(place, page):
    """And starts again by itself never."""
    page.goto(f"{place.origin}/work")
    choose(page, "Forum")
    page.click("button[name=refuse]")

    told = kind(page, place, "Sign-in was cancelled")
    assert told["reason"] == "consent_denied"


def test_an_expired_code_is_said_kindly(place, page, monkeypatch):
    """Who took too long begins again."""
    monkeypatch.setattr(place.forum, "code_life", -1)
    page.goto(f"{place.origin}/work")
    choose(page, "Forum")
    page.click("button[value=alice]")

    told = kind(page, place, "This sign-in is used up")
    assert told["reason"] == "code_spent"


@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_provider_that_is_down_is_said_kindly(place, page, when):
    """Be it there before the person leaves, or not any more when they come back; the others still sign people in."""
    page.goto(f"{place.origin}/work")
    if when == "before":
        choose(page, "Gone")
    else:
        place.forum.instead["/token"] = [reply(503, {})]
        choose(page, "Forum")
        page.click("button[value=alice]")

    told = kind(page, place, "Identity provider not reachable")
    assert told["reason"] == "provider_down"
    page.goto(f"{place.origin}/work")
    choose(page, "Forum")
    page.click("button[value=alice]")
    assert header(said(page), "x-auth-user") == ["forum:alice"]
