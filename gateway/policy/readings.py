"""The readings of a path: the canonical one, and those for which an application might take the same bytes.

    bytes ─ decode once ─→ text ─ merge // ─→ canonical path
                                     └─ split %2F · cut at ; # ? · decode again · fold letters ─→ other readings

What has no harmless reading (a dot segment, a backslash, a control, bytes that are no UTF-8) is refused here. What
real applications use (`%2f` in a name, `;` parameters, `%23`, foreign letters) is kept with all its readings, and
`policy.rules` refuses it only where they meet different rules.
"""

import re
from collections.abc import Iterator
from unicodedata import normalize
from urllib.parse import unquote_to_bytes

from gateway.errors import Malformed

# Six independent ways to read make at most a few dozen; a path that wants more is an attack.
MAX_READINGS = 64
MAX_READ = 40_000
"""Characters of all readings together: what a stranger's path may cost. Five readings of the longest path."""

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_UTF16_ESCAPE = re.compile(r"%u[0-9A-Fa-f]{4}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SLASHES = re.compile(r"//+")
_PARAMETERS = re.compile(r";[^/]*")
_RAW_PARAMETERS = re.compile(rb";[^/]*")
_DELIMITER = re.compile(r"[#?]")
# Stops, solidi and reverse solidi that somebody's best-fit or compatibility table folds onto . / \
_LOOKALIKE = re.compile(
    "[\u2024\u2025\u2044\u2215\u2216\u29f5\u29f8\u29f9\ufe52\ufe68\uff0e\uff0f\uff3c]",
)
# Stands for a %2F while readings are made. No text holds it: NUL is refused before.
_KEPT_SLASH = "\x00"


def readings_of(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """The canonical path of raw bytes that begin with a slash, and its other readings. Raises `Malformed`."""
    if _BAD_ESCAPE.search(raw):
        raise Malformed("bad_escape")
    first = _decoded(raw)
    found: dict[str, None] = {}
    read = 0
    # A cut at raw `;` alone is a reading of its own: servlet containers cut before they decode %3B.
    waiting = [first] if b";" not in raw else [first, _decoded(_RAW_PARAMETERS.sub(b"", raw))]
    while waiting:
        text = _SLASHES.sub("/", waiting.pop())
        if text in found:
            continue
        _refuse_dot_segments(text)
        found[text] = None
        read += len(text)
        if len(found) > MAX_READINGS or read > MAX_READ:
            raise Malformed("too_many_readings")
        waiting.extend(_next(text))
    canonical = _shown(_SLASHES.sub("/", first))
    others = dict.fromkeys(_shown(text) for text in found)
    others.pop(canonical)
    return canonical, tuple(others)


def _decoded(raw: bytes) -> str:
    """Percent-decoded once, the encoded slash kept apart from the literal one."""
    pieces = re.split(rb"%2[fF]", raw)
    return _KEPT_SLASH.join([_text(unquote_to_bytes(piece)) for piece in pieces])


def _text(decoded: bytes) -> str:
    """UTF-8 without controls, backslashes and what is folded onto slashes and dots."""
    try:
        text = decoded.decode("utf-8")
    except UnicodeDecodeError:  # overlong forms end here too: %c0%ae is a dot for a careless decoder
        raise Malformed("bad_utf8") from None
    if _CONTROL.search(text):
        raise Malformed("control_byte")
    if "\\" in text:
        raise Malformed("backslash")
    if not text.isascii() and _LOOKALIKE.search(text):
        raise Malformed("lookalike")
    return text


def _next(text: str) -> Iterator[str]:
    """Each other way to read a text, one step at a time."""
    if _KEPT_SLASH in text:
        yield text.replace(_KEPT_SLASH, "/")
    if ";" in text:
        yield _PARAMETERS.sub("", text)
    if cut := _DELIMITER.search(text):
        # Both decoded from %23 and %3F: an application that decodes first cuts here (GHSA-pxq7-h93f-9jrg).
        yield text[: cut.start()]
    if "%" in text:
        yield from _decoded_again(text)
    if not text.isascii():
        folded = normalize("NFKC", text)
        # A letter that folds to one of these would make a segment, an end or an escape out of nothing.
        if any(folded.count(mark) > text.count(mark) for mark in "/\\"):
            raise Malformed("lookalike")
        yield folded


def _decoded_again(text: str) -> Iterator[str]:
    """The reading of an application that decodes twice; only letters may come out of a second decoding."""
    if _UTF16_ESCAPE.search(text):
        raise Malformed("double_encoding")
    again = _ESCAPES.sub(_letters, text)
    if again != text:
        yield again


def _letters(escapes: re.Match[str]) -> str:
    decoded = unquote_to_bytes(escapes[0])
    # %252e, %252f, %255c and %2500, at any depth: no file is called so, and a second decoder walks away with it.
    if any(byte in b"./\\\x00" for byte in decoded):
        raise Malformed("double_encoding")
    return _text(decoded)


def _refuse_dot_segments(text: str) -> None:
    # Some strip white space around a name, so `/%20../` counts as a dot segment too.
    if any(segment.strip() in {".", ".."} for segment in text.split("/")):
        raise Malformed("dot_segment")


def _shown(text: str) -> str:
    return text.replace(_KEPT_SLASH, "%2F")
