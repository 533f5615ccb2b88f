"""The files that pages refer to: style sheets, the script of the sign-in page, our own mark, and the operator's logo.

They are read at start and found by exact name; no other name is ever looked up (path traversal has no path). Pages
write the beginning of a digest behind the name, so that a browser asks anew as soon as one has changed.
"""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files

from gateway.identity.presented import Reply
from gateway.pages.colours import accent_sheet
from gateway.settings.logo import Logo

_TYPES = {
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
    "png": b"image/png",
}
_OURS = ("gateway.css", "mark.svg", "sign-in.js")
# Opened by itself an SVG is a document of our origin, and may hold a script: here it can neither run one nor load.
_DRAWING = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox")


def page_files(accent: str = "", accent_dark: str = "", logo: Logo | None = None) -> Mapping[str, Reply]:
    """The answers by name. Colours are `#rrggbb`, or "" for ours."""
    folder = files("gateway.pages") / "static"
    found = {name: folder.joinpath(name).read_bytes() for name in _OURS}
    if accent:
        found["brand.css"] = accent_sheet(accent, accent_dark or accent).encode("ascii")
    if logo:
        found[f"logo.{logo.suffix}"] = logo.content
    return {name: _file(name, content) for name, content in found.items()}


def address_of(name: str, reply: Reply) -> str:
    """The address of a file below `public_url`."""
    return f"/auth/static/{name}?{sha256(reply.body).hexdigest()[:12]}"


def _file(name: str, content: bytes) -> Reply:
    suffix = name.rpartition(".")[2]
    lines = (
        (b"content-type", _TYPES[suffix]),
        (b"content-length", str(len(content)).encode("ascii")),
        (b"cache-control", b"public, max-age=3600"),
        (b"x-content-type-options", b"nosniff"),
        # Not same-origin: the page of a 403 stands on an application's host and needs the style sheet too.
        (b"cross-origin-resource-policy", b"cross-origin"),
    )
    return Reply(200, (*lines, _DRAWING) if suffix == "svg" else lines, content)
