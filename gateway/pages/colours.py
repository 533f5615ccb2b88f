"""The style sheet of the configured accent: what follows from one colour, in both schemes.

Our policy allows no inline style, so the colour comes as a sheet of its own behind ours.
"""

from gateway.settings.colours import contrast, mixed

_WHITE, _BLACK = "#ffffff", "#000000"

_SHEET = """\
:root { %s }
@media (prefers-color-scheme: dark) { :root { %s } }
"""


def accent_sheet(light: str, dark: str) -> str:
    """The sheet for an accent (`#rrggbb`) in light colours and in dark ones."""
    return _SHEET % (_declared(light), _declared(dark))


def _declared(accent: str) -> str:
    # One of the two has 4.58 to 1 on whatever colour there is; and the hover goes away from it, so that it has more.
    text, other = sorted((_WHITE, _BLACK), key=lambda ink: -contrast(ink, accent))
    return f"--accent: {accent}; --accent-strong: {mixed(accent, other, 0.18)}; --on-accent: {text};"
