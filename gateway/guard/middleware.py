"""The size of what the public listener reads, and what it answers where nothing is.

The server beneath us accepts a megabyte of headers and any body. A login page needs neither; a proxy in front of us
usually sends its own limits, and these hold where it does not.
"""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.identity.presented import Head, Reply
from gateway.pages.answers import Answers
from gateway.pages.faults import HEADERS_TOO_LARGE, NOT_FOUND, TOO_LARGE, FaultPage

MAX_HEADER_BYTES = 64_000
MAX_FIELDS = 200
MAX_BODY = 64_000

_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})  # of other methods nobody here reads one


class RequestLimits:
    """Refuses requests that are larger than anything the pages need; the rest passes unchanged."""

    def __init__(self, app: ASGIApp, answers: Answers, new_id: Callable[[], str]) -> None:
        self._app = app
        self._answers = answers
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fault = oversized(_head(scope))
        if fault is not None:
            await self._refuse(scope, send, fault)
            return
        body = await _body(receive) if scope["method"] in _WITH_BODY else b""
        if body is None:
            await self._refuse(scope, send, TOO_LARGE)
            return
        await self._app(scope, _replayed(body, receive), send)

    async def _refuse(self, scope: Scope, send: Send, fault: FaultPage) -> None:
        # What follows on this connection may be the rest of a body that nobody has read.
        close = (b"connection", b"close")
        reply = self._answers.fault(_head(scope), fault, fault.key, self._new_id(), close)
        await _send(scope, send, reply)


class NothingHere:
    """The answer at every path that nobody owns."""

    def __init__(self, answers: Answers, new_id: Callable[[], str]) -> None:
        self._answers = answers
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's form)
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        reply = self._answers.fault(_head(scope), NOT_FOUND, NOT_FOUND.key, self._new_id())
        await _send(scope, send, reply)


def oversized(head: Head) -> FaultPage | None:
    """What is too large about a request, as far as its head says."""
    if len(head.headers) > MAX_FIELDS:
        return HEADERS_TOO_LARGE
    if len(head.target) + sum([len(name) + len(value) for name, value in head.headers]) > MAX_HEADER_BYTES:
        return HEADERS_TOO_LARGE
    lengths = head.all(b"content-length")
    # More digits than the limit has is larger, whatever number it is: no conversion of a megabyte of digits.
    if any(len(length) > 10 or not length.isdigit() or int(length) > MAX_BODY for length in lengths):
        return TOO_LARGE
    return None


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or `None` as soon as it is over the limit: a chunked one announces no length."""
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body that was read, in one message, and then whatever else comes."""
    told = False

    async def replaying() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replaying


def _head(scope: Scope) -> Head:
    client = scope.get("client")
    return Head(
        scope["method"], scope.get("raw_path") or b"", tuple(scope["headers"]), client[0] if client else ""
    )


async def _send(scope: Scope, send: Send, reply: Reply) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})
