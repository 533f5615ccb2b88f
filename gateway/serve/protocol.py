"""HTTP as uvicorn speaks it, with bounds on the head of a request.

The server beneath us reads a head of any length, for any time: twenty megabytes of empty headers cost it four hundred
of memory, and a thousand connections that say nothing leave no descriptor for a check. A proxy in front has bounds of
its own; these hold for whoever gets past it.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 256_000
"""Bytes of one head. Far above what is answered (64 kB), so that what is only too large is told so."""
PATIENCE = 20.0
"""Seconds for one head, from the first moment of a connection, or from the first byte of a later request."""


class BoundedProtocol(HttpToolsProtocol):
    """Hangs up on a head that is longer than `MAX_HEAD`, or still not whole after `PATIENCE`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._unread = 0
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.cycle is not None and self.cycle.response_complete:
            # Whatever comes behind an answer stops uvicorn's own clock, be it a mere line end.
            self._await_head()
        if self._waiting is not None:
            self._unread += len(data)
            if self._unread > MAX_HEAD:
                self._hang_up()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._have_head()
        super().on_headers_complete()

    def _await_head(self) -> None:
        if self._waiting is None:
            self._unread = 0
            self._waiting = self.loop.call_later(PATIENCE, self._hang_up)

    def _have_head(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _hang_up(self) -> None:
        self._have_head()
        if not self.transport.is_closing():
            self.transport.abort()
