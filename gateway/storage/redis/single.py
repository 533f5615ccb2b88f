"""All keys on one server: the one at the address, or the primary that sentinels name."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.exceptions import ConnectionError as Broken

from gateway.settings.redis_address import Layout, Place
from gateway.storage.redis.node import Node
from gateway.storage.redis.pool import Connector, Pool
from gateway.storage.redis.resp import Word


class Single:
    """A route with one end. `ticks` is a monotonic clock; `unconfirmed` as `Node` has it."""

    def __init__(
        self, connector: Connector, size: int, ticks: Callable[[], float], unconfirmed: Callable[[], None]
    ) -> None:
        self._node = Node(lambda **more: pool_of(connector, size, **more), ticks, unconfirmed)

    def send(
        self,
        *command: Word,
        key: str | None,  # noqa: ARG002 -- one server has all keys
        confirm: bool = False,
    ) -> Coroutine[Any, Any, Any]:
        return self._node.send(*command, confirm=confirm)

    def together(self, keys: Sequence[str]) -> list[list[int]]:
        """All keys may stand in one command."""
        return [list(range(len(keys)))] if keys else []

    async def nodes(self) -> tuple[Node, ...]:
        return (self._node,)

    def same_for(self, seconds: float) -> bool:
        return self._node.primary.same_for(seconds)

    async def close(self) -> None:
        await self._node.close()


class Sentinels:
    """They know who the primary is, and are asked each time that a connection is made."""

    def __init__(self, connector: Connector) -> None:
        address = connector.address
        self._service = address.service
        self._sentinel = Sentinel(  # type: ignore[no-untyped-call]
            address.places,
            min_other_sentinels=address.min_other_sentinels,
            sentinel_kwargs=connector.sentinel(),
        )

    async def find(self) -> Place:
        """The primary's address; a broken connection where no sentinel names one."""
        try:
            host, port = await self._sentinel.discover_master(self._service)
        except MasterNotFoundError:  # whose text shows the settings of every client
            raise Broken("no sentinel that may be believed names a primary of this name") from None
        except RuntimeError as error:  # as in `pool`, on a connection that the library has made
            raise Broken("the connection to a sentinel was closed") from error
        return host, port

    async def close(self) -> None:
        await self._sentinel.aclose()


def pool_of(connector: Connector, size: int, **more: Any) -> Pool:
    """Connections to the one server."""
    if connector.address.layout is Layout.SENTINEL:
        sentinels = Sentinels(connector)
        pool = connector.to_found(sentinels.find, size, **more)
        pool.guide = sentinels
        return pool
    if connector.address.path:
        return connector.to_socket(size, **more)
    return connector.to(connector.address.places[0], size, **more)
