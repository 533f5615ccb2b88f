"""Who is asking: a person whose browser shows the answer, or a program that reads it.

A redirect to the login page is an answer for a person only. A `fetch()` would follow it into another origin and
fail without a reason; an image would show nothing; a WebSocket would break. They get a 401 that says where to go.
"""

from gateway.identity.presented import Head

_WEBSOCKET = frozenset({b"ws", b"wss"})
_HANDSHAKE = frozenset({b"sec-websocket-key", b"upgrade"})
_NAVIGATE, _DOCUMENT = frozenset({b"navigate"}), frozenset({b"document"})
_USUAL = (b"sec-fetch-mode", b"sec-fetch-dest", b"accept", b"x-forwarded-proto")
_SELDOM = _HANDSHAKE | {b"x-requested-with", b"sec-purpose", b"purpose"}


def is_websocket(head: Head) -> bool:
    """A WebSocket handshake (RFC 6455 section 4.1); most proxies pass on the key and not the Upgrade."""
    if head.has_any(_HANDSHAKE) and (
        head.all(b"sec-websocket-key") or any(value.lower() == b"websocket" for value in head.all(b"upgrade"))
    ):
        return True
    return not _WEBSOCKET.isdisjoint(head.all(b"x-forwarded-proto"))


def is_navigation(head: Head, method: str) -> bool:
    """Whether a top-level navigation is waiting for a page (Fetch Metadata, W3C section 2)."""
    if method not in {"GET", "HEAD"} or head.has_any(_SELDOM):
        return _is_navigation(head, method)
    found = head.each_once(_USUAL)
    if found is None:
        return _is_navigation(head, method)
    mode, dest, accept, proto = found
    return (
        (mode is None or mode == b"navigate")
        and (dest is None or dest == b"document")
        and accept is not None
        and _is_page(accept)
        and proto not in _WEBSOCKET
    )


def _is_navigation(head: Head, method: str) -> bool:
    if method not in {"GET", "HEAD"} or head.all(b"x-requested-with") or is_websocket(head):
        return False
    purposes = head.all(b"sec-purpose") + head.all(b"purpose")
    return (
        _NAVIGATE.issuperset(head.all(b"sec-fetch-mode"))
        and _DOCUMENT.issuperset(head.all(b"sec-fetch-dest"))
        and not any(b"prefetch" in value for value in purposes)
        and any(_is_page(value) for value in head.all(b"accept"))
    )


def _is_page(accept: bytes) -> bool:
    return b"text/html" in accept or b"application/xhtml+xml" in accept


def foreign_origin(head: Head, own_origin: str) -> bool:
    """A WebSocket handshake from a page of another origin: browsers send cookies along and ask nobody."""
    origins = head.all(b"origin")
    return bool(origins) and is_websocket(head) and any(value != own_origin.encode() for value in origins)


def is_browser(head: Head) -> bool:
    """Whether a browser asks: each of today's says how it came to (Fetch Metadata, W3C section 2)."""
    return bool(head.all(b"sec-fetch-mode") or head.all(b"x-requested-with"))


def is_foreign_change(head: Head, method: str, own_origin: str) -> bool:
    """A request of another site's page that may change something; browsers send remembered passwords along.

    What says nothing about its sender is a program's: browsers name the site, and older ones at least the origin.
    """
    if method in {"GET", "HEAD"}:
        return False
    if site := head.all(b"sec-fetch-site"):
        return any(value not in {b"same-origin", b"none"} for value in site)
    return any(value != own_origin.encode() for value in head.all(b"origin"))
