"""Which node of a cluster has a key: learned from the nodes, and anew when one sends us elsewhere or is away.

Not the library's client: its pool of a node raises instead of waiting, and it sends ASKING and the command that it is
about on two connections. A command that was sent elsewhere (MOVED, ASK) has not run, so that it may be sent again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

from redis import exceptions
from redis.crc import key_slot

from gateway.errors import StoreFault
from gateway.settings.redis_address import Place
from gateway.storage.redis.node import Node
from gateway.storage.redis.pool import Connector
from gateway.storage.redis.resp import Word

DEADLINE = 2.5
"""Seconds for one command in all, wherever it is sent."""
HOPS = 5
"""How often one command is sent elsewhere; more is a cluster that does not agree with itself."""
LOOK_EVERY = 0.25
"""Seconds between two looks at the map while something is wrong."""
TRY_AGAIN = 0.05
"""Seconds until a step over two keys is asked for again while their slot moves: one is here, the other there."""


_LOST = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ClusterDownError,
    OSError,
    StoreFault,
)


class Cluster:
    """A route with many ends. `ticks` is a monotonic clock; `unconfirmed` as `Node` has it."""

    def __init__(
        self, connector: Connector, size: int, ticks: Callable[[], float], unconfirmed: Callable[[], None]
    ) -> None:
        self._connector = connector
        self._size = size
        self._ticks = ticks
        self._unconfirmed = unconfirmed
        self._nodes: dict[Place, Node] = {}
        self._owners: dict[int, Place] = {}
        self._stale = True
        self._next_look = float("-inf")
        self._looking = asyncio.Lock()
        self._changed = float("-inf")

    async def send(self, *command: Word, key: str | None, confirm: bool = False) -> Any:
        """Send to the node that has `key`; without one, to any."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._follow(command, key, confirm=confirm)
        except _LOST:
            self._stale = True
            raise

    async def _follow(self, command: tuple[Word, ...], key: str | None, *, confirm: bool) -> Any:
        place, asking = await self._owner(key), False
        hops = 0
        while hops < HOPS:
            hops += 1
            try:
                node = self._node(place)
                return await node.send(*command, asking=asking, confirm=confirm)
            except exceptions.MovedError as moved:
                place, asking = (moved.host or place[0], moved.port), False
                self._owners[moved.slot_id] = place
                self._changed, self._stale = self._ticks(), True
            except exceptions.AskError as ask:
                place, asking = (ask.host or place[0], ask.port), True
            except exceptions.TryAgainError:
                await asyncio.sleep(TRY_AGAIN)
                place, asking, hops = await self._owner(key), False, 0
        raise StoreFault("redis: the nodes of the cluster do not agree on who has a key")

    def together(self, keys: Sequence[str]) -> list[list[int]]:
        """Numbers of the keys that may stand in one command, in order of their first."""
        slots: dict[int, list[int]] = defaultdict(list)
        for number, key in enumerate(keys):
            slots[slot_of(key)].append(number)
        return list(slots.values())

    async def nodes(self) -> tuple[Node, ...]:
        """The primaries."""
        await self._look()
        return tuple([self._node(place) for place in dict.fromkeys(self._owners.values())])

    async def where(self, key: str) -> Place:
        """Who has `key`."""
        return await self._owner(key)

    def same_for(self, seconds: float) -> bool:
        """Whether no slot has changed hands, and no node was started again, for so long."""
        return self._ticks() - self._changed >= seconds and all(
            node.primary.same_for(seconds) for node in self._nodes.values()
        )

    async def close(self) -> None:
        await asyncio.gather(*(node.close() for node in self._nodes.values()))

    def _node(self, place: Place) -> Node:
        if place not in self._nodes:
            self._nodes[place] = Node(
                lambda **more: self._connector.to(place, self._size, **more), self._ticks, self._unconfirmed
            )
        return self._nodes[place]

    async def _owner(self, key: str | None) -> Place:
        await self._look()
        if key is None:
            return next(self._candidates())
        owner = self._owners.get(slot_of(key))
        if owner is None:
            self._stale = True
            raise StoreFault("redis: no node of the cluster has this part of the keys")
        return owner

    async def _look(self) -> None:
        """Learn the map, if there is reason to, and not in haste."""
        if not self._due():
            return
        async with self._looking:
            if self._due():  # nobody else did it meanwhile
                self._next_look = self._ticks() + LOOK_EVERY
                await self._learn()

    def _due(self) -> bool:
        return self._stale and (self._ticks() >= self._next_look or not self._owners)

    async def _learn(self) -> None:
        fault: Exception = StoreFault("redis: no node of the cluster answers")
        for place in list(self._candidates()):
            try:
                slots = await self._node(place).send("CLUSTER", "SLOTS")
            except (exceptions.RedisError, OSError, StoreFault) as error:
                fault = error
                continue
            await self._adopt(slots, place)
            return
        if not self._owners:
            raise fault

    def _candidates(self) -> Iterator[Place]:
        """Whom to ask: first those who answered last time, then the others, then the addresses that were given."""
        known = sorted(self._nodes, key=lambda place: self._nodes[place].doubted)
        return iter(dict.fromkeys(chain(known, self._connector.address.places)))

    async def _adopt(self, slots: Sequence[Sequence[Any]], asked: Place) -> None:
        owners: dict[int, Place] = {}
        for first, last, primary, *_ in slots:
            # A node that does not know its own name leaves it out: it is the one that we asked.
            host = (primary[0] or b"").decode().strip("?") or asked[0]
            owners |= dict.fromkeys(range(int(first), int(last) + 1), (host, int(primary[1])))
        if self._owners and owners != self._owners:
            self._changed = self._ticks()
        self._owners, self._stale = owners, False
        living = set(owners.values())
        gone = [place for place, node in self._nodes.items() if place not in living and not node.busy]
        for place in gone:
            await self._nodes.pop(place).close()


def slot_of(key: str) -> int:
    """The slot of a key: of its part in braces, where it has one."""
    return int(key_slot(key.encode()))
