"""The sign-in form in a real browser: typed, mistyped, by keyboard alone, with a password manager, without scripts."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.kit.chromium import chromium
from tests.kit.login_door import LoginHouse
from tests.kit.login_door import Page as Application
from tests.kit.password_provider import PasswordDirectory
from tests.kit.served_app import served_app
from tests.kit.servers import free_ports

pytestmark = pytest.mark.browser


@contextmanager
def shown(*, seconds: float = 0.0, **context: object) -> Iterator[tuple[Page, PasswordDirectory]]:
    """A browser at the form, on its way to an application of another origin; and the directory behind it."""
    gate, application = free_ports(2)
    home, app = f"http://127.0.0.1:{gate}", f"http://localhost:{application}"
    corp = PasswordDirectory("corp", seconds=seconds)
    house = LoginHouse((), directories=(corp,), public_url=home, hosts=[home, app], sessions={})
    said: list[str] = []
    with (
        served_app(house.app, gate),
        served_app(Application("the report"), application),
        chromium(**context) as browser,
    ):
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.set_default_timeout(10_000)
        page.goto(f"{home}/auth/login?rd={app}/report")
        yield page, corp
    # What our own policy forbids would be said here.
    assert [text for text in said if "status of" not in text] == []


def test_a_person_signs_in_with_the_keyboard_alone():
    """The first field has the focus, Tab leads to the password, Enter sends; the policy lets the way on pass."""
    with shown() as (page, corp):
        page.keyboard.type("alice")
        page.keyboard.press("Tab")
        page.keyboard.type("right")
        page.keyboard.press("Enter")

        page.wait_for_url("**/report")
        assert page.inner_text("body") == "the report"
        assert corp.asked == [("alice", "right")]


def test_a_wrong_password_is_said_and_the_person_stands_where_it_is_typed():
    """An alert, the name as it was, an empty password with the focus in it."""
    with shown() as (page, _):
        page.fill("#username", "alice")
        page.fill("#password", "wrong")
        page.click("button[type=submit]")

        expect(page.get_by_role("alert")).to_contain_text("do not belong together")
        assert page.input_value("#username") == "alice"
        assert page.input_value("#password") == ""
        assert page.evaluate("document.activeElement.id") == "password"
        assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "caps problem"
        page.keyboard.type("right")
        page.keyboard.press("Enter")
        page.wait_for_url("**/report")


def test_without_scripts_it_works_as_well():
    """And shows no button that would do nothing."""
    with shown(java_script_enabled=False) as (page, _):
        assert not page.is_visible("#show")
        page.fill("#username", "alice")
        page.fill("#password", "wrong")
        page.click("button[type=submit]")
        expect(page.get_by_role("alert")).to_be_visible()
        page.fill("#password", "right")
        page.click("button[type=submit]")
        page.wait_for_url("**/report")


def test_caps_lock_is_told_while_the_password_is_typed():
    """In a live region, for the field that it concerns, and no longer than it lasts."""
    with shown() as (page, _):
        hint = page.get_by_role("status")
        for on, text in ((True, "Caps lock is on."), (False, ""), (True, "Caps lock is on.")):
            press_with_caps_lock(page, on=on)
            expect(hint).to_have_text(text)
        # A password manager that fills in sends an event without modifiers.
        page.evaluate("document.getElementById('password').dispatchEvent(new Event('keydown'))")
        page.focus("#password")
        page.focus("#username")
        expect(hint).to_have_text("")


@pytest.mark.parametrize("width", [320, 1280])
def test_with_caps_lock_on_a_click_meets_what_it_was_meant_for(width):
    """The hint goes when the button is pressed and the field loses the focus: nothing may move under the pointer."""
    with shown(viewport={"width": width, "height": 760}) as (page, corp):
        page.fill("#username", "alice")
        page.fill("#password", "right")
        button = page.locator("button[type=submit]")
        places = [button.bounding_box()]
        press_with_caps_lock(page, on=True)
        expect(page.get_by_role("status")).to_have_text("Caps lock is on.")
        places.append(button.bounding_box())

        page.click("#show")
        assert page.get_attribute("#password", "type") == "text"
        expect(page.get_by_role("status")).to_have_text("")
        places.append(button.bounding_box())
        assert places == places[:1] * 3

        page.focus("#password")
        press_with_caps_lock(page, on=True)
        button.click()
        page.wait_for_url("**/report")
        assert corp.asked == [("alice", "right")]


def press_with_caps_lock(page: Page, *, on: bool) -> None:
    """A key as a keyboard with caps lock sends it; nothing that drives a browser can turn that on."""
    page.evaluate(
        """on => document.getElementById('password').dispatchEvent(
            new KeyboardEvent('keydown', {key: 'a', modifierCapsLock: on, bubbles: true}))""",
        on,
    )


def test_what_was_typed_can_be_looked_at_and_is_hidden_again_when_it_is_sent():
    """A browser keeps what a text field held, and proposes it to the next person."""
    with shown(seconds=0.5) as (page, _):
        page.fill("#username", "alice")
        page.fill("#password", "right")
        show = page.get_by_role("button", name="Show password")
        show.click()
        assert page.get_attribute("#password", "type") == "text"
        assert show.get_attribute("aria-pressed") == "true"
        page.evaluate(
            "document.getElementById('sign-in').addEventListener('submit', event => event.preventDefault())"
        )

        page.click("button[type=submit]")

        assert page.get_attribute("#password", "type") == "password"


def test_a_second_click_is_no_second_try():
    """While the first is on its way; a directory counts each."""
    with shown(seconds=0.6) as (page, corp):
        page.fill("#username", "alice")
        page.fill("#password", "wrong")
        page.evaluate(
            """() => {
                const button = document.querySelector('button[type=submit]');
                button.click();
                setTimeout(() => { button.click(); }, 200);
            }"""
        )

        expect(page.get_by_role("alert")).to_be_visible()
        assert corp.asked == [("alice", "wrong")]


def test_a_password_manager_finds_its_two_fields():
    """By the words of the HTML standard, as the browser itself reads them; nothing cuts a long password."""
    with shown() as (page, corp):
        assert page.evaluate(
            "['username', 'password'].map(id => document.getElementById(id)).map("
            "one => [one.form.id, one.name, one.type, one.autocomplete, one.maxLength])"
        ) == [
            ["sign-in", "username", "text", "username", -1],
            ["sign-in", "password", "password", "current-password", -1],
        ]
        page.fill("#username", "alice")
        page.fill("#password", "w" * 200)
        page.click("button[type=submit]")
        expect(page.get_by_role("alert")).to_be_visible()
        assert corp.asked == [("alice", "w" * 200)]
