"""The quick shell: what can be answered at once is answered while the head of the request is read.

    head ─→ answer ─┬─ a reply            written at once: no scope, no task, no cycle
                    ├─ a coroutine        waited for in a task, as every ASGI application is
                    └─ None               not a verify call: the ASGI way from the beginning

The answer is that of the same plain function that the ASGI endpoint calls, and it is asked for once. uvicorn keeps
what it does well: reading, connections, keep-alive, stopping. Whatever is out of the ordinary goes its way: a request
behind one that still waits, a client that does not read its answers.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any, TypeAlias, cast

import httptools
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.forward_auth.shell import announces_body, send_reply
from gateway.identity.lines import Lines
from gateway.identity.presented import Head, Reply
from gateway.serve.known_heads import Known, KnownHeads
from gateway.serve.protocol import BoundedProtocol

Answered: TypeAlias = Reply | Coroutine[Any, Any, Reply]
AnswerNow: TypeAlias = Callable[[Head], Answered | None]
"""The reply to a request head, a coroutine for it, or `None` where somebody else is asked."""

TESTED = frozenset({"0.54"})
"""Releases of uvicorn whose protocol class this one was tested with: it overrides what is not promised to stay."""


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


class Opening:
    """How every answer of a server begins: the status line, and the lines that the server adds.

    uvicorn makes those anew once a second, for the date; they are joined once for each list that it hands out.
    """

    __slots__ = ("_lines", "_wire", "is_last")

    def __init__(self) -> None:
        self._lines: list[tuple[bytes, bytes]] | None = None
        self._wire: dict[int, bytes] = {}
        self.is_last = False

    def of(self, status: int, lines: list[tuple[bytes, bytes]]) -> bytes:
        """The beginning of an answer; `is_last` says from here on whether it ends its connection."""
        if lines is not self._lines:
            self._lines, self._wire = lines, {}
            self.is_last = any(name == b"connection" for name, _ in lines)  # the server stops
        wire = self._wire.get(status)
        if wire is None:
            joined = b"".join([b"%b: %b\r\n" % line for line in lines])
            wire = self._wire[status] = STATUS_LINE[status] + joined
        return wire


class Counter:
    """What all connections of a server share: whom to ask, how answers begin, and the heads that came before."""

    __slots__ = ("answer", "known", "opening")

    def __init__(self, answer: AnswerNow) -> None:
        self.answer = answer
        self.opening = Opening()
        self.known = KnownHeads()


class QuickProtocol(BoundedProtocol):
    """One connection. The counter's `answer` is asked once for each request that nothing stands before."""

    def __init__(self, *arguments: Any, counter: Counter, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._counter = counter
        self._peer = ""
        self._answers = 0
        self._parsed = False
        self._piece = 0
        self._begun = 0
        self._plain: Known | None = None
        self._given: Answered | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""

    # A head that came before

    def data_received(self, data: bytes) -> None:
        if not self._is_between() or self._is_waited_for() or self.transport.is_closing():
            self._begin_piece(0)
            super().data_received(data)
            return
        known = self._counter.known.get(data)
        if known is None or known.head.peer != self._peer:
            self._receive_new(data)
            return
        answered = self._counter.answer(known.head)
        if isinstance(answered, Reply) and answered.wire:
            self._unset_keepalive_if_required()
            self._is_whole()
            self._write(answered, answered.wire, known)
        else:
            # Somebody has to wait. The parser gets to see the head after all; the answer is on its way already.
            self._given = answered
            self._receive_new(data)

    def _is_between(self) -> bool:
        """Whether the parser stands at the beginning of a request, and has seen nothing of it."""
        return self._whole or not self._parsed

    def _receive_new(self, data: bytes) -> None:
        self._begin_piece(len(data))
        super().data_received(data)
        # One request, all of it and nothing else, and answered at once: what it was read as holds for these bytes.
        if self._plain is not None and self._begun == 1 and self._whole and not self.parser.should_upgrade():
            self._counter.known.add(data, self._plain)

    def _begin_piece(self, size: int) -> None:
        """`size`: no head that is read from now on is longer; 0 where its beginning came before."""
        self._parsed = True
        self._piece, self._begun, self._plain = size, 0, None

    # What the parser tells

    def on_message_begin(self) -> None:
        # What uvicorn makes here, a scope above all, is made when it is needed.
        self._has_begun()
        self._begun += 1
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

    def on_message_complete(self) -> None:
        if self.cycle is _ANSWERED:
            self._is_whole()
        else:
            super().on_message_complete()

    def _ask(self, head: Head) -> None:
        # The framing of a body that nobody wants may still turn out to be broken, and uvicorn answers that with a 400.
        answered = None if announces_body(head) else self._answer(head)
        if answered is None:
            self._begin_cycle(self.app)
        elif not isinstance(answered, Reply):
            self._begin_cycle(_once(answered))
        else:
            wire = answered.wire or Lines.of(answered.headers).wire
            if wire:
                stays = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
                self._plain = Known(head, stays)
                self._write(answered, wire, self._plain)
            else:  # uvicorn hangs up on such a header
                self._begin_cycle(_once(_done(answered)))

    def _answer(self, head: Head) -> Answered | None:
        given, self._given = self._given, None
        return self._counter.answer(head) if given is None else given

    def _is_waited_for(self) -> bool:
        """Whether an answer is still to come, or to be read by the client: the next one is not to overtake it."""
        return (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused

    def _head(self) -> Head:
        method = self.parser.get_method().decode("ascii")
        return Head(method, _path_of(self.url), tuple(self.headers), self._peer, self._piece)

    # The answer

    def _write(self, reply: Reply, wire: bytes, known: Known) -> None:
        opening = self._counter.opening
        begin = opening.of(reply.status, self.server_state.default_headers)
        end = b"\r\n" if known.stays or opening.is_last else b"connection: close\r\n\r\n"
        body = reply.body if known.head.method != "HEAD" else b""
        self.transport.write(b"".join((begin, wire, end, body)))
        self.cycle = _ANSWERED
        self._answers += 1
        self.server_state.total_requests += 1
        if not known.stays or opening.is_last:
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


@lru_cache(64)
def _path_of(url: bytes) -> bytes:
    """The path of a request target. Proxies ask at one or two."""
    return httptools.parse_url(url).path


async def _done(reply: Reply) -> Reply:
    return reply
