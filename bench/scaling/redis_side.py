"""What the verbs of the store cost a real redis-server, and what a session weighs there."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from bench.scaling.spent import Sections, in_turns, spent
from gateway.keys.keyring import Keyring
from gateway.sessions.cache import weight
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.device import Device
from gateway.sessions.session import Grant
from gateway.sessions.sessions import TOUCH_EVERY, Begun, Sessions
from gateway.settings.model import Sessions as Limits
from gateway.storage.bus import About, Notice
from gateway.storage.hearing import Hearing
from gateway.storage.redis import open_redis
from gateway.storage.redis.bus import RedisBus, open_redis_bus
from gateway.storage.store import Store
from tests.kit.real_gateway import ISSUER, alice, silent
from tests.kit.redis_server import RedisServer
from tests.kit.waiting import until

SESSIONS, NOTICES = 10_000, 20_000
SUBSCRIBERS = 40
DEPLOYMENT = "https://auth.example.com"


@dataclass(slots=True)
class Clock:
    """Unix seconds, and how far it was set forward."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


async def redis_costs(folder: Path) -> Sections:
    """Touching many sessions, publishing with and without subscribers, and what one session weighs."""
    clock = Clock()
    with RedisServer(folder) as server:
        store = open_redis(server.url, DEPLOYMENT)
        sessions = _sessions(store, clock)
        empty = _used(server)
        begun = await _begin_all(sessions)
        weighs = (_used(server) - empty) / SESSIONS
        opened = await _open_all(server, sessions, begun)
        clock.ahead = TOUCH_EVERY + 1
        touched = await _open_all(server, sessions, begun)
        await store.close()
        alone = await _publish(server, 0)
        heard = await _publish(server, SUBSCRIBERS)
    redis = {"touch": touched - opened, "publish": alone, "deliver": (heard - alone) / SUBSCRIBERS}
    return {"redis": redis, "bytes": {"session": weighs, "cached": float(weight(begun[0].session))}}


def _sessions(store: Store, clock: Clock) -> Sessions:
    ring = Keyring.generate(os.urandom, time.time())
    spec = CookieSpec("__Host-gw", None, secure=True, max_age=2_592_000)
    return Sessions(store, ring, spec, Limits(), "here", silent, clock, os.urandom, {"corp": ISSUER})


async def _begin_all(sessions: Sessions) -> list[Begun]:
    """Each of a person of their own, about 3 kB of plaintext."""
    begun: list[Begun] = []
    end = int(time.time()) + 3600
    grant = Grant(
        provider="corp", access_token="a" * 1200, id_token="i" * 1000, refresh_token="r" * 400, expires=end
    )

    async def begin(number: int) -> None:
        sid = f"3e5c1d7e-54c4-4d0e-9a07-{number:012d}"
        me = alice({"corp": {"issuer": ISSUER}}, subject=str(number), sid=sid)
        begun.append(await sessions.begin(me, grant, device=Device("Firefox on Linux", "192.0.2.0/24")))

    await in_turns(begin, SESSIONS)
    return begun


async def _open_all(server: RedisServer, sessions: Sessions, begun: list[Begun]) -> float:
    """Microseconds of redis-server for one of them."""

    async def look(number: int) -> None:
        assert await sessions.open(begun[number].ticket) is not None

    (cost,) = await spent((_pid(server),), SESSIONS, in_turns(look, SESSIONS))
    return cost


def _pid(server: RedisServer) -> int:
    assert server.process is not None
    return server.process.pid


def _used(server: RedisServer) -> int:
    found = re.search(rb"used_memory:(\d+)", server.ask("INFO", "memory"))
    assert found
    return int(found[1])


async def _publish(server: RedisServer, subscribers: int) -> float:
    """Microseconds of redis-server for one notice that so many processes hear."""
    buses = [_bus(server, number) for number in range(subscribers + 1)]
    times = NOTICES // 10 if subscribers else NOTICES
    notice = Notice(About.SESSION, "a" * 26, 0.0)
    try:
        for bus in buses[1:]:
            await bus.open()
        await until(lambda: all(bus.current() for bus in buses[1:]), what="all of them hear")
        told = in_turns(lambda _: buses[0].publish(notice), times)
        (cost,) = await spent((_pid(server),), times, told)
    finally:
        for bus in buses:
            await bus.close()
    return cost


def _bus(server: RedisServer, number: int) -> RedisBus:
    hearing = Hearing(silent, time.time, time.monotonic)
    return open_redis_bus(server.url, DEPLOYMENT, f"replica-{number}", hearing)
