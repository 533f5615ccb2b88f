"""Between ASGI and our own words: a scope becomes a `Head`, a `Reply` becomes two messages.

What we need of the request is in its head, so the body is never waited for: nginx sends a Content-Length without a
body, and a server that reads it would stall. Such a connection is closed behind the answer, see `announces_body`.
"""

from typing import TypeAlias

from starlette.types import Scope, Send

from gateway.forward_auth.asked import Asked
from gateway.identity.presented import Head, Headers, Reply
from gateway.policy.remembered import Remembered

_CLOSE = (b"connection", b"close")
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_NOTHING = frozenset({b"0"})

KNOWN = 1024
LONGEST = 16_384
"""Bytes of a head that is kept."""
MOST_LINES = 100
"""Lines of a head that is kept."""
ROOM = 3_000_000
"""Bytes of a generation of heads, as `head_weight` reckons them: some 380 of 1 200 bytes each."""

_Key: TypeAlias = tuple[str, bytes, Headers, str]

NOT_FOUND = Reply(404, ((b"content-length", b"0"), (b"cache-control", b"no-store")))


def path_of(scope: Scope) -> bytes:
    """The raw path of the wire, without its query."""
    raw = scope.get("raw_path")
    return raw if isinstance(raw, bytes) else scope["path"].encode("utf-8", "surrogatepass")


def head_of(scope: Scope) -> Head:
    """The request head; the peer is "" on a Unix socket."""
    return Head(*_key_of(scope))


def _key_of(scope: Scope) -> _Key:
    client = scope.get("client")
    return scope["method"], path_of(scope), tuple(scope["headers"]), client[0] if client else ""


def head_weight(head: Head, size: int) -> int:
    """About how many bytes a head takes with all that is kept with it, never less; `size` in bytes on the wire.

    They stand there twice, as they came and as values. A line of four bytes takes a hundred and eighty.
    """
    kept = head.kept
    made = _made_weight(kept) if isinstance(kept, Asked) else 0
    return 2_600 + 180 * len(head.headers) + 2 * size + made


def _made_weight(asked: Asked) -> int:
    # The way to the login page says all of the address, escaped.
    return 3 * len(asked.question.uri) + asked.place.weight


def _weigh(key: _Key, head: Head) -> int:  # noqa: ARG001 (the head holds all of its key)
    return head_weight(head, head.at_most)


class KnownHeads:
    """Heads of scopes that came before: what was made of such a head is still at hand with it."""

    def __init__(self, entries: int = KNOWN, longest: int = LONGEST) -> None:
        self._heads: Remembered[_Key, Head] = Remembered(entries, ROOM, _weigh)
        self._longest = longest

    def of(self, scope: Scope) -> Head:
        """The head of a request, as `head_of` reads it."""
        key = _key_of(scope)
        return self._heads.get(key) or Head(*key)

    def add(self, head: Head) -> None:
        """Remember a head, where somebody has counted its bytes and keeps something with it."""
        key = head.method, head.target, head.headers, head.peer
        if not (self._is_small(head) and self._heads.add(key, head)):
            # It holds what was made of it, and that holds the head: a ring that only the garbage collector would end.
            head.kept = None

    def _is_small(self, head: Head) -> bool:
        return head.kept is not None and 0 < head.at_most <= self._longest and len(head.headers) <= MOST_LINES


def announces_body(head: Head) -> bool:
    """Whether a body is said to follow, which nobody has read (RFC 9112 section 6).

    A proxy that copies a client's Content-Length into its check, and no body, would have the next check on the same
    connection, which is somebody else's, swallowed as that body. So nothing may follow on this connection.
    """
    if not head.has_any(_FRAMING):
        return False
    return not _NOTHING.issuperset(head.all(b"content-length")) or bool(head.all(b"transfer-encoding"))


async def send_reply(send: Send, reply: Reply, *, close: bool = False) -> None:
    """Write a reply; with `close` as the last one of its connection."""
    headers = [*reply.headers, _CLOSE] if close else list(reply.headers)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
