"""One server as we see it: its connections, whether it is the one that we knew, and the breaker while it is away."""

import asyncio
from collections.abc import Callable
from typing import Any

from redis import exceptions
from redis.asyncio import Connection

from gateway.storage.redis.breaker import Breaker
from gateway.storage.redis.crowd import Crowd
from gateway.storage.redis.line import Line, Owed
from gateway.storage.redis.lines import Lines
from gateway.storage.redis.pool import Pool
from gateway.storage.redis.primary import Primary, field_of
from gateway.storage.redis.resp import Word, packed

DEADLINE = 2.0
"""Seconds to come by a connection: waiting for one, making it, greeting the server."""

_CONFIRM_MS = 50
"""How long a write waits for a replica to have it."""


class Node:
    """Sends a command once. Raises what redis-py raises, `OSError`, or `StoreFault` while the server rests.

    `connect` makes the pool out of the settings that it is given. `unconfirmed` is told of each write that no replica
    had within its time, though there are replicas.
    """

    def __init__(
        self, connect: Callable[..., Pool], ticks: Callable[[], float], unconfirmed: Callable[[], None]
    ) -> None:
        self._pool = connect(redis_connect_func=self._greet)
        self._lines = Lines(self._pool, ticks)
        self._crowd: Crowd | None = None
        self._waiting: set[asyncio.Task[None]] = set()
        self._breaker = Breaker(ticks)
        self._unconfirmed = unconfirmed
        self._last_failure: Exception | None = None
        self.primary = Primary(ticks)
        self.doubted = False
        """Whether the last thing heard of it was a failure."""

    @property
    def busy(self) -> bool:
        return self._lines.busy

    async def send(self, *command: Word, asking: bool = False, confirm: bool = False) -> Any:
        """The reply. `confirm`: wait until a replica has what was written, where there are replicas, and not for long.

        `asking`: the node is just being given the key's slot, and takes the command only when told so.
        """
        copies = int(confirm and await self._has_replicas())
        self._breaker.admit()
        try:
            # Before anybody has a line: what cannot be written is this caller's fault alone.
            wire = packed(command)
            if asking or copies:
                reply = await self._ask(await self._line(), wire, asking=asking, copies=copies)
            else:
                reply = await self._joined().join(wire)
        except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
            if not crowded(error):
                self._failed(error)
            raise
        except exceptions.ResponseError as error:
            self._answered()
            if _deposed(error):  # a failover: what we hold leads to the old primary
                self.primary.changed()
                self._lines.drop_idle()
            raise
        self._answered()
        return reply

    async def close(self) -> None:
        self._lines.make_no_more()  # a read whose connection is closed is asked again
        waiting = tuple(self._waiting)
        for one in waiting:
            one.cancel()
        if waiting:
            await asyncio.wait(waiting)
        await self._lines.close()

    def _answered(self) -> None:
        self._breaker.worked()
        self.doubted = False
        self._last_failure = None

    def _failed(self, error: Exception) -> None:
        if error is self._last_failure:  # of a line that others shared, who have told already: it failed once
            return
        self._last_failure = error
        self.doubted = True
        self._breaker.failed()
        # One dead socket means that its neighbours are dead too; met one by one they would cost one failed request each.
        self._lines.drop_idle()

    async def _greet(self, connection: Connection) -> None:
        """Greet the server on a new connection, and see whether it is the one we knew."""
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        try:
            self.primary.met(await connection.read_response())
        except exceptions.ResponseError:  # an ACL that does not grant INFO
            self.primary.met(b"")

    async def _has_replicas(self) -> bool:
        if self.primary.has_replicas is None:
            try:
                section = await self.send("INFO", "replication")
            except exceptions.ResponseError:
                section = b""
            self.primary.told(int(field_of(section, b"connected_slaves") or 0))
        return bool(self.primary.has_replicas)

    def _joined(self) -> Crowd:
        """Those who ask in this turn of the loop, or wait for the next line."""
        if self._crowd is None or not self._crowd.open:
            self._crowd = Crowd(self._lines, self._line)
            if self._crowd.waiting is not None:
                self._waiting.add(self._crowd.waiting)
                self._crowd.waiting.add_done_callback(self._waiting.discard)
        return self._crowd

    async def _line(self) -> Line:
        """With it there is nothing to wait for but the replies, which have deadlines of their own."""
        line = self._lines.idle()
        if line is not None:
            return line
        async with asyncio.timeout(DEADLINE):
            return await self._lines.take()

    async def _ask(self, line: Line, wire: bytes, *, asking: bool, copies: int) -> Any:
        # ASKING and WAIT are about their own connection: both travel with the command.
        if asking:
            wire = packed(("ASKING",)) + wire
        if copies:
            wire += packed(("WAIT", copies, _CONFIRM_MS))
        owed = line.ask(wire, 1 + asking + bool(copies))
        try:
            if asking:
                await owed[0]
            if copies:  # that of WAIT comes last, and until then nobody else can have the line
                await asyncio.wait(owed)
            reply = await owed[int(asking)]
            if copies:
                self._confirmed(owed[-1])
            return reply
        finally:
            for one in owed:
                _wait_no_more(one)

    def _confirmed(self, said: Owed) -> None:
        try:
            copies = int(said.result())
        except (exceptions.RedisError, OSError):
            copies = 0  # the write stands: whatever befalls WAIT is no reason to say that it had failed
        if copies < 1:
            self._unconfirmed()


def _wait_no_more(owed: Owed) -> None:
    """The reply is taken off the line all the same; that it was none is no surprise."""
    if not owed.cancel() and not owed.cancelled():
        owed.exception()


def crowded(error: Exception) -> bool:
    """Whether all our connections were busy: that is load, and says nothing about the server."""
    return isinstance(error, exceptions.ConnectionError) and isinstance(error.__cause__, TimeoutError)


def _deposed(error: exceptions.ResponseError) -> bool:
    # Redis before 7.0 wraps what a script meets into a plain ERR.
    return isinstance(error, exceptions.ReadOnlyError) or "-READONLY" in str(error)
