"""Every page in every language, and which of them a request gets."""

from collections.abc import Mapping, Sequence

from gateway.identity.presented import Head, Reply
from gateway.pages.brand import Brand
from gateway.pages.catalogue import Catalogue
from gateway.pages.languages import LANGUAGES, Languages
from gateway.pages.render import Pages, page_templates
from gateway.pages.switch import Asked, Switch
from gateway.sessions.cookie import language_cookie
from gateway.settings.model import Settings


class Editions:
    """The pages of a gateway. `form_targets` are the origins to which a logout may lead by redirect."""

    def __init__(self, settings: Settings, form_targets: Sequence[str] = ()) -> None:
        public_url, cookie = settings.public_url.rstrip("/"), language_cookie(settings)
        brand, templates = Brand.of(settings.pages, public_url), page_templates()
        self._switch = Switch(public_url, cookie)
        self._languages = Languages(cookie.name, settings.pages.language)
        self._pages = {
            tag: Pages(brand, Catalogue.load(tag), self._switch, templates, form_targets, settings.hosts)
            for tag in LANGUAGES
        }
        self.files: Mapping[str, Reply] = brand.files

    def language(self, head: Head) -> str:
        """The language of a request: one of `LANGUAGES`."""
        return self._languages.of(head)

    def of(self, head: Head) -> Pages:
        """The pages in the language of a request."""
        return self._pages[self._languages.of(head)]

    def forbidden(self, decision_id: str, head: Head) -> Reply:
        """The page of a 403. The language is found here: a check that shows no page never asks for it."""
        return self.of(head).forbidden(decision_id)

    def switch(self, head: Head, asked: Asked) -> tuple[str, tuple[str, ...]]:
        """Where a link of the switch leads, and the cookies that it sets."""
        return self._switch.answer(head, asked)
