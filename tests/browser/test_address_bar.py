"""Where hostile return addresses really lead: judged by the address bar of a browser, not by a model of one."""

import json
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.kit.house import House, house
from tests.kit.journey import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.live]

CORPUS = Path(__file__).resolve().parents[1] / "attacks" / "redirect_corpus.txt"


def payloads() -> list[str]:
    lines = CORPUS.read_text(encoding="ascii").splitlines()
    return [json.loads(f'"{line}"') for line in lines if line and not line.startswith("#")]


def be_another_browser(here: House) -> None:
    """A login cookie of its own for each try, so that the gateway does not see one browser going in circles."""
    here.browser.add_cookies(
        [{"name": "gw-login", "value": secrets.token_urlsafe(32), "url": here.home, "httpOnly": True}]
    )


def test_x12_no_return_address_leads_a_browser_astray(tmp_path):
    """Each one of the corpus, for somebody who is signed in: the browser stays with the gateway."""
    with house("nginx", tmp_path) as here:
        page = here.browser.new_page()
        page.goto(f"{here.origin}/start")
        sign_in(page, "ada")
        astray = []

        for payload in payloads():
            be_another_browser(here)
            page.goto(f"{here.home}/auth/login?rd={quote(payload, safe='', errors='surrogatepass')}")
            parts = urlsplit(page.url)
            assert page.locator("text=Going round in circles").count() == 0
            if f"{parts.scheme}://{parts.netloc}" != here.origin:
                astray.append((payload, page.url))

        assert len(payloads()) > 150
        assert astray == []
        # And the good ones still work.
        be_another_browser(here)
        page.goto(f"{here.home}/auth/login?rd={quote(here.origin, safe='')}/a%3Fnext=https://x/y")
        assert page.url == f"{here.origin}/a?next=https://x/y"
