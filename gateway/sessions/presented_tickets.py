"""What a request brings in its `Cookie` line: a ticket of ours perhaps, and what the application is to get of the line.

A browser sends the same line with every request, so what was read of it is remembered. A remembered ticket says that
its seal is genuine, which stays true as long as the process has its keys; whether it opens anything is asked anew.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from gateway.identity.presented import Head
from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import CookieSpec, Ticket, ticket_of, without_cookies

REMEMBERED = 2048
LONGEST = 1024
"""Bytes of a line that is remembered: with the number above it bounds the memory, to some 5.5 MB at worst, and 1.5 MB with short lines."""


class Presented(NamedTuple):
    """`ticket`: genuine, or `None`. `rest`: the `Cookie` line without ours, empty if nothing is left.

    `ends` is the absolute limit of the ticket in Unix seconds: from then on it is none.
    """

    ticket: Ticket | None
    rest: bytes
    ends: float = 0.0


class PresentedTickets:
    """Reads the session's cookie `spec`; `own_cookies` are all names that no application may see."""

    def __init__(self, ring: Keyring, spec: CookieSpec, own_cookies: tuple[str, ...]) -> None:
        self._ring = ring
        self._spec = spec
        self._own_cookies = own_cookies
        self._nothing = Presented(None, b"")
        self._remembered: Callable[[bytes], Presented] = lru_cache(REMEMBERED)(self._read_one)

    def read(self, head: Head) -> Presented:
        """What the request brings. Two values of our cookie are none, as for `sessions.cookie.read_ticket`."""
        line = head.only(b"cookie")
        if line is not None and len(line) <= LONGEST:
            return self._remembered(line)
        lines = head.all(b"cookie")
        return self._read(lines) if lines else self._nothing

    def _read_one(self, line: bytes) -> Presented:
        return self._read((line,))

    def _read(self, lines: tuple[bytes, ...]) -> Presented:
        rest = without_cookies(lines, self._own_cookies)
        ticket = ticket_of(self._ring, self._spec, lines)
        return Presented(ticket, rest, ticket.issued + self._spec.max_age if ticket else 0.0)
