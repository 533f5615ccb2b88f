"""Whose pages they are: name, picture, colour, and what stands at their foot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import SettingsFault
from gateway.identity.presented import Reply
from gateway.pages.files import address_of, page_files
from gateway.settings.fault import Fault, show_path
from gateway.settings.logo import Logo, read_logo
from gateway.settings.model import Link, Pages


@dataclass(frozen=True, slots=True)
class Brand:
    """What every page shows beside its own text.

    `sheets`, `script` (of the sign-in page), `logo` and `icon` are addresses; `logo` is "" where ours is drawn. `files` are the answers behind them,
    by name.
    """

    title: str
    footer: str
    links: tuple[Link, ...]
    sheets: tuple[str, ...]
    script: str
    logo: str
    icon: str
    files: Mapping[str, Reply] = field(repr=False)

    @classmethod
    def of(cls, settings: Pages, public_url: str) -> "Brand":
        """The brand of a configuration. `SettingsFault` where the logo cannot be read any more."""
        files = page_files(settings.accent, settings.accent_dark, _logo(settings))
        addresses = {name: f"{public_url}{address_of(name, reply)}" for name, reply in files.items()}
        logo = next((address for name, address in addresses.items() if name.startswith("logo.")), "")
        return cls(
            title=settings.title or urlsplit(public_url).netloc,
            footer=settings.footer,
            links=settings.links,
            sheets=tuple([address for name, address in addresses.items() if name.endswith(".css")]),
            script=addresses["sign-in.js"],
            logo=logo,
            icon=logo or addresses["mark.svg"],
            files=files,
        )


def _logo(settings: Pages) -> Logo | None:
    if not settings.logo:
        return None
    found = read_logo(Path(settings.logo))
    if isinstance(found, Fault):
        raise SettingsFault((f"{show_path(found.path)}: {found}",))
    return found
