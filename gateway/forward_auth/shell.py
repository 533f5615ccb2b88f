"""Between ASGI and our own words: a scope becomes a `Head`, a `Reply` becomes two messages.

What we need of the request is in its head, so the body is never waited for: nginx sends a Content-Length without a
body, and a server that reads it would stall.
"""

from starlette.types import Scope, Send

from gateway.identity.presented import Head, Reply

NOT_FOUND = Reply(404, ((b"content-length", b"0"), (b"cache-control", b"no-store")))


def path_of(scope: Scope) -> bytes:
    """The raw path of the wire, without its query."""
    raw = scope.get("raw_path")
    return raw if isinstance(raw, bytes) else scope["path"].encode("utf-8", "surrogatepass")


def head_of(scope: Scope) -> Head:
    """The request head; the peer is "" on a Unix socket."""
    client = scope.get("client")
    return Head(scope["method"], path_of(scope), tuple(scope["headers"]), client[0] if client else "")


async def send_reply(send: Send, reply: Reply) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
    await send({"type": "http.response.body", "body": reply.body})
