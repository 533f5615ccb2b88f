"""Notices over Redis pub/sub, on connections of its own, and the proof that they arrive.

A subscription can be dead without anybody being told: a half-open connection, a proxy that swallows bytes. So each
process publishes a heartbeat every second on a channel of its own and counts as current only while one that it sent
within the last three seconds has come back. The server writes to one connection in order, so with a heartbeat comes
everything that was published before it was sent; how late it comes back does not matter, when it was sent does.
"""

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from gateway.errors import StoreFault
from gateway.keys.strict_json import parse_object
from gateway.storage.bus import About, Hear, Notice
from gateway.storage.hearing import Hearing
from gateway.storage.redis.link import listening_pool
from gateway.storage.redis.store import key_prefix

BEAT = 1.0
SILENCE = 3.0
"""Seconds after which a heartbeat that came back proves nothing any more."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
DEADLINE = 1.0
LARGEST = 1024
AT_ONCE = 64
"""Messages that are taken in before the loop gets a turn: reading what has arrived already never waits."""


def open_redis_bus(
    url: str,
    deployment: str,
    origin: str,
    hearing: Hearing,
    ticks: Callable[[], float] = time.monotonic,
) -> "RedisBus":
    """A bus on the server of `url`; nothing is connected yet. Its channels begin with `deployment`, as keys do."""
    prefix = key_prefix(deployment)
    pool = listening_pool(url, f"{prefix}bus", 8, ticks)
    return RedisBus(Redis.from_pool(pool), prefix, origin, ticks, hearing)


class RedisBus:
    """`gateway.storage.bus.Bus` on the server of `client`, which nobody else uses.

    `prefix` begins the names of its channels, `origin` is a name that no other process has; `ticks` is a monotonic
    clock.
    """

    def __init__(
        self,
        client: Redis,
        prefix: str,
        origin: str,
        ticks: Callable[[], float],
        hearing: Hearing,
    ) -> None:
        self._client = client
        self._execute: Callable[..., Awaitable[Any]] = client.execute_command
        self._shared = f"{prefix}bus".encode()
        self._own = f"{prefix}bus:{origin}".encode()
        self._origin = origin
        self._ticks = ticks
        self._hearing = hearing
        self._numbers = count(1)
        self._beats: dict[bytes, float] = {}
        self._proven = -math.inf
        self._task: asyncio.Task[None] | None = None

    def current(self) -> bool:
        return self._ticks() - self._proven < SILENCE

    def subscribe(self, hear: Hear) -> None:
        self._hearing.subscribe(hear)

    async def publish(self, notice: Notice) -> None:
        self._hearing.deliver(notice)
        try:
            await self._send(self._shared, written(notice, self._origin))
        except (exceptions.RedisError, OSError) as error:
            raise StoreFault(f"redis: a notice was not published ({type(error).__name__})") from error

    async def open(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="bus")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        await self._client.aclose()

    async def _send(self, channel: bytes, message: bytes) -> None:
        try:
            await self._send_once(channel, message)
        except exceptions.ConnectionError:
            # A connection that has idled may be dead, of a server that was restarted; hearing it twice harms nobody.
            await self._send_once(channel, message)

    async def _send_once(self, channel: bytes, message: bytes) -> None:
        async with asyncio.timeout(DEADLINE):
            await self._execute("PUBLISH", channel, message)

    # The subscription

    async def _run(self) -> None:
        """One subscription after the other, as long as the process lives."""
        pause = FIRST_PAUSE
        while True:
            reason, began = "closed", self._ticks()
            try:
                await self._listen()
            except* (exceptions.RedisError, OSError) as group:
                reason = type(group.exceptions[0]).__name__
            except* Exception as group:  # noqa: BLE001 - a bug may cost the memories of a process, never its ears
                reason = f"a bug: {type(group.exceptions[0]).__name__}"
            self._hearing.changed("lost", reason)
            lasted = self._ticks() - began > LONGEST_PAUSE
            pause = FIRST_PAUSE if lasted else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def _listen(self) -> None:
        """Subscribe, and hear until something fails: the connection, or the proof that it lives."""
        pubsub = self._client.pubsub()
        try:
            async with asyncio.TaskGroup() as group:
                async with asyncio.timeout(DEADLINE):
                    await pubsub.subscribe(self._shared, self._own)
                joined = asyncio.Event()
                group.create_task(self._beat(joined))
                await self._read(pubsub, joined)
        finally:
            self._proven = -math.inf  # before anything is waited for
            self._beats.clear()
            with suppress(exceptions.RedisError, OSError):
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _read(self, pubsub: PubSub, joined: asyncio.Event) -> None:
        joining = 0
        for number in count(1):
            # No timeout: the heartbeats watch over this. redis-py reads without one for `None` alone.
            message = await pubsub.get_message(timeout=None)
            kind = message["type"] if message else ""
            if kind == "message" and isinstance(message["data"], bytes):
                self._take(message["channel"], message["data"])
            elif kind == "subscribe":
                joining += 1
                if joining == 2:
                    joined.set()
                elif joining > 2:  # the library has reconnected by itself: nobody knows what was missed
                    raise exceptions.ConnectionError("subscribed anew")
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _beat(self, joined: asyncio.Event) -> None:
        began = self._ticks()
        async with asyncio.timeout(SILENCE):
            await joined.wait()
        while True:
            beat = b"%d" % next(self._numbers)
            self._beats[beat] = self._ticks()
            with suppress(exceptions.RedisError, OSError):  # silence is what counts, and it has its own limit
                await self._send(self._own, beat)
            await asyncio.sleep(BEAT)
            if self._ticks() - max(self._proven, began) >= SILENCE:
                raise exceptions.ConnectionError("no heartbeat came back")

    def _take(self, channel: bytes, data: bytes) -> None:
        if channel == self._own:
            self._prove(data)
            return
        try:
            origin, notice = read(data)
        except ValueError:
            self._hearing.ignored.add()
            return
        if origin != self._origin:  # our own were heard when they were published
            self._hearing.receive(notice)

    def _prove(self, beat: bytes) -> None:
        sent = self._beats.pop(beat, None)
        if sent is None:
            return
        self._beats = {late: at for late, at in self._beats.items() if at > sent}
        if not self.current():
            self._hearing.deliver_all()
        self._proven = max(self._proven, sent)
        if self.current():
            self._hearing.changed("current")


def written(notice: Notice, origin: str) -> bytes:
    """A notice on the wire."""
    members = {"from": origin, "about": notice.about.value, "name": notice.name, "at": float(notice.at)}
    return json.dumps(members, separators=(",", ":")).encode()


def read(data: bytes) -> tuple[str, Notice]:
    """Who sent it, and the notice; `ValueError` for what is none.

    One that a newer release has invented is understood as `ALL`: forgetting too much is safe.
    """
    if len(data) > LARGEST:
        raise ValueError("too long for a notice")
    match parse_object(data):
        case {"from": str(origin), "about": str(about), "name": str(name), "at": float(at)} if math.isfinite(
            at
        ):
            known = next((one for one in About if one.value == about), About.ALL)
            return origin, Notice(known, name if known is not About.ALL else "", at)
    raise ValueError("a notice of another shape")
