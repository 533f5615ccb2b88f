"""One server as we see it: its connections, whether it is the one that we knew, and the breaker while it is away."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

from redis import exceptions
from redis.asyncio import Connection

from gateway.storage.redis.breaker import Breaker
from gateway.storage.redis.pool import Pool
from gateway.storage.redis.primary import Primary, field_of

Word: TypeAlias = str | bytes | int | float

DEADLINE = 2.0
"""Seconds for one command in all: waiting for a connection, making one, greeting the server, the answer."""

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
        self._breaker = Breaker(ticks)
        self._unconfirmed = unconfirmed
        self.primary = Primary(ticks)
        self.doubted = False
        """Whether the last thing heard of it was a failure."""

    @property
    def busy(self) -> bool:
        return self._pool.busy

    async def send(self, *command: Word, asking: bool = False, confirm: bool = False) -> Any:
        """The reply. `confirm`: wait until a replica has what was written, where there are replicas, and not for long.

        `asking`: the node is just being given the key's slot, and takes the command only when told so.
        """
        copies = int(confirm and await self._has_replicas())
        self._breaker.admit()
        try:
            async with asyncio.timeout(DEADLINE):
                reply = await self._exchange(command, asking=asking, copies=copies)
        except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
            if not crowded(error):
                self.doubted = True
                self._breaker.failed()
                await self.drop_idle()
            raise
        except exceptions.ResponseError as error:
            self._answered()
            if _deposed(error):  # a failover: what we hold leads to the old primary
                self.primary.changed()
                await self.drop_idle()
            raise
        self._answered()
        return reply

    async def drop_idle(self) -> None:
        # One dead socket means that its neighbours are dead too; met one by one they would cost one failed
        # request each.
        await asyncio.gather(
            *(connection.disconnect() for connection in self._pool.take_idle()), return_exceptions=True
        )

    async def close(self) -> None:
        await self._pool.aclose()

    def _answered(self) -> None:
        self._breaker.worked()
        self.doubted = False

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

    async def _exchange(self, command: tuple[Word, ...], *, asking: bool, copies: int) -> Any:
        # ASKING and WAIT are about their own connection: both travel with the command.
        commands: list[tuple[Word, ...]] = [("ASKING",), command] if asking else [command]
        if copies:
            commands.append(("WAIT", copies, _CONFIRM_MS))
        connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
            if asking:
                await connection.read_response()
            return await (self._confirmed(connection) if copies else connection.read_response())
        finally:
            await self._pool.release(connection)

    async def _confirmed(self, connection: Connection) -> Any:
        try:
            reply = await connection.read_response()
        except exceptions.ResponseError:
            with suppress(exceptions.ResponseError):  # the reply of WAIT, which must not stay on the line
                await connection.read_response()
            raise
        try:
            copies = int(await connection.read_response())
        except (exceptions.RedisError, OSError):
            copies = 0  # the write stands: whatever befalls WAIT is no reason to say that it had failed
        if copies < 1:
            self._unconfirmed()
        return reply


def crowded(error: Exception) -> bool:
    """Whether all our connections were busy: that is load, and says nothing about the server."""
    return isinstance(error, exceptions.ConnectionError) and isinstance(error.__cause__, TimeoutError)


def _deposed(error: exceptions.ResponseError) -> bool:
    # Redis before 7.0 wraps what a script meets into a plain ERR.
    return isinstance(error, exceptions.ReadOnlyError) or "-READONLY" in str(error)
