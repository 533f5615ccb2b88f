"""The sign-in form, filled in as a person would: what stands in it goes back with what was typed.

form = await opened(browser, f"{AUTH}/auth/login?rd={APP}/report")
hop = await form.send("alice", "right")
"""

from dataclasses import dataclass
from html.parser import HTMLParser

from tests.kit.browser import Browser, Hop


class Fields(HTMLParser):
    """The fields of a page by name, and the choices of its selection."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.choices: list[str] = []
        self.labels: list[str] = []
        self.action = ""
        self._option = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._option = tag == "option"
        if tag == "form":
            self.action = given["action"]
        if tag == "input":
            self.values[given["name"]] = given.get("value", "")
        if tag == "option":
            self.choices.append(given["value"])
            if "selected" in given or len(self.choices) == 1:
                self.values["place"] = given["value"]

    def handle_data(self, data: str) -> None:
        if self._option and data.strip():
            self.labels.append(data)


@dataclass(frozen=True)
class Form:
    """A form that a browser shows."""

    browser: Browser
    hop: Hop

    @property
    def fields(self) -> Fields:
        return Fields(self.hop.response.text)

    async def send(self, name: str, password: str, *, follow: bool = True, **changes: str) -> Hop:
        """Type both, and press the button; `changes` are other fields, an empty one is left out."""
        fields = self.fields
        typed = {**fields.values, "username": name, "password": password, **changes}
        return await self.browser.submit(
            fields.action, {key: value for key, value in typed.items() if value}, follow=follow
        )


async def opened(browser: Browser, url: str) -> Form:
    """The form at an address, which must show one."""
    hop = await browser.open(url)
    assert hop.status == 200, hop.response.text
    assert 'id="sign-in"' in hop.response.text
    return Form(browser, hop)
