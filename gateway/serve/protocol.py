"""HTTP as uvicorn speaks it, with bounds on a request.

The server beneath us reads a head of any length, and waits for a head or a body for any time: twenty megabytes of empty
headers cost it four hundred of memory, and a thousand connections that say half a request leave no descriptor for a
check. A proxy in front has bounds of its own; these hold for whoever gets past it. How long a body may be is decided
by whoever reads one.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 256_000
"""Bytes of one head. Far above what is answered (64 kB), so that what is only too large is told so."""
PATIENCE = 20.0
"""Seconds for one request to arrive, from the first moment of a connection, or from the first byte of a later one."""


class BoundedProtocol(HttpToolsProtocol):
    """Hangs up on a head that is longer than `MAX_HEAD`, and on a request that is not whole after `PATIENCE`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._whole = False
        self._unread = 0
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.cycle is not None and self.cycle.response_complete:
            # Whatever comes behind an answer stops uvicorn's own clock, be it a mere line end.
            self._has_begun()
        self._unread += len(data)
        if self._in_head and self._unread > MAX_HEAD and self._waiting is not None:
            self._hang_up()
            return
        super().data_received(data)
        # A request nearly always comes in one piece, and then no clock is set for it.
        if not self._whole and self._waiting is None:
            self._await_request()

    def on_message_begin(self) -> None:
        self._has_begun()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_whole()
        super().on_message_complete()

    def _has_begun(self) -> None:
        if self._whole:
            self._whole, self._in_head, self._unread = False, True, 0

    def _is_whole(self) -> None:
        self._whole = True
        if self._waiting is not None:
            self._stop_waiting()

    def _await_request(self) -> None:
        self._waiting = self.loop.call_later(PATIENCE, self._hang_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _hang_up(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.abort()
