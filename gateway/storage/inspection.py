"""A look at the store before anybody depends on it."""

import time
from collections.abc import Callable
from pathlib import Path

from gateway.settings.units import StoreUrl


async def inspect_store(url: StoreUrl, ticks: Callable[[], float] = time.monotonic) -> tuple[str, ...]:
    """Warnings on what would lose sessions, in sentences without secrets; `StoreFault` where it cannot be used.

    Changes nothing. `ticks` is a monotonic clock.
    """
    # As in `gateway.storage.opened`: only the library of the store that is used is loaded.
    if url.file:
        from gateway.storage.sqlite.inspection import inspect_file  # noqa: PLC0415 (see above)

        inspect_file(Path(url.file))
        return ()
    from gateway.storage.redis.inspection import inspect_redis  # noqa: PLC0415 (see above)

    return await inspect_redis(url.get_secret_value(), ticks)
