"""The chain of refresh tokens of one session: which of them is the next to be used, and what a used one means.

    the current one, or a later one    it is exchanged; the next one becomes current
    the one before, within 30 s        its answer was lost, or two tabs asked at once: the same answer once more
    any other                          two hold what one was given: the session ends (RFC 9700 section 4.14.2)

A later one than the current is genuine, since only we can make one; so the store has gone back in time, as a replica
does that takes over. It counts, and what the store had forgotten about is old again.
"""

import json
from dataclasses import dataclass
from enum import Enum

from gateway.errors import Unsealable
from gateway.keys.strict_json import parse_object

RETRY = 30
"""Seconds for which the answer to a used token is given again."""
FIRST = 1
VERSION = 1


class Use(Enum):
    """What a presented token means."""

    EXCHANGE = "exchange"
    RETRY = "retry"
    REUSE = "reuse"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Chain:
    """`counter` is that of the current token, which was given out at `given` and dies at `ends` (Unix seconds).

    `client` is the name of the client that it was given to, "" where it has none.
    """

    counter: int
    given: int
    ends: int
    client: str = ""

    def use(self, counter: int, now: float) -> Use:
        """What a genuine token with this number means at `now`."""
        if counter >= self.counter:
            return Use.OVER if now >= self.ends else Use.EXCHANGE
        # Both ways: a clock that was set back by an hour must not make the window an hour long.
        if counter == self.counter - 1 and abs(now - self.given) <= RETRY:
            return Use.RETRY
        return Use.REUSE

    def after(self, counter: int, now: float, lifetime: float) -> "Chain":
        """The chain once the token with this number was exchanged."""
        return Chain(counter + 1, int(now), int(now + lifetime), self.client)


def begun(now: float, lifetime: float, client: str) -> Chain:
    """A new chain; its first token lives for `lifetime` seconds."""
    return Chain(FIRST, int(now), int(now + lifetime), client)


def plain(chain: Chain) -> bytes:
    """A chain as JSON, to be sealed."""
    members = {"v": VERSION, "n": chain.counter, "given": chain.given, "ends": chain.ends}
    if chain.client:
        return json.dumps({**members, "client": chain.client}, separators=(",", ":")).encode()
    return json.dumps(members, separators=(",", ":")).encode()


def parsed(raw: bytes) -> Chain:
    """The chain that `plain` wrote; `Unsealable` for anything else."""
    try:
        members = parse_object(raw)
        if members["v"] != VERSION:
            raise Unsealable("a chain of another version")
        return Chain(
            int(members["n"]), int(members["given"]), int(members["ends"]), str(members.get("client", ""))
        )
    except (KeyError, TypeError, ValueError):
        raise Unsealable("a chain of another shape") from None
