"""A login with DingTalk in 简体中文, end to end: Chromium, nginx, the gateway as a process, DingTalk's stand-in."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page

from gateway.settings.model import Settings
from tests.kit.chromium import chromium
from tests.kit.journey import header, said
from tests.kit.real_gateway import RealGateway
from tests.kit.scene import APP, Scene, open_scene
from tests.kit.scripted_provider import page as maintenance
from tests.kit.vendors.dingtalk import ME, TOKEN, DingTalk
from tests.kit.vendors.feishu import Feishu
from tests.kit.vendors.vendor import SECRET, serve

pytestmark = [pytest.mark.browser, pytest.mark.live]

CORP = "ding-corp-1"
CHINESE = json.loads(
    (Path(__file__).parents[2] / "gateway" / "pages" / "locales" / "zh-Hans.json").read_text()
)
ASKED_FOR = "/reports/2026?month=11&q=%E9%92%89"


@dataclass(frozen=True)
class Office:
    """What runs, and a browser that prefers zh-CN."""

    scene: Scene
    vendor: DingTalk
    page: Page
    folder: Path

    @property
    def origin(self) -> str:
        return f"http://{APP}:{self.scene.proxy.port}"

    def choose(self) -> None:
        """From an anonymous page over the chooser to DingTalk."""
        self.page.goto(f"{self.origin}{ASKED_FOR}")
        self.page.get_by_role("link", name="钉钉").click()
        assert self.page.url.startswith(self.vendor.authorize_url)

    def look(self, name: str) -> None:
        """A screenshot, where somebody wants to look at it."""
        if folder := os.environ.get("SCREENSHOTS"):
            self.page.screenshot(path=f"{folder}/dingtalk-{name}.png", full_page=True)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        vendor, other = DingTalk(clock), Feishu(clock)
        here, there = stack.enter_context(serve(vendor)), stack.enter_context(serve(other))

        def gateway(settings: Settings) -> RealGateway:
            vendor.callbacks = frozenset({f"{settings.public_url}/auth/dingtalk/callback"})
            client = {"client_id": "gateway", "client_secret": "${TEST_CLIENT_SECRET}"}
            dingtalk = {
                "type": "dingtalk",
                "title": "钉钉",
                "corps": [CORP],
                "authorization_endpoint": vendor.authorize_url,
                "token_endpoint": f"{here}{TOKEN}",
                "userinfo_endpoint": f"{here}{ME}",
            }
            feishu = {
                "type": "feishu",
                "title": "飞书",
                "tenants": ["tenant-1"],
                "authorization_endpoint": f"{there}/open-apis/authen/v1/authorize",
            }
            written = {"providers": {"dingtalk": dingtalk | client, "feishu": feishu | client}}
            made = RealGateway(settings, tmp_path, written, {"TEST_CLIENT_SECRET": SECRET})
            made.cookie = "none=needed"
            return made

        scene = open_scene("nginx", tmp_path, gateway=gateway)
        stack.callback(scene.stop)
        browser = stack.enter_context(
            chromium("--host-resolver-rules=MAP *.localhost 127.0.0.1", locale="zh-CN")
        )
        yield Office(scene, vendor, browser.new_page(), tmp_path)


def clock() -> float:
    return 1_000.0


def shown(page: Page) -> str:
    """The text of a page that is in simplified Chinese."""
    assert page.get_attribute("html", "lang") == "zh-Hans"
    return page.inner_text("main")


def test_a_person_signs_in_with_dingtalk_in_chinese(office):
    """Chooser, DingTalk, the page that was asked for, who it is, and logout."""
    page = office.page

    page.goto(f"{office.origin}{ASKED_FOR}")
    assert CHINESE["chooser.title"] in shown(page)
    assert page.get_by_role("link", name="飞书").is_visible()
    office.look("chooser")

    office.choose()
    page.click("button[value=ada]")
    assert page.url == f"{office.origin}{ASKED_FOR}"
    told = said(page)
    assert header(told, "x-auth-user") == ["dingtalk:union-ada"]
    assert header(told, "x-auth-subject") == [f"dingtalk:{CORP}:union-ada"]
    assert unquote(header(told, "x-auth-name")[0]) == "阿达"
    assert header(told, "x-auth-email") == []  # nobody vouches for it, and nginx sends no empty one
    assert header(told, "x-auth-provider") == ["dingtalk"]

    page.goto(f"{office.origin}/_gateway/auth/logout")
    assert CHINESE["logout.title"] in shown(page)
    office.look("logout")
    page.click("main button[type=submit]")
    assert CHINESE["signed_out.title"] in shown(page)
    office.look("signed-out")
    assert SECRET not in office.scene.gateway.log


def test_a_person_of_another_corp_reads_why(office):
    """They chose the wrong organisation on DingTalk's page: the page says so, and what to do."""
    office.choose()
    office.page.click("button[value=bob]")

    text = shown(office.page)
    assert CHINESE["error.wrong_tenant.title"] in text
    assert CHINESE["error.wrong_tenant.todo"] in text
    office.look("wrong-corp")
    assert "dingtalk:ding-corp-2:union-bob" in office.scene.gateway.log
    assert "wrong_tenant" in office.scene.gateway.log

    # And with the right account it goes on.
    office.choose()
    office.page.click("button[value=ada]")
    assert header(said(office.page), "x-auth-user") == ["dingtalk:union-ada"]


def test_a_person_who_refuses_reads_that_nothing_has_happened(office):
    """Consent was denied at DingTalk."""
    office.choose()
    office.page.click("button[name=refuse]")

    assert CHINESE["error.consent_denied.title"] in shown(office.page)
    office.look("refused")


def test_a_missing_permission_is_the_operators_to_mend(office):
    """The page tells the person that it is not theirs, and the log what to do."""
    office.vendor.may_read = False
    office.choose()
    office.page.click("button[value=ada]")

    assert CHINESE["error.permission_missing.title"] in shown(office.page)
    assert "Contact.User.Read" not in office.page.content()
    assert "Contact.User.Read" in office.scene.gateway.log


def test_a_code_that_took_too_long_is_explained(office):
    """Five minutes have gone by on the way back."""
    office.vendor.code_life = 0
    office.choose()
    office.page.click("button[value=ada]")

    assert CHINESE["error.code_spent.title"] in shown(office.page)
    office.look("code-spent")


def test_a_dingtalk_that_is_down_is_explained(office):
    """It answers with a page of its own."""
    office.choose()
    office.vendor.instead[TOKEN] = [maintenance(503)] * 3
    office.page.click("button[value=ada]")

    assert CHINESE["error.provider_down.title"] in shown(office.page)
