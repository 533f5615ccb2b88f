"""The buttons of the providers that are elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from gateway.pages import marks


@dataclass(frozen=True, slots=True)
class Option:
    """A provider to choose, and the address that begins with it; `colour` is the number of its mark's."""

    title: str
    href: str
    mark: str
    colour: int
    last_used: bool


def options_of(
    options: Sequence[tuple[str, str, str]], public_url: str, return_to: str, last_used: str
) -> list[Option]:
    """A button for each (name, title, mark): first the one that was used last, then in the order of the file."""
    query = f"?rd={quote(return_to, safe='')}"
    return [
        Option(
            title,
            f"{public_url}/auth/{name}{query}",
            mark or marks.initial(title),
            marks.colour(name),
            name == last_used,
        )
        # Stable: the others keep their order.
        for name, title, mark in sorted(options, key=lambda option: option[0] != last_used)
    ]
