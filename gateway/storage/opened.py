"""The store that gateway.yaml names, and the watch on it that tells how long each call took and how it failed."""

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from gateway.errors import StoreBusy, StoreFault
from gateway.observe.events import Emit, StoreCalled
from gateway.settings.redis_address import SCHEMES, Layout, read_redis_address
from gateway.storage.outage import Outages, Trouble, cause_of
from gateway.storage.store import Acquired, Bucket, Reading, Reservation, Store, Written

T = TypeVar("T")


def open_store(
    url: str,
    deployment: str,
    clock: Callable[[], float],
    emit: Emit,
    ticks: Callable[[], float] = time.monotonic,
) -> "Observed":
    """Open the store of `url`: sqlite:PATH, or an address that `gateway.settings.redis_address` reads.

    `deployment` keeps gateways apart that share a Redis; `clock` is Unix time, `ticks` a monotonic clock for
    durations. `StoreFault` where the file cannot be used; a Redis may come up later.
    """
    # The library of the store that is not used would be a tenth of the memory of a process.
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        from gateway.storage.sqlite import open_sqlite  # noqa: PLC0415 (only where it is used, see above)

        return Observed(open_sqlite(Path(rest), clock), emit, ticks, Outages(url, emit, clock, ticks))
    if scheme in SCHEMES:
        from gateway.storage.redis import open_redis  # noqa: PLC0415 (only where it is used, see above)

        late = StoreCalled("wait", "error", 0.0, "no replica had the write in time")
        redis = open_redis(url, deployment, ticks, lambda: emit(late))
        return Observed(redis, emit, ticks, Outages(shown(url), emit, clock, ticks))
    raise StoreFault(
        "store: write sqlite:PATH, redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"
    )


def shown(url: str) -> str:
    """The address of a Redis for log and page: where it is, and nothing of what signs in there."""
    address = read_redis_address(url)
    if address.path:
        return f"unix://{address.path}"
    places = ",".join(
        [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in address.places]
    )
    scheme = url.partition(":")[0]
    if address.layout is Layout.CLUSTER:
        return f"{scheme}://{places}"
    return f"{scheme}://{places}/{address.service or address.db}"


class Observed:
    """A store whose every call becomes one `StoreCalled`. A call that is cancelled has no outcome and no event."""

    def __init__(self, inner: Store, emit: Emit, ticks: Callable[[], float], outages: Outages) -> None:
        self._inner = inner
        self._emit = emit
        self._ticks = ticks
        self._outages = outages

    def trouble(self) -> Trouble | None:
        """The outage that goes on, if one does."""
        return self._outages.trouble

    async def _timed(self, verb: str, call: Awaitable[T]) -> T:
        begun = self._ticks()
        try:
            result = await call
        except Exception as error:
            self._emit(StoreCalled(verb, "error", self._ticks() - begun, cause_of(error)))
            if isinstance(error, StoreFault) and not isinstance(error, StoreBusy):
                self._outages.failed(verb, error)
            raise
        self._emit(StoreCalled(verb, "ok", self._ticks() - begun))
        self._outages.worked(verb)
        return result

    async def get(self, key: str) -> bytes | None:
        return await self._timed("get", self._inner.get(key))

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return await self._timed("get_many", self._inner.get_many(keys))

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        await self._timed("put", self._inner.put(key, value, ttl))

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        return await self._timed("add", self._inner.add(key, value, ttl))

    async def replace(self, key: str, old: bytes | None, new: bytes, ttl: float) -> bool:
        return await self._timed("replace", self._inner.replace(key, old, new, ttl))

    async def take(self, key: str) -> bytes | None:
        return await self._timed("take", self._inner.take(key))

    async def delete(self, keys: Sequence[str]) -> int:
        return await self._timed("delete", self._inner.delete(keys))

    async def create(self, key: str, fields: Mapping[str, bytes], ttl: float) -> bool:
        return await self._timed("create", self._inner.create(key, fields, ttl))

    # A plain function, and so one step fewer each time that a check is taken up again.
    def read(
        self, key: str, fields: Sequence[str], beside: Sequence[str] = ()
    ) -> Coroutine[Any, Any, Reading]:
        return self._timed("read", self._inner.read(key, fields, beside))

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

    def remembers(self, seconds: float) -> bool:
        return self._inner.remembers(seconds)

    async def ping(self) -> None:
        await self._timed("ping", self._inner.ping())

    async def close(self) -> None:
        await self._inner.close()
