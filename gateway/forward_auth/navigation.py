"""Who is asking: a person whose browser shows the answer, or a program that reads it.

A redirect to the login page is an answer for a person only. A `fetch()` would follow it into another origin and
fail without a reason; an image would show nothing; a WebSocket would break. They get a 401 that says where to go.
"""

from gateway.identity.presented import Head

_WEBSOCKET = frozenset({b"ws", b"wss"})
_NAVIGATE, _DOCUMENT = frozenset({b"navigate"}), frozenset({b"document"})


def is_websocket(head: Head) -> bool:
    """A WebSocket handshake (RFC 6455 section 4.1); most proxies pass on the key and not the Upgrade."""
    return bool(
        head.all(b"sec-websocket-key")
        or any(value.lower() == b"websocket" for value in head.all(b"upgrade"))
        or not _WEBSOCKET.isdisjoint(head.all(b"x-forwarded-proto"))
    )


def is_navigation(head: Head, method: str) -> bool:
    """Whether a top-level navigation is waiting for a page (Fetch Metadata, W3C section 2)."""
    if method not in {"GET", "HEAD"} or head.all(b"x-requested-with"):
        return False
    if not (
        _NAVIGATE.issuperset(head.all(b"sec-fetch-mode"))
        and _DOCUMENT.issuperset(head.all(b"sec-fetch-dest"))
    ):
        return False
    purposes = head.all(b"sec-purpose") + head.all(b"purpose")
    if purposes and any(b"prefetch" in value for value in purposes):
        return False
    html = [b"text/html" in value or b"application/xhtml+xml" in value for value in head.all(b"accept")]
    return any(html) and not is_websocket(head)


def foreign_origin(head: Head, own_origin: str) -> bool:
    """A WebSocket handshake from a page of another origin: browsers send cookies along and ask nobody."""
    origins = head.all(b"origin")
    return bool(origins) and is_websocket(head) and any(value != own_origin.encode() for value in origins)
