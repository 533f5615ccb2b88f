"""The languages of the pages, and which of them a request gets.

A person's own choice comes first, then what the browser asks for, then the configured one. What a request says is
compared with tags of ours and never printed: neither the cookie nor `Accept-Language` reaches a page
(CVE-2026-33525).
"""

import re
from collections.abc import Iterator
from types import MappingProxyType

from gateway.identity.presented import Head
from gateway.policy.remembered import Remembered
from gateway.sessions.cookie import cookie_values

# BCP 47 tags, each with what the language calls itself.
LANGUAGES = MappingProxyType({"en": "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文"})

LONGEST = 1000
"""Bytes of `Accept-Language` that are read. Browsers send fewer than a hundred; a longer one is not looked at."""

# Ranges in lower case. A longer one is cut at its end until it fits: zh-CN and zh-SG are zh (RFC 4647 section 3.4).
_RANGES = MappingProxyType(
    {
        "en": "en",
        "zh": "zh-Hans",
        "zh-hans": "zh-Hans",
        "zh-hant": "zh-Hant",
        "zh-tw": "zh-Hant",
        "zh-hk": "zh-Hant",
        "zh-mo": "zh-Hant",
    }
)
# RFC 9110 sections 12.4.2 and 12.5.4.
_ITEM = re.compile(
    rb"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)"
    rb"(?:[ \t]*;[ \t]*[Qq]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)
_BLANK = b" \t"


class Languages:
    """Which language a request gets: `cookie` is the name of the preference cookie, `default` the last resort."""

    def __init__(self, cookie: str, default: str) -> None:
        self._cookie = cookie
        self._default = default
        self._known: Remembered[bytes, str] = Remembered(64)

    def of(self, head: Head) -> str:
        """One of `LANGUAGES`, whatever the request says. Never raises."""
        chosen = cookie_values(head, self._cookie)
        if len(chosen) == 1 and chosen[0] in LANGUAGES:
            return chosen[0]
        # Several lines are one list (RFC 9110 section 5.3).
        wanted = b",".join(head.all(b"accept-language"))
        if not 0 < len(wanted) <= LONGEST:
            return self._default
        language = self._known.get(wanted)
        if language is None:
            language = accepted(wanted) or self._default
            self._known.add(wanted, language)
        return language


def accepted(value: bytes) -> str:
    """The language that a value of `Accept-Language` wants most; "" where it wants none of ours.

    What is no item of the list is passed over. `*` fits the default, so it says nothing.
    """
    # Sorting keeps the order of equals, which is that of the list.
    for _, wanted in sorted(_wanted(value), key=lambda item: -item[0]):
        if language := _lookup(wanted):
            return language
    return ""


def _wanted(value: bytes) -> Iterator[tuple[float, str]]:
    for item in value.split(b","):
        match = _ITEM.fullmatch(item.strip(_BLANK))
        quality = float(match[2] or 1) if match else 0.0
        if match and quality > 0:
            yield quality, match[1].decode("ascii").lower()


def _lookup(wanted: str) -> str:
    while wanted:
        if language := _RANGES.get(wanted):
            return language
        wanted = wanted.rpartition("-")[0]
    return ""
