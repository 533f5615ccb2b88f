"""The way to Redis: a bounded pool, short deadlines, no retry that could act twice.

A command is sent once; only a read is asked a second time, and only after a broken connection. Behind a `Route` is one
server, the primary that sentinels name, or a cluster.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from redis import exceptions

from gateway.errors import StoreBusy, StoreFault
from gateway.settings.redis_address import Layout, read_redis_address
from gateway.storage.redis.cluster import Cluster
from gateway.storage.redis.node import Node, crowded
from gateway.storage.redis.pool import Connector, Pool
from gateway.storage.redis.resp import Word
from gateway.storage.redis.scripts import Script
from gateway.storage.redis.single import Single, pool_of

CONNECTIONS = 32
"""At most, to each server."""


class Route(Protocol):
    """Brings commands to the server that has their keys. Raises what redis-py raises, `OSError` or `StoreFault`."""

    async def send(self, *command: Word, key: str | None, confirm: bool = False) -> Any: ...

    def together(self, keys: Sequence[str]) -> list[list[int]]: ...

    async def nodes(self) -> tuple[Node, ...]: ...

    def same_for(self, seconds: float) -> bool: ...

    async def close(self) -> None: ...


class Link:
    """Commands and scripts; every way to fail is `StoreFault`. `ticks` is a monotonic clock.

    `unconfirmed` is told of each write that no replica had within its time, though there are replicas.
    """

    def __init__(
        self, url: str, ticks: Callable[[], float], unconfirmed: Callable[[], None] = lambda: None
    ) -> None:
        connector = connector_of(url)
        kind = Cluster if connector.address.layout is Layout.CLUSTER else Single
        self._route: Route = kind(connector, CONNECTIONS, ticks, unconfirmed)
        # Whether the server answers must not hang on how many callers wait for it.
        self._probe: Route = kind(connector, 2, ticks, unconfirmed)

    async def call(self, *command: Word, confirm: bool = False) -> Any:
        """Send one command, once; its key is its second word.

        `confirm`: wait until a replica has what it wrote, where there are replicas, and not for long.
        """
        return await _once(self._route, command, confirm=confirm)

    async def ask(self, *command: Word) -> Any:
        """Send one command that only reads: it is sent again if the connection was broken."""
        return await _twice(self._route, command)

    async def ping(self) -> None:
        """Return if the server answers; beside all other commands."""
        await _twice(self._probe, ("PING",))

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        *arguments: Word,
        reads: bool = False,
        confirm: bool = False,
    ) -> Any:
        """Run a script by its digest, or by its text where the server does not know it yet.

        In a cluster all keys must be in one slot.
        """
        words = (len(keys), *keys, *arguments)
        try:
            return await self._script(("EVALSHA", script.sha, *words), reads=reads, confirm=confirm)
        except StoreFault as fault:
            if not isinstance(
                fault.__cause__, exceptions.NoScriptError
            ):  # which is said before anything has run
                raise
        return await self._script(("EVAL", script.text, *words), reads=reads, confirm=confirm)

    def _script(self, command: tuple[Word, ...], *, reads: bool, confirm: bool) -> Coroutine[Any, Any, Any]:
        if reads:
            return _twice(self._route, command)
        return _once(self._route, command, confirm=confirm)

    def together(self, keys: Sequence[str]) -> list[list[int]]:
        """Numbers of the keys that may stand in one command: all of them, save in a cluster."""
        return self._route.together(keys)

    async def everywhere(self, *command: Word) -> list[Any]:
        """The replies of all primaries to a command that only reads; `None` in place of a refusal."""
        try:
            nodes = await self._route.nodes()
            return [await _allowed(node, command) for node in nodes]
        except (exceptions.RedisError, OSError) as error:
            raise fault_of(error) from error

    def same_for(self, seconds: float) -> bool:
        """Whether no other server has come into the place of one that we knew, for so long."""
        return self._route.same_for(seconds)

    async def close(self) -> None:
        await asyncio.gather(self._route.close(), self._probe.close())


def connector_of(url: str) -> Connector:
    """`StoreFault` where the URL cannot be read; it does not repeat it, for it may hold a password."""
    try:
        address = read_redis_address(url)
    except ValueError as error:
        raise StoreFault(f"store: {error}") from None
    return Connector(address)


async def _once(route: Route, command: tuple[Word, ...], *, confirm: bool = False) -> Any:
    try:
        return await route.send(*command, key=_key_of(command), confirm=confirm)
    except (exceptions.RedisError, OSError) as error:
        raise fault_of(error) from error


async def _twice(route: Route, command: tuple[Word, ...]) -> Any:
    try:
        return await route.send(*command, key=_key_of(command))
    except exceptions.ConnectionError as error:
        if crowded(error):
            raise fault_of(error) from error
    except (exceptions.RedisError, OSError) as error:
        raise fault_of(error) from error
    return await _once(route, command)


async def _allowed(node: Node, command: tuple[Word, ...]) -> Any:
    try:
        return await node.send(*command)
    except exceptions.ResponseError:  # an ACL does not grant it, or a hosted server hides it
        return None


def _key_of(command: tuple[Word, ...]) -> str | None:
    """The first key, by which a cluster knows the node."""
    at = 3 if command[0] in {"EVALSHA", "EVAL"} else 1
    return str(command[at]) if len(command) > at else None


def fault_of(error: Exception) -> StoreFault:
    """What redis-py or the system raised, in a sentence without keys."""
    if crowded(error):
        return StoreBusy("redis: all connections are in use, and have been for a second")
    if isinstance(error, (exceptions.ConnectionError, exceptions.TimeoutError)):
        return StoreFault(f"redis: {error}")
    if isinstance(error, OSError):
        return StoreFault(f"redis: {error.strerror or 'no answer in time'}")
    if isinstance(error, exceptions.MovedError):
        return StoreFault("redis: the server belongs to a cluster; write redis+cluster:// for the store")
    # The text of other refusals may quote the command, and so a key: its kind alone is told.
    return StoreFault(f"redis refused the command: {type(error).__name__} {_kind(error)}".rstrip())


def _kind(error: Exception) -> str:
    first = str(error).partition(" ")[0]
    return first if first.isalpha() and first.isupper() else ""


def listening_pool(url: str, channel: str, size: int, ticks: Callable[[], float]) -> Pool:
    """Connections for publishing and hearing on a channel; `StoreFault` where the URL cannot be read.

    A cluster hands messages from node to node. All of us go to one, the owner of the channel's name, so that what
    one server promises about their order holds.
    """
    connector = connector_of(url)
    if connector.address.layout is not Layout.CLUSTER:
        return pool_of(connector, size)
    cluster = Cluster(connector, 2, ticks, lambda: None)
    pool = connector.to_found(lambda: cluster.where(channel), size)
    pool.guide = cluster
    return pool
