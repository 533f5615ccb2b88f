"""Where a secret could have been written down: every way of spelling it, looked for in bytes."""

import base64
import html
import json
import urllib.parse
from collections.abc import Iterator


def spellings(text: str) -> Iterator[bytes]:
    """A text as it could stand in a dump, a line or a page."""
    raw = text.encode()
    yield from (raw, raw.hex().encode(), text.encode("utf-16-le"), json.dumps(text).strip('"').encode())
    yield from (html.escape(text).encode(), text.replace('"', "&#34;").encode(), ascii(text)[1:-1].encode())
    yield urllib.parse.quote(text).encode()
    yield urllib.parse.quote_plus(text).encode()
    yield text.encode("unicode_escape")
    for shift in range(3):  # base64 of a text that begins anywhere within three bytes
        yield base64.b64encode(b"x" * shift + raw)[4:-4]
        yield base64.urlsafe_b64encode(b"x" * shift + raw)[4:-4]


def found_in(raw: bytes, text: str) -> list[bytes]:
    """The spellings of a text that stand in these bytes, in any case of their letters."""
    folded = raw.lower()
    return [spelling for spelling in spellings(text) if spelling.lower() in folded]
