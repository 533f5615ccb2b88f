"""The operator's logo: a file that is read at start, and is what it says it is."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from gateway.settings.fault import Fault, YamlPath

MOST_BYTES = 100_000

_AT: YamlPath = ("pages", "logo")
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = re.compile(rb"<svg[\s>]")


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture, by its content and not by its name. `suffix` is svg or png."""

    suffix: str
    content: bytes = field(repr=False)


def read_logo(path: Path) -> Logo | Fault:
    """The logo at a path, or what is wrong with it."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "it does not open").lower()
        return Fault(_AT, f"cannot be read: {reason}", "write the path of an SVG or PNG file, or remove logo")
    if len(content) > MOST_BYTES:
        return Fault(_AT, "is larger than 100 kB", "make the picture smaller: it is shown 32 pixels high")
    if content.startswith(_PNG):
        return Logo("png", content)
    # An SVG is shown as a picture, where no browser runs a script of it; see `pages.files` for who opens it by itself.
    if _SVG.search(content[:4096]) and b"\0" not in content:
        return Logo("svg", content)
    return Fault(_AT, "is neither SVG nor PNG", "save the picture in one of these formats")
