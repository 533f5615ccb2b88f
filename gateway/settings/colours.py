"""Colours of the pages, as `#rrggbb`: how bright they are, and how well one is seen on another (WCAG 2.2)."""

from types import MappingProxyType

# What a colour has to be seen on, by scheme; the same as in the style sheet.
GROUNDS = MappingProxyType({"light": ("#f4f5f8", "#ffffff"), "dark": ("#11141c", "#191d28")})

SEEN = 3.0
"""The contrast of controls and other parts that are not text (WCAG 1.4.11, level AA)."""


def luminance(colour: str) -> float:
    """The relative luminance, from 0 (black) to 1 (white)."""
    red, green, blue = [_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5)]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast ratio, from 1 to 21."""
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def mixed(colour: str, other: str, share: float) -> str:
    """`colour` with a share (0 to 1) of another one."""
    pairs = [(int(colour[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join([f"{round(own + (more - own) * share):02x}" for own, more in pairs])
