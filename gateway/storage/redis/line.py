"""One connection that the library has made and greeted, taken over to be asked by one caller, or one crowd, at a time.

Redis numbers nothing: a reply belongs to a command because it comes next. So the most dangerous thing on this line is a
reply that nobody took off it, of a caller who gave up; whoever asked next would be handed somebody else's session. So
each reply is owed to somebody, in order, and is taken off the line whether or not they still wait for it; and the line is
free for others at the moment when it owes nothing any more, and no earlier.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from redis.exceptions import ConnectionError as Broken
from redis.exceptions import TimeoutError as Late

from gateway.storage.redis.pool import ANSWER, Handover
from gateway.storage.redis.resp import IncompleteError, parsed

Owed: TypeAlias = asyncio.Future[Any]
"""A reply that is to come: what it says, or how the line broke. Whoever cancels theirs disturbs nobody else."""

AGAIN = 0.02
"""Seconds until a line that is overdue is looked at again; whoever looks so much too late was busy."""
LOOKS = 25
"""Looks at a line that is overdue, and no more: a process that is busy all the time must hear of an outage, too."""


class Line(asyncio.Protocol):
    """Takes `connection` over, which is connected; from here on the library reads nothing from it.

    `free` is called each time that everything owed has been taken off, and once when the line is closed. `ticks` is a
    monotonic clock.
    """

    def __init__(
        self,
        connection: Handover,
        free: Callable[["Line"], None],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._free = free
        self._ticks = ticks
        self._loop = asyncio.get_running_loop()
        self._owed: deque[Owed] = deque()
        self._unread = b""
        self._since = 0.0
        self._look_at = 0.0
        self._looks = 0
        self._watch: asyncio.TimerHandle | None = None
        self._fault: Exception | None = None
        self._transport = connection.hand_over(self)

    @property
    def ready(self) -> bool:
        """Whether the next reply on it will be that to the next command."""
        return self._fault is None and not self._owed and not self._transport.is_closing()

    def ask(self, commands: bytes, count: int) -> list[Owed]:
        """Write commands, packed; what each is owed, within `ANSWER` seconds from now or from the reply before it."""
        owed: list[Owed] = [self._loop.create_future() for _ in range(count)]
        self.send(commands, owed)
        return owed

    def send(self, commands: bytes, owed: Sequence[Owed]) -> None:
        """Write commands, packed, to which these replies are owed. Raises nothing: they are told how it failed."""
        self._owed.extend(owed)
        if self._fault is not None:
            self._tell(self._fault)
            return
        self._wait_anew()
        try:
            self._transport.write(commands)
        except RuntimeError:
            # A reset that arrives after the line was looked at has closed its transport. To write on it is a
            # RuntimeError of uvloop where asyncio says nothing; nothing was sent.
            self.close()

    def close(self) -> None:
        self._break(Broken("the connection was closed"))

    # The watch: one clock for the line, not one for each command

    def _wait_anew(self) -> None:
        self._since, self._looks = self._ticks(), 0
        if self._watch is None:
            self._look_in(ANSWER - AGAIN)

    def _look_in(self, seconds: float) -> None:
        self._look_at = self._ticks() + seconds
        self._watch = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._watch = None
        if not self._owed:
            return
        now = self._ticks()
        left = ANSWER - (now - self._since)
        if left > AGAIN:
            self._look_in(left - AGAIN)
            return
        # uvloop rings before it reads. A look that comes late proves that we were busy, not that the server was silent:
        # the reply may be lying in the socket, and the command may have left a moment ago. So what has arrived is read
        # first, until a look is in time; else each overload of our own would look like an outage, and become one.
        in_time = now - self._look_at < AGAIN
        if left <= 0 and (in_time or self._looks >= LOOKS):
            self._break(Late(f"Timeout reading from {self._connection.where}"))
            return
        self._looks += 1
        self._look_in(AGAIN)

    def _break(self, fault: Exception) -> None:
        if self._fault is not None:
            return
        self._fault = fault
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        self._connection.let_go()
        self._tell(fault)
        self._free(self)

    def _tell(self, fault: Exception) -> None:
        while self._owed:
            owed = self._owed.popleft()
            if not owed.done():
                owed.set_exception(fault)

    # What the transport calls

    def data_received(self, data: bytes) -> None:
        try:
            replies = self._read(self._unread + data if self._unread else data)
        except (ValueError, RecursionError):
            self._break(Broken("the server said what is no reply"))
            return
        if self._unread and len(replies) == len(self._owed):
            # It is not known any more which reply is whose, those of the last callers included.
            self._break(Broken("the server said more than it was asked"))
            return
        if replies:
            self._hand_out(replies)

    def _read(self, buffer: bytes) -> list[Any]:
        """The replies that are there, at most as many as are owed; what is left stays unread."""
        replies: list[Any] = []
        at = 0
        try:
            while at < len(buffer) and len(replies) < len(self._owed):
                reply, at = parsed(buffer, at, self._connection.error_of)
                replies.append(reply)
        except IncompleteError:
            pass
        self._unread = buffer[at:]
        return replies

    def _hand_out(self, replies: list[Any]) -> None:
        for reply in replies:
            owed = self._owed.popleft()
            if owed.done():
                continue
            if isinstance(reply, Exception):
                owed.set_exception(reply)
            else:
                owed.set_result(reply)
        if self._owed:
            self._wait_anew()
        else:
            self._free(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's form)
        # Without its cause, which may be a timeout of the system's: that of a `ConnectionError` means something else.
        self._break(Broken("Connection closed by server."))
