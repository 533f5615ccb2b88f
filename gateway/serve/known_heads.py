"""Request heads that came before, by their bytes: what has been parsed once need not be parsed again.

A browser that asks for the same address again sends the same head, down to the last byte, and so do programs that
poll. The parser has no choice in what it makes of the same bytes at the same place, which is the beginning of a
request.
"""

from typing import NamedTuple

from gateway.forward_auth.shell import LONGEST, MOST_LINES, ROOM, head_weight
from gateway.identity.presented import Head
from gateway.policy.remembered import Remembered

ENTRIES = 1024

_END = b"\r\n\r\n"
_AUTHORIZATION = frozenset({b"authorization"})


class Known(NamedTuple):
    """What was read: the head, and whether the connection stays open behind its answer."""

    head: Head
    stays: bool


def _weigh(data: bytes, known: Known) -> int:
    return head_weight(known.head, len(data))


class KnownHeads:
    """Heads that came at least twice; at most two times `entries` of them, in two times `ROOM` bytes."""

    def __init__(self, entries: int = ENTRIES, longest: int = LONGEST) -> None:
        self._heads: Remembered[bytes, Known] = Remembered(entries, ROOM, _weigh)
        self._longest = longest
        self.get = self._heads.get

    def add(self, data: bytes, known: Known) -> None:
        """Remember that `data`, all of it, was read as this: one request, without a body."""
        if not (self._is_plain(data, known.head) and self._heads.add(data, known)):
            # It holds what was made of it, and that holds the head: a ring that only the garbage collector would end.
            known.head.kept = None

    def _is_plain(self, data: bytes, head: Head) -> bool:
        if len(data) > self._longest or len(head.headers) > MOST_LINES or _may_hold_a_password(head):
            return False
        return data.find(_END) == len(data) - len(_END)


def _may_hold_a_password(head: Head) -> bool:
    # The check keeps nothing with a head whose `Authorization` it reads as a password (`Asked.is_secret`): neither may
    # the bytes that it came in stay here.
    return head.kept is None and head.has_any(_AUTHORIZATION)
