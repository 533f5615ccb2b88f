"""Every page is looked at in Chromium: axe-core finds nothing, and the keyboard reaches everything.

The pages come with their own headers, the content security policy among them, from the test itself: no server.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route

from gateway.identity.presented import Reply
from gateway.pages.languages import LANGUAGES
from tests.kit.chromium import chromium
from tests.kit.page_gallery import AUTH, BRAND, asking, editions, gallery

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[1] / "live" / "node" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# One of the longest errors, one without a button, one with: all others are made of the same parts.
ERRORS = ("error login_loop 400", "error provider_down 503", "error unauthenticated 401")


@contextmanager
def shown(language: str, scheme: str, width: int, **brand: object) -> Iterator[tuple[Page, dict[str, Reply]]]:
    """A browser that finds the pages at /0, /1 …, and the pages by name."""
    here = editions(**brand)
    pages = gallery(here.of(asking(language)))
    pages = {name: reply for name, reply in pages.items() if "error" not in name or name in ERRORS}
    answers = {f"/{number}": reply for number, reply in enumerate(pages.values())}
    answers |= {f"/auth/static/{name}": reply for name, reply in here.files.items()}

    def answer(route: Route) -> None:
        reply = answers[urlsplit(route.request.url).path]
        lines = {name.decode(): value.decode() for name, value in reply.headers}
        route.fulfill(status=reply.status, headers=lines, body=reply.body)

    with chromium(color_scheme=scheme, viewport={"width": width, "height": 720}) as browser:
        browser.route(f"{AUTH}/**", answer)
        yield browser.new_page(), pages


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.is_file():
        missing = "axe-core is not installed: npm ci in tests/live/node"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return AXE.read_text("utf-8")


LOOKS = [("light", 320), ("dark", 1280)], [("dark", 320), ("light", 1280)]
"""Each language is seen in both colours and both widths; not all languages in the same pairs."""


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [(language, *look) for number, language in enumerate(LANGUAGES) for look in LOOKS[number % 2]],
)
def test_a_judge_finds_no_fault_with_any_page(axe, language, scheme, width):
    """WCAG 2.2 levels A and AA as far as axe-core can tell, and no line that is wider than the window (1.4.10)."""
    judge(axe, language, scheme, width, {})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_judge_finds_no_fault_with_a_brand(axe, scheme):
    """The same with a colour, a footer and links of the operator's."""
    judge(axe, "zh-Hans", scheme, 320, BRAND)


def judge(axe: str, language: str, scheme: str, width: int, brand: Mapping[str, object]) -> None:
    with shown(language, scheme, width, **brand) as (page, pages):
        for number, name in enumerate(pages):
            page.goto(f"{AUTH}/{number}")
            page.evaluate(axe)
            found = page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(TAGS)}, preload: false}})")

            told = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
            assert (name, told) == (name, [])
            assert "color-contrast" in {one["id"] for one in found["passes"]}
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_judge_would_find_a_fault(axe):
    """A page without language, with a link that says nothing and grey on grey: three findings."""
    with chromium() as browser:
        page = browser.new_page()
        page.set_content(
            "<title>x</title><a href='/'></a><p style='color:#999;background:#aaa'>Grey words</p>"
        )
        page.evaluate(axe)
        found = page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(TAGS)}}})")

    assert {one["id"] for one in found["violations"]} >= {"html-has-lang", "link-name", "color-contrast"}


REACHABLE = "a[href], button:not([hidden]), input:not([type=hidden]), select"
NAME = "one => one.id || one.textContent.trim()"


def focus(page: Page) -> list[object]:
    """What has the focus, by id or text, and the ring around it."""
    return page.evaluate(
        f"""() => {{
            const one = document.activeElement, style = getComputedStyle(one);
            return [({NAME})(one), style.outlineStyle, parseInt(style.outlineWidth)];
        }}"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(scheme):
    """Tab goes through links and buttons in the order of the page, each with a ring around it (2.1.1, 2.4.3, 2.4.7)."""
    with shown("zh-CN", scheme, 1280, **BRAND) as (page, pages):
        for number in range(len(pages)):
            page.goto(f"{AUTH}/{number}")
            wanted = page.evaluate(f"[...document.querySelectorAll('{REACHABLE}')].map({NAME})")
            # The page may put the person into a field; from there on forward, and then back to the first.
            begun = wanted.index(focus(page)[0]) if focus(page)[0] in wanted else -1
            assert wanted
            for name in wanted[begun + 1 :]:
                page.keyboard.press("Tab")
                assert focus(page) == [name, "solid", 3]
            for name in reversed(wanted[: max(begun, 0)]):
                page.evaluate(
                    f"[...document.querySelectorAll('{REACHABLE}')][{wanted.index(name) + 1}].focus()"
                )
                page.keyboard.press("Shift+Tab")
                assert focus(page) == [name, "solid", 3]


def test_the_pages_come_with_their_style_and_without_a_word_from_the_browser():
    """What our own policy would forbid is an error in the console; style, logo and colour pass it."""
    with shown("en", "light", 1280, **BRAND) as (page, pages):
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        for number in range(len(pages)):
            page.goto(f"{AUTH}/{number}")
        accent = page.evaluate(
            "getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
        )

    assert [text for text in said if "status of" not in text] == []
    assert accent == BRAND["accent"]
