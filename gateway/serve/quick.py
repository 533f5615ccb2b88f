"""The quick shell: what can be answered at once is answered while the head of the request is read.

    head ─→ answer ─┬─ a reply            written at once: no scope, no task, no cycle
                    ├─ a coroutine        waited for in a task, as every ASGI application is
                    └─ None               not a verify call: the ASGI way from the beginning

The answer is that of the same plain function that the ASGI endpoint calls, and it is asked for once. uvicorn keeps
what it does well: reading, connections, keep-alive, stopping. Whatever is out of the ordinary goes its way: a request
behind one that still waits, a client that does not read its answers.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, cast

import httptools
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.forward_auth.shell import announces_body, send_reply
from gateway.identity.presented import Head, Reply
from gateway.serve.protocol import BoundedProtocol

AnswerNow: TypeAlias = Callable[[Head], Reply | Coroutine[Any, Any, Reply] | None]
"""The reply to a request head, a coroutine for it, or `None` where somebody else is asked."""

TESTED = frozenset({"0.54"})
"""Releases of uvicorn whose protocol class this one was tested with: it overrides what is not promised to stay."""

_UNSAFE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def is_tested(release: str = uvicorn.__version__) -> bool:
    """Whether the quick shell may be used with this uvicorn."""
    return release.rpartition(".")[0] in TESTED


class _Answered:
    """Stands where uvicorn keeps its cycle, for a request that had none: the response is complete.

    Bodies are thrown away, nothing has to be told of a disconnect, and a stop may close the connection.
    """

    response_complete = True

    class message_event:  # noqa: N801 (uvicorn's name)
        set = staticmethod(lambda: None)


_ANSWERED = cast("RequestResponseCycle", _Answered)


class QuickProtocol(BoundedProtocol):
    """One connection. `answer` is asked once for each request that nothing stands before."""

    def __init__(self, *arguments: Any, answer: AnswerNow, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._answer = answer
        self._answers = 0
        self._idle: asyncio.TimerHandle | None = None

    def on_message_begin(self) -> None:
        # What uvicorn makes here, a scope above all, is made when it is needed.
        self._has_begun()
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self.transport.is_closing():  # whatever is answered now, nobody would hear it
            self.cycle = self.cycle or _ANSWERED
        elif self._is_waited_for():
            self._begin_cycle(self.app)
        else:
            self._ask(self._head())

    def _ask(self, head: Head) -> None:
        # The framing of a body that nobody wants may still turn out to be broken, and uvicorn answers that with a 400.
        answered = None if announces_body(head) else self._answer(head)
        if answered is None:
            self._begin_cycle(self.app)
        elif not isinstance(answered, Reply):
            self._begin_cycle(_once(answered))
        elif any(_UNSAFE.search(value) for _, value in answered.headers):  # uvicorn hangs up on it
            self._begin_cycle(_once(_done(answered)))
        else:
            self._write(answered, head)

    def _is_waited_for(self) -> bool:
        """Whether an answer is still to come, or to be read by the client: the next one is not to overtake it."""
        return (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused

    def _head(self) -> Head:
        path = httptools.parse_url(self.url).path
        peer = self.client[0] if self.client else ""
        return Head(self.parser.get_method().decode("ascii"), path, tuple(self.headers), peer)

    def _write(self, reply: Reply, head: Head) -> None:
        content, last = [STATUS_LINE[reply.status]], False
        for name, value in self.server_state.default_headers:
            content += (name, b": ", value, b"\r\n")
            last = last or name == b"connection"  # the server stops
        keep = not last and self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        for name, value in reply.headers:
            content += (name, b": ", value, b"\r\n")
        content.append(b"\r\n" if keep or last else b"connection: close\r\n\r\n")
        if head.method != "HEAD":
            content.append(reply.body)
        self.transport.write(b"".join(content))
        self._has_replied(keep)

    def _has_replied(self, keep: bool) -> None:
        self.cycle = _ANSWERED
        self._answers += 1
        self.server_state.total_requests += 1
        if not keep:
            self.transport.close()
        elif self._idle is None:
            self._watch_for_idleness()

    # Connections that say nothing

    def _watch_for_idleness(self) -> None:
        """One clock for a connection, not one for each answer: it ends after one to two spans without a request."""
        self._idle = self.loop.call_later(self.timeout_keep_alive, self._end_if_idle, self._answers)

    def _end_if_idle(self, answers: int) -> None:
        if answers == self._answers and self._whole and self.cycle is _ANSWERED:
            self.timeout_keep_alive_handler()
        else:
            self._watch_for_idleness()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        super().connection_lost(exc)

    # The ASGI way

    def _begin_cycle(self, app: ASGIApp) -> None:
        url, headers, own = self.url, self.headers, self.app
        HttpToolsProtocol.on_message_begin(self)
        for name, value in headers:
            HttpToolsProtocol.on_header(self, name, value)
        self.url, self.app = url, app
        try:
            HttpToolsProtocol.on_headers_complete(self)
        finally:
            self.app = own


def _once(answering: Coroutine[Any, Any, Reply]) -> ASGIApp:
    """An application that is asked once: it sends what was begun before."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 (ASGI's form)
        await send_reply(send, await answering)

    return app


async def _done(reply: Reply) -> Reply:
    return reply
