"""What stands where uvicorn keeps a request's cycle, for requests that have none.

uvicorn looks at the cycle of its latest request when bytes arrive, when a connection is lost and when it stops. These
answer what it asks then, and nothing else.
"""

from typing import cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class _Event:
    def set(self) -> None:
        """Nobody waits for the body, or for a disconnect."""


class Answered:
    """A request that has its answer: bodies are thrown away, and a stop may close the connection."""

    response_complete = True
    message_event = _Event()


class Pending:
    """A request whose answer is still to come. `keep_alive` is taken away by a stop."""

    message_event = _Event()

    def __init__(self, *, keep_alive: bool) -> None:
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = keep_alive
        self.more_body = False
        self.body = b""


ANSWERED = cast("RequestResponseCycle", Answered())


def pending(*, keep_alive: bool) -> RequestResponseCycle:
    """A cycle, as far as uvicorn looks."""
    return cast("RequestResponseCycle", Pending(keep_alive=keep_alive))
