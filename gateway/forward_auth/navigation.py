"""Who is asking: a person whose browser shows the answer, or a program that reads it.

A redirect to the login page is an answer for a person only. A `fetch()` would follow it into another origin and
fail without a reason; an image would show nothing; a WebSocket would break. They get a 401 that says where to go.
"""

from gateway.identity.presented import Head


def is_websocket(head: Head) -> bool:
    """A WebSocket handshake (RFC 6455 section 4.1); most proxies pass on the key and not the Upgrade."""
    for name, value in head.headers:
        if name == b"sec-websocket-key" or (name == b"upgrade" and value.lower() == b"websocket"):
            return True
        if name == b"x-forwarded-proto" and value in {b"ws", b"wss"}:
            return True
    return False


def is_navigation(head: Head, method: str) -> bool:
    """Whether a top-level navigation is waiting for a page (Fetch Metadata, W3C section 2)."""
    if method not in {"GET", "HEAD"}:
        return False
    html = False
    for name, value in head.headers:
        if name == b"sec-fetch-mode" and value != b"navigate":
            return False
        if name == b"sec-fetch-dest" and value != b"document":
            return False
        if name in {b"sec-purpose", b"purpose"} and b"prefetch" in value:
            return False
        if name == b"x-requested-with":
            return False
        if name == b"accept":
            html = html or b"text/html" in value or b"application/xhtml+xml" in value
    return html and not is_websocket(head)


def foreign_origin(head: Head, own_origin: str) -> bool:
    """A WebSocket handshake from a page of another origin: browsers send cookies along and ask nobody."""
    origins = head.all(b"origin")
    return bool(origins) and is_websocket(head) and any(value != own_origin.encode() for value in origins)
