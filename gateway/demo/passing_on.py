"""Which headers the demo's proxy passes on, to whom. Pure functions, because this is where proxies go wrong."""

import re

from gateway.demo.websocket import wants_websocket
from gateway.demo.wire import Status
from gateway.errors import Malformed
from gateway.forward_auth.snippets.plan import ASKED, FORWARDED, GATEWAY
from gateway.identity.presented import Head, Headers

_IDENTITY = b"x-auth-"
_ASKED = frozenset(name.lower().encode() for name in ASKED)
_OURS = frozenset(
    name.lower().encode()
    for name in (*FORWARDED, *GATEWAY, "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto")
)
# RFC 9110 section 7.6.1. They speak of one connection, and we make another.
_HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)


def _folded(name: bytes) -> bytes:
    """How CGI, WSGI and PHP read a name: every mark is a dash, so that X_Auth_User is X-Auth-User."""
    return re.sub(rb"[^a-z0-9]", b"-", name)


def host_of(head: Head) -> bytes:
    """The one Host (RFC 9112 section 3.2), or `Malformed`."""
    hosts = head.all(b"host")
    if len(hosts) != 1:
        raise Malformed("host")
    return hosts[0]


def forwarded(head: Head) -> Headers:
    """What the proxy itself says about the client. `http`, because the demo never leaves the machine."""
    return (
        (b"x-forwarded-for", head.peer.encode("ascii")),
        (b"x-forwarded-host", host_of(head)),
        (b"x-forwarded-proto", b"http"),
    )


def question(head: Head) -> Headers:
    """The headers of a check: our own words, and those of the client that a check reads."""
    return (
        (b"host", host_of(head)),
        *forwarded(head),
        (b"x-forwarded-method", head.method.encode("ascii")),
        (b"x-forwarded-uri", head.target),
        *[line for line in head.headers if line[0] in _ASKED],
        (b"connection", b"close"),
    )


def _of_the_client(head: Head, *, cookies: bool) -> Headers:
    """The client's headers without those of one connection, and without any that only we may write."""
    listed = {word.strip().lower() for line in head.all(b"connection") for word in line.split(b",")}
    dropped = _HOP_BY_HOP | listed | (frozenset() if cookies else {b"cookie"})
    return tuple(
        [
            (name, value)
            for name, value in head.headers
            if name not in dropped and _folded(name) not in _OURS and not _folded(name).startswith(_IDENTITY)
        ]
    )


def to_gateway(head: Head) -> Headers:
    """A request for the gateway's own pages: with its cookies, and never an upgrade."""
    return (*_of_the_client(head, cookies=True), *forwarded(head), *_framing(head), (b"connection", b"close"))


def to_application(head: Head, answer: Status) -> Headers:
    """A request that may pass: identity headers and the cleaned Cookie line come from the check's 200 alone."""
    identity = [line for line in answer.headers if line[0].startswith(_IDENTITY)]
    cookie = [(b"cookie", value) for value in answer.all(b"cookie")[:1] if value]
    upgrade: Headers = ((b"connection", b"close"),)
    if wants_websocket(head):
        # Only WebSocket may be upgraded: an upgrade to h2c would carry requests past every check.
        upgrade = ((b"connection", b"Upgrade"), (b"upgrade", b"websocket"))
    return (
        *_of_the_client(head, cookies=False),
        *identity,
        *cookie,
        *forwarded(head),
        *_framing(head),
        *upgrade,
    )


def _framing(head: Head) -> Headers:
    return ((b"transfer-encoding", b"chunked"),) if head.all(b"transfer-encoding") else ()


def to_client(status: Status) -> Headers:
    """A response, whose connection ends with it. A 101 keeps its upgrade."""
    if status.code == 101:
        return status.headers
    kept = [line for line in status.headers if line[0] not in _HOP_BY_HOP]
    chunked = [(b"transfer-encoding", b"chunked")] if status.all(b"transfer-encoding") else []
    return (*kept, *chunked, (b"connection", b"close"))
