"""Signing in at a real provider without a window: its forms, answered one after the other."""

import html
import re
import time
from collections.abc import Mapping
from urllib.parse import urljoin

from tests.kit.browser import Browser, Hop, Jar, origin_of
from tests.kit.real_gateway import RealGateway


class Trusting(Jar):
    """The cookies of a browser that takes loopback for a secure place, as all of them do."""

    def store(self, url: str, line: str) -> None:
        super().store(url.replace("http:", "https:", 1), line)

    def line(self, url: str, *, cross_site: bool, method: str) -> str:
        return super().line(url.replace("http:", "https:", 1), cross_site=cross_site, method=method)


async def sign_in(one: RealGateway, provider: str, answers: list[Mapping[str, str]]) -> str:
    """Sign in at the gateway's provider of this name; `name=value` for a Cookie header."""
    home, origin = one.settings.public_url, one.settings.hosts[0]
    issuer = origin_of(one.document["providers"][provider]["issuer"])
    browser = Browser({origin: one.url, issuer: issuer}, time.time)
    browser.jar = Trusting(time.time)
    hop = await browser.open(f"{home}/auth/{provider}?rd={home}/users/me")
    for answer in answers:
        hop = await _submit(browser, hop, answer)
    assert hop.status == 200, hop.response.text
    cookie = browser.jar.get("gw")
    assert cookie is not None, hop.response.text
    return f"gw={cookie.value}"


async def _submit(browser: Browser, hop: Hop, answer: Mapping[str, str]) -> Hop:
    """Answer the form of a page: what is hidden in it, and this."""
    page = hop.response.text
    action = re.search(r'<form[^>]*action="([^"]+)"', page)
    assert action, page
    hidden = {}
    for tag in re.findall(r"<input[^>]*>", page):
        named, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if named and value and 'type="hidden"' in tag:
            hidden[named[1]] = html.unescape(value[1])
    return await browser.submit(urljoin(hop.url, html.unescape(action[1])), {**hidden, **answer})
