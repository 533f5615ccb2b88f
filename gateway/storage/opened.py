"""The store that gateway.yaml names, and the watch on it that tells how long each call took."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from gateway.errors import StoreFault
from gateway.observe.events import Emit, StoreCalled
from gateway.storage.redis import open_redis
from gateway.storage.sqlite import open_sqlite
from gateway.storage.store import Acquired, Bucket, Reading, Reservation, Store, Written

T = TypeVar("T")


def open_store(
    url: str,
    deployment: str,
    clock: Callable[[], float],
    emit: Emit,
    ticks: Callable[[], float] = time.monotonic,
) -> Store:
    """Open the store of `url`: sqlite:PATH, redis://, rediss:// or unix://.

    `deployment` keeps gateways apart that share a Redis; `clock` is Unix time, `ticks` a monotonic clock for
    durations. `StoreFault` where the file cannot be used; a Redis may come up later.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        return Observed(open_sqlite(Path(rest), clock), emit, ticks)
    if scheme in {"redis", "rediss", "unix"}:
        return Observed(open_redis(url, deployment, ticks), emit, ticks)
    raise StoreFault("store: write sqlite:PATH, redis://, rediss:// or unix://")


class Observed:
    """A store whose every call becomes one `StoreCalled`. A call that is cancelled has no outcome and no event."""

    def __init__(self, inner: Store, emit: Emit, ticks: Callable[[], float]) -> None:
        self._inner = inner
        self._emit = emit
        self._ticks = ticks

    async def _timed(self, verb: str, call: Awaitable[T]) -> T:
        begun = self._ticks()
        try:
            result = await call
        except Exception:
            self._emit(StoreCalled(verb, "error", self._ticks() - begun))
            raise
        self._emit(StoreCalled(verb, "ok", self._ticks() - begun))
        return result

    async def get(self, key: str) -> bytes | None:
        return await self._timed("get", self._inner.get(key))

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return await self._timed("get_many", self._inner.get_many(keys))

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        await self._timed("put", self._inner.put(key, value, ttl))

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        return await self._timed("add", self._inner.add(key, value, ttl))

    async def take(self, key: str) -> bytes | None:
        return await self._timed("take", self._inner.take(key))

    async def delete(self, keys: Sequence[str]) -> int:
        return await self._timed("delete", self._inner.delete(keys))

    async def create(self, key: str, fields: Mapping[str, bytes], ttl: float) -> bool:
        return await self._timed("create", self._inner.create(key, fields, ttl))

    async def read(self, key: str, fields: Sequence[str], beside: Sequence[str] = ()) -> Reading:
        return await self._timed("read", self._inner.read(key, fields, beside))

    async def acquire(self, key: str, seen_version: int, owner: str, ttl: float, now: float) -> Acquired:
        return await self._timed("acquire", self._inner.acquire(key, seen_version, owner, ttl, now))

    async def commit(
        self,
        key: str,
        seen_version: int,
        fence: int,
        owner: str,
        fields: Mapping[str, bytes | None],
        ttl: float,
    ) -> Written:
        call = self._inner.commit(key, seen_version, fence, owner, fields, ttl)
        return await self._timed("commit", call)

    async def fail(self, key: str, version: int, owner: str, next_try: float, definite: bool) -> int | None:
        return await self._timed("fail", self._inner.fail(key, version, owner, next_try, definite))

    async def give_back(self, key: str, owner: str, definite: bool) -> None:
        await self._timed("give_back", self._inner.give_back(key, owner, definite))

    async def touch(self, key: str, ttl: float, beside: str, value: bytes, beside_ttl: float) -> bool:
        return await self._timed("touch", self._inner.touch(key, ttl, beside, value, beside_ttl))

    async def count(self, buckets: Sequence[Bucket], now: float) -> float:
        return await self._timed("count", self._inner.count(buckets, now))

    async def reserve(
        self, pool: str, holder: str, member: str, ttl: float, ceiling: int, now: float
    ) -> Reservation:
        call = self._inner.reserve(pool, holder, member, ttl, ceiling, now)
        return await self._timed("reserve", call)

    async def release(self, pool: str, member: str) -> None:
        await self._timed("release", self._inner.release(pool, member))

    async def index_add(self, index: str, member: str, ttl: float, limit: int, now: float) -> tuple[str, ...]:
        return await self._timed("index_add", self._inner.index_add(index, member, ttl, limit, now))

    async def index_remove(self, index: str, member: str) -> None:
        await self._timed("index_remove", self._inner.index_remove(index, member))

    async def index_list(self, index: str, now: float) -> tuple[str, ...]:
        return await self._timed("index_list", self._inner.index_list(index, now))

    async def bump(self, key: str, ttl: float) -> int:
        return await self._timed("bump", self._inner.bump(key, ttl))

    async def ping(self) -> None:
        await self._timed("ping", self._inner.ping())

    async def close(self) -> None:
        await self._inner.close()
