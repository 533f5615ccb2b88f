"""The quick shell: what can be answered at once is answered while the head of the request is read.

    head ─→ answer ─┬─ a reply            written at once: no scope, no task, no cycle
                    ├─ a coroutine        waited for in a task, and written then
                    └─ None               not a verify call: the ASGI way

The answer is that of the same plain function that the ASGI endpoint calls, and it is asked for once. uvicorn keeps
what it does well: reading, connections, keep-alive, stopping. Whatever is out of the ordinary goes its way: a request
behind one that still waits, a client that does not read its answers, a body.
"""

import asyncio
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeAlias, cast

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.forward_auth.endpoint import Answered
from gateway.forward_auth.shell import announces_body
from gateway.identity.lines import Lines
from gateway.identity.presented import Head, Reply
from gateway.serve.known_heads import Known, KnownHeads
from gateway.serve.opening import Opening
from gateway.serve.protocol import BoundedProtocol
from gateway.serve.stand_ins import ANSWERED, pending

AnswerNow: TypeAlias = Callable[[Head], Answered | None]
"""The reply to a request head, a coroutine for it, or `None` where somebody else is asked."""

TESTED = frozenset({"0.54"})
"""Releases of uvicorn whose protocol class this one was tested with: it overrides what is not promised to stay."""


def is_tested(release: str = uvicorn.__version__) -> bool:
    """Whether the quick shell may be used with this uvicorn."""
    return release.rpartition(".")[0] in TESTED


_SHORT = 256  # bytes of a request target that is remembered

_FAILED = Reply(
    500,
    (
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"21"),
        (b"connection", b"close"),
    ),
    b"Internal Server Error",
)
"""As uvicorn says it."""


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
        self._pending: RequestResponseCycle | None = None
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
        if answered is None:
            self._receive_new(data)
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self._is_whole()
        self._give(answered, known)

    def _is_between(self) -> bool:
        """Whether the parser stands at the beginning of a request, and has seen nothing of it."""
        return self._whole or not self._parsed

    def _receive_new(self, data: bytes) -> None:
        self._begin_piece(len(data))
        super().data_received(data)
        # One request, all of it and nothing else: what it was read as holds for these bytes.
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
            self.cycle = self.cycle or ANSWERED
        elif self._is_waited_for():
            self._begin_cycle()
        else:
            self._ask(self._head())

    def on_message_complete(self) -> None:
        if self.cycle is ANSWERED or self.cycle is self._pending:
            self._is_whole()
        else:
            super().on_message_complete()

    def _ask(self, head: Head) -> None:
        # The framing of a body that nobody wants may still turn out to be broken, and uvicorn answers that with a 400.
        answered = None if announces_body(head) else self._counter.answer(head)
        if answered is None:
            self._begin_cycle()
        else:
            stays = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
            self._plain = Known(head, stays)
            self._give(answered, self._plain)

    def _is_waited_for(self) -> bool:
        """Whether an answer is still to come, or to be read by the client: the next one is not to overtake it."""
        return (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused

    def _head(self) -> Head:
        method = self.parser.get_method().decode("ascii")
        url = self.url
        path = _path_of(url) if len(url) <= _SHORT else httptools.parse_url(url).path
        return Head(method, path, tuple(self.headers), self._peer, self._piece)

    # The answer

    def _give(self, answered: Answered, known: Known) -> None:
        if isinstance(answered, Reply):
            self.cycle = ANSWERED
            self.server_state.total_requests += 1
            self._write(answered, known.head, stays=known.stays)
            return
        self.cycle = self._pending = pending(keep_alive=known.stays)
        task = self.loop.create_task(answered)
        self.tasks.add(cast("asyncio.Task[None]", task))  # a stop waits for these, whatever they come to
        task.add_done_callback(partial(self._has_waited, known.head, self._pending))

    def _has_waited(self, head: Head, cycle: RequestResponseCycle, task: asyncio.Task[Reply]) -> None:
        self.tasks.discard(cast("asyncio.Task[None]", task))
        cycle.response_complete = True
        reply = self._outcome(task)
        if self.transport.is_closing():  # nobody would hear it
            return
        self._write(reply, head, stays=cycle.keep_alive)
        if self.pipeline:  # somebody asked behind it, the ASGI way
            self.on_response_complete()
        else:
            self.cycle = ANSWERED
            self.server_state.total_requests += 1

    def _outcome(self, task: asyncio.Task[Reply]) -> Reply:
        """What the coroutine came to. It never raises; should it do so, or be cancelled by a stop, it is no answer."""
        try:
            return task.result()
        except BaseException:
            self.logger.exception("Exception in a check")
            return _FAILED

    def _write(self, reply: Reply, head: Head, *, stays: bool) -> None:
        wire = reply.wire or Lines.of(reply.headers).wire
        if not wire:  # a header that must not be sent: hang up, as uvicorn does
            self.logger.error("A header of an answer is not fit to be sent")
            self.transport.close()
            return
        opening = self._counter.opening
        begin = opening.of(reply.status, self.server_state.default_headers)
        stays = stays and not opening.is_last and reply is not _FAILED
        end = b"\r\n" if stays or opening.is_last or reply is _FAILED else b"connection: close\r\n\r\n"
        body = reply.body if head.method != "HEAD" else b""
        self.transport.write(b"".join((begin, wire, end, body)))
        self._answers += 1
        if not stays:
            self.transport.close()
        elif self._idle is None:
            self._watch_for_idleness()

    # Connections that say nothing

    def _watch_for_idleness(self) -> None:
        """One clock for a connection, not one for each answer: it ends after one to two spans without a request."""
        self._idle = self.loop.call_later(self.timeout_keep_alive, self._end_if_idle, self._answers)

    def _end_if_idle(self, answers: int) -> None:
        if answers == self._answers and self._whole and self.cycle is ANSWERED:
            self.timeout_keep_alive_handler()
        else:
            self._watch_for_idleness()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        super().connection_lost(exc)

    # The ASGI way

    def _begin_cycle(self) -> None:
        url, headers = self.url, self.headers
        HttpToolsProtocol.on_message_begin(self)
        for name, value in headers:
            HttpToolsProtocol.on_header(self, name, value)
        self.url = url
        HttpToolsProtocol.on_headers_complete(self)


@lru_cache(64)
def _path_of(url: bytes) -> bytes:
    """The path of a request target. Proxies ask at one or two."""
    return httptools.parse_url(url).path
