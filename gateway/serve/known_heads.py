"""Request heads that came before, by their bytes: what has been parsed once need not be parsed again.

A browser that asks for the same address again sends the same head, down to the last byte, and so do programs that
poll. The parser has no choice in what it makes of the same bytes at the same place, which is the beginning of a
request.
"""

from typing import NamedTuple

from gateway.forward_auth.shell import MOST_LINES
from gateway.identity.presented import Head
from gateway.policy.remembered import Remembered

ENTRIES = 1024
LONGEST = 3072
"""Bytes of a head that is kept; with the number above and that of its lines it bounds the memory, to some 50 MB at worst."""

_END = b"\r\n\r\n"


class Known(NamedTuple):
    """What was read: the head, and whether the connection stays open behind its answer."""

    head: Head
    stays: bool


class KnownHeads:
    """Heads that came at least twice; at most two times `entries` of them."""

    def __init__(self, entries: int = ENTRIES, longest: int = LONGEST) -> None:
        self._heads: Remembered[bytes, Known] = Remembered(entries)
        self._longest = longest
        self.get = self._heads.get

    def add(self, data: bytes, known: Known) -> None:
        """Remember that `data`, all of it, was read as this: one request, without a body, answered at once."""
        if len(data) > self._longest or len(known.head.headers) > MOST_LINES:
            return
        if data.find(_END) == len(data) - len(_END):
            self._heads.add(data, known)
