"""The switch of languages: plain links on every page, which keep a choice in a cookie and lead back.

A link names the page by a word out of a table of ours, and the answer builds the address anew below `public_url`: no
address of a request is followed. Nothing changes but the preference, so a GET may do it; and not one that another
site has sent.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlencode

from gateway.identity.presented import Head
from gateway.pages.languages import LANGUAGES
from gateway.sessions.cookie import CookieSpec, set_cookie

# Pages that can be shown again, by the word that the switch has for them.
PAGES = MappingProxyType(
    {"login": "/auth/login", "logout": "/auth/logout", "signed-out": "/auth/signed-out", "me": "/users/me"}
)
ELSEWHERE = MappingProxyType({"page": "me"})
"""Where the switch leads from a page that cannot be shown again: who is signed in, or the way to sign in."""

LONGEST = 4096
"""Characters of a parameter that is taken along."""


class Asked(NamedTuple):
    """What the link says, each "" where it says nothing: language, page, and the parameters of the login page."""

    to: str
    page: str
    rd: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A language on the switch; `href` is empty for the one that is being read."""

    language: str
    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Switch:
    """Writes the links, and answers them. `public_url` has no slash at its end."""

    public_url: str
    cookie: CookieSpec

    def choices(self, reading: str, page: str, **parameters: str) -> tuple[Choice, ...]:
        """Every language, in the same order on every page (WCAG 3.2.3)."""
        return tuple(
            [
                Choice(tag, name, "" if tag == reading else self._href(tag, page, parameters))
                for tag, name in LANGUAGES.items()
            ]
        )

    def _href(self, tag: str, page: str, parameters: dict[str, str]) -> str:
        given = {name: value for name, value in parameters.items() if value}
        return f"{self.public_url}/auth/language?{urlencode({'to': tag, 'page': page, **given})}"

    def answer(self, head: Head, asked: Asked) -> tuple[str, tuple[str, ...]]:
        """The address of the page, and the values of `Set-Cookie`: none where nothing of ours was chosen."""
        path = PAGES.get(asked.page, PAGES[ELSEWHERE["page"]])
        location = f"{self.public_url}{path}"
        if asked.page == "login":
            # Taken along as they are: the login page judges them, as it would without us in between.
            taken = {"rd": asked.rd, "provider": asked.provider}
            query = urlencode({name: value for name, value in taken.items() if 0 < len(value) <= LONGEST})
            location += f"?{query}" if query else ""
        foreign = b"cross-site" in head.all(b"sec-fetch-site")
        kept = asked.to in LANGUAGES and not foreign
        return location, (set_cookie(self.cookie, asked.to),) if kept else ()
