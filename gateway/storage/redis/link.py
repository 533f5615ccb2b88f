"""The connection to Redis: a bounded pool, short deadlines, no retry that could act twice.

redis-py's own settings wait 4 s for a refused port and a minute for a black hole, and repeat commands whose reply
was lost. Here a command is sent once; only a read is asked a second time, and only after a broken connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from gateway.errors import StoreFault
from gateway.storage.redis.breaker import Breaker
from gateway.storage.redis.scripts import Script

Word = str | bytes | int | float

_DEADLINE = 2.0
"""Seconds for one command in all: waiting for a connection, making one, greeting the server, the answer."""


class _Pool(BlockingConnectionPool):
    def take_idle(self) -> list[Any]:
        """Take the idle connections out, in one step, so that nobody is handed one while it is being closed.

        `disconnect(inuse_connections=False)` of the library leaves them in the pool meanwhile.
        """
        idle = list(self._available_connections)
        self._available_connections.clear()
        return idle


class Link:
    """Commands and scripts; every way to fail is `StoreFault`. `ticks` is a monotonic clock."""

    def __init__(self, url: str, ticks: Callable[[], float]) -> None:
        try:
            self._pool = _Pool.from_url(
                url,
                max_connections=32,
                timeout=0.2,
                retry=Retry(NoBackoff(), 0),
                socket_connect_timeout=0.25,
                socket_timeout=0.5,
                decode_responses=False,
                legacy_responses=False,
                # They lengthen timeouts, and switch off the check for stale bytes on an idle connection.
                maint_notifications_config=MaintNotificationsConfig(enabled=False),
            )
        except (ValueError, TypeError):  # its text may quote the URL, and so a password
            raise StoreFault(
                "store: cannot read the URL; write redis://host:6379/0, rediss://… or unix:///path"
            ) from None
        self._client = Redis.from_pool(self._pool)
        self._execute: Callable[..., Awaitable[Any]] = self._client.execute_command
        self._breaker = Breaker(ticks)

    async def call(self, *command: Word) -> Any:
        """Send one command, once."""
        try:
            return await self._send(*command)
        except (exceptions.RedisError, OSError) as error:
            raise _fault(error) from error

    async def ask(self, *command: Word) -> Any:
        """Send one command that only reads: it is sent again if the connection was broken."""
        try:
            return await self._send(*command)
        except exceptions.ConnectionError as error:
            if _crowded(error):
                raise _fault(error) from error
        except (exceptions.RedisError, OSError) as error:
            raise _fault(error) from error
        return await self.call(*command)

    async def run(self, script: Script, keys: Sequence[str], *arguments: Word, reads: bool = False) -> Any:
        """Run a script by its digest, or by its text where the server does not know it yet."""
        send = self.ask if reads else self.call
        try:
            return await send("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except StoreFault as fault:
            if not isinstance(
                fault.__cause__, exceptions.NoScriptError
            ):  # which is said before anything has run
                raise
        return await send("EVAL", script.text, len(keys), *keys, *arguments)

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, *command: Word) -> Any:
        self._breaker.admit()
        try:
            async with asyncio.timeout(_DEADLINE):
                reply = await self._execute(*command)
        except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
            if not _crowded(error):
                self._breaker.failed()
                await self._drop_idle()
            raise
        except exceptions.ReadOnlyError:  # a failover: what we hold leads to the old primary
            await self._drop_idle()
            raise
        except exceptions.ResponseError:
            self._breaker.worked()
            raise
        self._breaker.worked()
        return reply

    async def _drop_idle(self) -> None:
        # One dead socket means that its neighbours are dead too; met one by one they would cost one failed
        # request each.
        await asyncio.gather(
            *(connection.disconnect() for connection in self._pool.take_idle()), return_exceptions=True
        )


def _crowded(error: Exception) -> bool:
    """Whether all our connections were busy: that is load, and says nothing about the server."""
    return isinstance(error, exceptions.ConnectionError) and isinstance(error.__cause__, TimeoutError)


def _fault(error: Exception) -> StoreFault:
    if isinstance(error, (exceptions.ConnectionError, exceptions.TimeoutError)):
        return StoreFault(f"redis: {error}")
    if isinstance(error, OSError):
        return StoreFault(f"redis: {error.strerror or 'no answer in time'}")
    # The text of other refusals may quote the command, and so a key: its kind alone is told.
    return StoreFault(f"redis refused the command: {type(error).__name__} {_kind(error)}".rstrip())


def _kind(error: Exception) -> str:
    first = str(error).partition(" ")[0]
    return first if first.isalpha() and first.isupper() else ""
