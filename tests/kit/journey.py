"""Steps of a journey in a browser that several tests share."""

import json
from typing import Any

from playwright.sync_api import Page

SECRET = "loopback-only"


def sign_in(page: Page, name: str) -> None:
    """The two development pages of `oidc-provider`: who, and consent."""
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", "whatever")
    page.click("button[type=submit]")
    page.click("button[type=submit]")


def sign_out(page: Page, home: str) -> None:
    """Through the page that asks, and the provider's own question, to the end of a logout."""
    page.goto(f"{home}/auth/logout")
    page.click("button[type=submit]")
    if not page.url.startswith(home):
        page.click("button[value=yes]")
    assert page.url.startswith(f"{home}/auth/signed-out")


def said(page: Page) -> dict[str, Any]:
    """What the application says that it received."""
    return json.loads(page.inner_text("body"))


def header(document: dict[str, Any], name: str) -> list[str]:
    return [value for key, value in document["headers"] if key.lower() == name.lower()]
