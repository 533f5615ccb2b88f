"""The bus that goes with the store of gateway.yaml."""

import time
from collections.abc import Callable
from pathlib import Path

from gateway.errors import StoreFault
from gateway.observe.events import Emit
from gateway.settings.redis_address import SCHEMES
from gateway.storage.bus import Bus
from gateway.storage.hearing import Hearing


def open_bus(
    url: str,
    deployment: str,
    clock: Callable[[], float],
    emit: Emit,
    random: Callable[[int], bytes],
    ticks: Callable[[], float] = time.monotonic,
) -> Bus:
    """The bus for the store of `url`, not yet connected; `StoreFault` where the file cannot be used.

    `clock` is Unix time and `ticks` a monotonic clock; `random` names this process among the others.
    """
    # As in `gateway.storage.opened`: only the library of the store that is used is loaded.
    scheme, _, rest = url.partition(":")
    hearing, origin = Hearing(emit, clock, ticks), random(8).hex()
    if scheme == "sqlite" and rest:
        from gateway.storage.sqlite.bus import open_sqlite_bus  # noqa: PLC0415 (see above)

        return open_sqlite_bus(Path(rest), origin, clock, hearing, ticks)
    if scheme in SCHEMES:
        from gateway.storage.redis.bus import open_redis_bus  # noqa: PLC0415 (see above)

        return open_redis_bus(url, deployment, origin, hearing, ticks)
    raise StoreFault(
        "store: write sqlite:PATH, redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"
    )
