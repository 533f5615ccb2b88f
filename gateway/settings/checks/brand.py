"""The brand on the pages: a colour that everybody can see."""

from collections.abc import Iterator

from gateway.settings.colours import GROUNDS, SEEN, contrast
from gateway.settings.fault import Fault
from gateway.settings.model import Settings


def accents_are_seen(settings: Settings) -> Iterator[Fault]:
    """Buttons and the ring around what has the focus must stand out in both schemes (WCAG 1.4.11)."""
    pages = settings.pages
    if pages.accent:
        yield from _unseen("accent", pages.accent, "light")
    if pages.accent_dark:
        yield from _unseen("accent_dark", pages.accent_dark, "dark")
    elif pages.accent:
        yield from _unseen("accent", pages.accent, "dark")


def accents_come_in_pairs(settings: Settings) -> Iterator[Fault]:
    if settings.pages.accent_dark and not settings.pages.accent:
        yield Fault(
            ("pages", "accent_dark"),
            "has no effect without accent",
            "write accent too, the colour for browsers in light colours",
        )


def _unseen(key: str, colour: str, scheme: str) -> Iterator[Fault]:
    worst = min(contrast(colour, ground) for ground in GROUNDS[scheme])
    if worst >= SEEN:
        return
    wanted = "a darker colour" if scheme == "light" else "a lighter colour"
    if scheme == "dark" and key == "accent":
        wanted += " as accent_dark, for browsers in dark colours"
    # Cut and not rounded: 2.97 is less than 3.
    yield Fault(
        ("pages", key),
        f"has a contrast of {int(worst * 10) / 10}:1 on our {scheme} pages, where WCAG AA demands 3:1",
        f"write {wanted}",
    )
