"""The verbs of the store on Redis 6.2 or later, or Valkey.

Plain values are strings, records are hashes whose field `ver` is the version, all with a time to live in
milliseconds. Whatever time an argument `now` carries is the caller's: the server's clock judges only the time to live
of whole keys.

A cluster keeps law 3 (each verb is one atomic step) among keys that share a part in braces, and there alone:

- A record, its lease and what `touch` writes beside it must share one, else the cluster refuses the call. The parts of
  a pool or an index get one from its name.
- `get_many`, `delete`, `count`, and the values that `read` finds `beside` a record, go slot by slot. They are seen,
  deleted or taken from at moments that follow one another: the record before what stands beside it on other nodes.
  Where one node fails, some keys are deleted already, and deleting again does no harm. Where one bucket is empty,
  those before it have been taken from, so that a limit over several nodes is a little stricter than said.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence

from gateway.storage.redis import scripts
from gateway.storage.redis.link import Link
from gateway.storage.redis.resp import Word
from gateway.storage.store import (
    Acquired,
    Bucket,
    Reading,
    Record,
    Reservation,
    Turn,
    Written,
    lease_key,
)

_BRACES = str.maketrans({"{": "%7B", "}": "%7D"})


def open_redis(
    url: str,
    deployment: str,
    ticks: Callable[[], float] = time.monotonic,
    unconfirmed: Callable[[], None] = lambda: None,
) -> "RedisStore":
    """A store on the server of `url`; nothing is connected yet, so it may come up later than we do.

    All keys begin with `deployment`, so that several gateways can share a server. `unconfirmed` as `Link` has it.
    """
    return RedisStore(Link(url, ticks, unconfirmed), deployment)


def key_prefix(deployment: str) -> str:
    """How all names of a deployment begin."""
    # Braces of the deployment would become the hash tag of every key: all of them on one node.
    return f"gw:{deployment.translate(_BRACES)}:"


class RedisStore:
    """`gateway.storage.store.Store` on one Redis."""

    def __init__(self, link: Link, deployment: str) -> None:
        self._link = link
        self._prefix = key_prefix(deployment)

    # Plain values

    async def get(self, key: str) -> bytes | None:
        value: bytes | None = await self._link.ask("GET", self._key(key))
        return value

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        names = self._keys(keys)
        values: dict[str, bytes | None] = {}
        for group in self._link.together(names):
            part = [names[number] for number in group]
            values |= zip(part, await self._link.ask("MGET", *part), strict=True)
        return [values[name] for name in names]

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        await self._link.call("SET", self._key(key), value, "PX", _ms(ttl))

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        return await self._link.call("SET", self._key(key), value, "PX", _ms(ttl), "NX") is not None

    async def replace(self, key: str, old: bytes | None, new: bytes, ttl: float) -> bool:
        name, ms = self._key(key), _ms(ttl)
        if old is None:
            return await self._link.call("SET", name, new, "PX", ms, "NX", confirm=True) is not None
        return bool(await self._link.run(scripts.REPLACE, [name], old, new, ms, confirm=True))

    async def take(self, key: str) -> bytes | None:
        value: bytes | None = await self._link.call("GETDEL", self._key(key))
        return value

    async def delete(self, keys: Sequence[str]) -> int:
        names, gone = self._keys(keys), 0
        for group in self._link.together(names):
            gone += int(await self._link.call("DEL", *[names[number] for number in group], confirm=True))
        return gone

    async def bump(self, key: str, ttl: float) -> int:
        return int(await self._link.run(scripts.BUMP, [self._key(key)], _ms(ttl)))

    # Records

    async def create(self, key: str, fields: Mapping[str, bytes], ttl: float) -> bool:
        pairs = [word for pair in fields.items() for word in pair]
        return bool(await self._link.run(scripts.CREATE, [self._key(key)], _ms(ttl), *pairs))

    async def read(self, key: str, fields: Sequence[str], beside: Sequence[str] = ()) -> Reading:
        names = self._keys([key, *beside])
        near, *far = self._link.together(names)
        if len(near) == 1:
            found, close = await self._link.ask("HMGET", names[0], "ver", *fields), []
        else:
            found, close = await self._link.run(scripts.READ, [names[n] for n in near], *fields, reads=True)
        if not far:  # all that is beside it is near: in the order in which it was asked for
            return Reading(_record(fields, found), tuple(close))
        seen = dict(zip(near[1:], close, strict=True))
        for group in far:
            seen |= zip(group, await self._link.ask("MGET", *[names[n] for n in group]), strict=True)
        values = [seen[number] for number in range(1, len(names))]
        return Reading(_record(fields, found), tuple(values))

    async def acquire(self, key: str, seen_version: int, owner: str, ttl: float, now: float) -> Acquired:
        keys = self._with_lease(key)
        what = (seen_version, owner, _ms(ttl), now)
        said, *more = await self._link.run(scripts.ACQUIRE, keys, *what, confirm=True)
        turn = Turn(said.decode())
        if turn is Turn.BUSY:
            return Acquired(turn, remaining=max(int(more[0]), 0) / 1000)
        return Acquired(turn, int(more[0]), int(more[1]) == 1) if more else Acquired(turn)

    async def commit(
        self,
        key: str,
        seen_version: int,
        fence: int,
        owner: str,
        fields: Mapping[str, bytes | None],
        ttl: float,
    ) -> Written:
        removed = [name for name, value in fields.items() if value is None]
        pairs: list[Word] = [
            word for name, value in fields.items() if value is not None for word in (name, value)
        ]
        head = (seen_version, fence, owner, _ms(ttl), len(removed))
        words = (*head, *removed, *pairs)
        reply = await self._link.run(scripts.COMMIT, self._with_lease(key), *words, confirm=True)
        return Written(reply.decode())

    async def fail(self, key: str, version: int, owner: str, next_try: float, definite: bool) -> int | None:
        what = (version, owner, math.ceil(next_try), int(definite))
        fails = await self._link.run(scripts.FAIL, self._with_lease(key), *what)
        return None if fails is None else int(fails)

    async def give_back(self, key: str, owner: str, definite: bool) -> None:
        await self._link.run(scripts.GIVE_BACK, self._with_lease(key), owner, int(definite))

    async def touch(self, key: str, ttl: float, beside: str, value: bytes, beside_ttl: float) -> bool:
        keys = self._keys([key, beside])
        return bool(await self._link.run(scripts.TOUCH, keys, _ms(ttl), value, _ms(beside_ttl)))

    # Limits, pools and indexes

    async def count(self, buckets: Sequence[Bucket], now: float) -> float:
        names = self._keys([bucket.key for bucket in buckets])
        for group in self._link.together(names):
            some = [buckets[number] for number in group]
            terms = [term for bucket in some for term in (bucket.burst, bucket.period, bucket.cost)]
            keys = [names[number] for number in group]
            wait = float(await self._link.run(scripts.COUNT, keys, now, *terms))
            if wait > 0:
                return wait
        return 0.0

    async def reserve(
        self, pool: str, holder: str, member: str, ttl: float, ceiling: int, now: float
    ) -> Reservation:
        keys = self._parts(pool, "ends", "line", "places", "holders")
        admitted, *evicted = await self._link.run(
            scripts.RESERVE, keys, holder, member, _ms(ttl), ceiling, now, now + ttl
        )
        return Reservation(bool(admitted), _names(evicted))

    async def release(self, pool: str, member: str) -> None:
        keys = self._parts(pool, "ends", "line", "places", "holders")
        await self._link.run(scripts.RELEASE, keys, member)

    async def index_add(self, index: str, member: str, ttl: float, limit: int, now: float) -> tuple[str, ...]:
        key = self._key(index)
        return _names(await self._link.run(scripts.INDEX_ADD, [key], member, _ms(ttl), limit, now, now + ttl))

    async def index_remove(self, index: str, member: str) -> None:
        await self._link.call("ZREM", self._key(index), member)

    async def index_list(self, index: str, now: float) -> tuple[str, ...]:
        return _names(await self._link.ask("ZRANGEBYSCORE", self._key(index), f"({now}", "+inf"))

    # The store itself

    def remembers(self, seconds: float) -> bool:
        return self._link.same_for(seconds)

    async def ping(self) -> None:
        await self._link.ping()

    async def close(self) -> None:
        await self._link.close()

    def _key(self, key: str) -> str:
        return self._prefix + key

    def _keys(self, keys: Sequence[str]) -> list[str]:
        return [self._prefix + key for key in keys]

    def _with_lease(self, key: str) -> list[str]:
        return self._keys([key, lease_key(key)])

    def _parts(self, name: str, *parts: str) -> list[str]:
        """Keys of one structure, on one node of a cluster by the part in braces."""
        tagged = name if "{" in name else f"{{{name}}}"
        return [f"{self._prefix}{tagged}:{part}" for part in parts]


def _record(fields: Sequence[str], found: Sequence[bytes | None]) -> Record | None:
    version, *values = found
    if version is None:
        return None
    named = zip(fields, values, strict=True)
    return Record(int(version), {name: value for name, value in named if value is not None})


def _ms(ttl: float) -> int:
    return max(1, math.ceil(ttl * 1000))


def _names(reply: Sequence[bytes]) -> tuple[str, ...]:
    return tuple([name.decode() for name in reply])
