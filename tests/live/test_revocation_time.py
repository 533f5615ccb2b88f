"""How soon an ended session is refused by another process: two real gateways on one store, and a bus that is cut."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.sessions.sealing import activity_key, record_key
from gateway.storage.bus import About, Notice
from gateway.storage.buses import open_bus
from gateway.storage.opened import open_store
from tests.kit.dropping_proxy import DroppingProxy
from tests.kit.real_gateway import RealGateway, alice, silent
from tests.kit.redis_server import RedisServer
from tests.kit.scene import scene_settings
from tests.kit.servers import free_ports
from tests.kit.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.live]

TRIES = 200
USUAL = 0.05
"""Seconds within which most copies are refused elsewhere, on Redis; a figure says when 99 of 100 are."""
BOUND = 5.0
"""Seconds after which no copy is accepted anywhere, whatever is cut."""


@dataclass
class Replica:
    """One running gateway, and an HTTP client for both of its listeners."""

    gateway: RealGateway
    http: httpx.AsyncClient

    async def check(self, cookie: str, uri: str = "/x") -> int:
        lines = {"x-forwarded-method": "GET", "x-forwarded-host": self.host, "x-forwarded-uri": uri}
        bind = self.gateway.settings.server.verify_bind
        answer = await self.http.get(f"http://{bind}/verify/forward-auth", headers=lines | {"cookie": cookie})
        return answer.status_code

    @property
    def host(self) -> str:
        return self.gateway.settings.hosts[0].removeprefix("http://")

    async def sign_out(self, cookie: str) -> None:
        """As the page does: the form, and then its token."""
        home = self.gateway.settings.public_url
        url = f"{self.gateway.url}/_gateway/auth/logout"
        lines = {"cookie": cookie, "host": self.host, "origin": home.removesuffix("/_gateway")}
        page = await self.http.get(url, headers=lines)
        token = page.text.partition('name="token" value="')[2].partition('"')[0]
        gone = await self.http.post(url, headers=lines, data={"token": token})
        assert gone.status_code == 303, gone.text


@asynccontextmanager
async def replicas(folder: Path, *stores: str) -> AsyncIterator[list[Replica]]:
    """A gateway for each address of the one store, with one key file and one public address."""
    settings = scene_settings("one-host", ports := free_ports(4))
    running: list[Replica] = []
    first: RealGateway | None = None
    try:
        for number, store in enumerate(stores):
            home = folder / f"replica-{number}"
            home.mkdir()
            written = {"store": store} | ({"keys": {"file": str(first.key_file)}} if first else {})
            if first:
                settings = scene_settings("one-host", [ports[0], *free_ports(3)])
            one = RealGateway(settings, home, written)
            if first:
                one.ring = first.ring
            one.cookie = await one.session_of(alice(one.document["providers"]))
            await asyncio.to_thread(one.start)
            first = first or one
            running.append(Replica(one, httpx.AsyncClient(timeout=10)))
        yield running
    finally:
        for one in running:
            await one.http.aclose()
            one.gateway.stop()


async def new_cookie(one: Replica) -> str:
    return await one.gateway.session_of(alice(one.gateway.document["providers"]))


async def remember(cookie: str, *which: Replica) -> None:
    for one in which:
        for _ in range(2):
            assert await one.check(cookie) == 200


async def refused_after(one: Replica, cookie: str) -> tuple[float, int]:
    """Seconds until this replica says no, and how often it said yes before."""
    began, accepted = time.monotonic(), 0
    while await one.check(cookie) == 200:
        accepted += 1
        assert time.monotonic() - began < BOUND, "a copy is accepted past the bound"
    return time.monotonic() - began, accepted


@pytest.fixture
def redis(tmp_path):
    (tmp_path / "redis").mkdir()
    with RedisServer(tmp_path / "redis") as running:
        yield running


async def test_t46_on_redis_a_copied_cookie_is_refused_elsewhere_within_milliseconds(tmp_path, redis, figure):
    """Logout at one replica; the copy at the other, which remembers the session: it is a matter of milliseconds."""
    async with replicas(tmp_path, redis.url, redis.url) as (one, two):
        await heard(two)
        waits, accepted = [], 0
        for _ in range(TRIES):
            cookie = await new_cookie(one)
            await remember(cookie, one, two)
            await one.sign_out(cookie)
            seconds, yes = await refused_after(two, cookie)
            waits.append(seconds)
            accepted += yes

    waits.sort()
    p50, p99 = waits[TRIES // 2], waits[TRIES * 99 // 100 - 1]
    figure("logout at one replica, refused at the other: p50", p50 * 1000, "ms")
    figure("logout at one replica, refused at the other: p99", p99 * 1000, "ms")
    figure("logout at one replica, refused at the other: longest", waits[-1] * 1000, "ms")
    figure("accepted after the logout was answered", accepted, "")
    assert p50 < USUAL


async def heard(one: Replica) -> None:
    """Wait until its bus is current, as its own metrics say."""
    bind = one.gateway.settings.server.metrics_bind
    for _ in range(200):
        if "gateway_bus_current 1.0" in (await one.http.get(f"http://{bind}/metrics")).text:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("its bus did not become current")


async def test_t46_on_sqlite_a_copied_cookie_is_refused_at_the_very_next_check(tmp_path):
    """Two processes on one file: no time at all, 200 times."""
    store = f"sqlite:{tmp_path / 'shared.db'}"
    async with replicas(tmp_path, store, store) as (one, two):
        accepted = 0
        for _ in range(TRIES):
            cookie = await new_cookie(one)
            await remember(cookie, one, two)
            await one.sign_out(cookie)
            accepted += await two.check(cookie) == 200

    assert accepted == 0


async def watch(one: Replica, cookie: str, seconds: float) -> list[tuple[float, int]]:
    """What the replica answers, and when, from now on."""
    began, answers = time.monotonic(), []
    while (now := time.monotonic() - began) < seconds:
        answers.append((now, await one.check(cookie)))
        await asyncio.sleep(0.01)
    return answers


async def test_t46_with_the_bus_cut_no_copy_is_accepted_past_the_bound(tmp_path, redis, figure):
    """The subscription's bytes are swallowed, the store answers: within seconds every check asks the store again; and
    whoever has not signed out notices nothing."""
    async with DroppingProxy(redis.port) as proxy, replicas(tmp_path, redis.url, proxy.url) as (one, two):
        await heard(two)
        ended, living = await new_cookie(one), await new_cookie(one)
        await remember(ended, one, two)
        await remember(living, two)

        proxy.become("deaf")
        await remember(ended, two)
        await one.sign_out(ended)
        copies, others = await asyncio.gather(watch(two, ended, 8.0), watch(two, living, 8.0))

        accepted = [moment for moment, status in copies if status == 200]
        figure("bus swallowed, a copied cookie accepted last after", max(accepted), "s")
        assert max(accepted) < BOUND
        assert {status for _, status in copies} == {200, 401}
        assert {status for _, status in others} == {200}


async def test_t46_with_store_and_bus_cut_no_copy_is_accepted_past_the_bound(tmp_path, redis, figure):
    """Everything is swallowed: nobody is let in on an old memory, and nobody is told to log in."""
    async with DroppingProxy(redis.port) as proxy, replicas(tmp_path, redis.url, proxy.url) as (one, two):
        await heard(two)
        cookie = await new_cookie(one)
        await remember(cookie, one, two)

        proxy.become("swallow")
        await one.sign_out(cookie)
        answers = await watch(two, cookie, 8.0)
        proxy.become("pass")
        back = time.monotonic()
        while (status := await two.check(cookie)) == 503:
            assert time.monotonic() - back < 20
            await asyncio.sleep(0.05)

        accepted = [moment for moment, status in answers if status == 200]
        figure("bus and store swallowed, a copied cookie accepted last after", max(accepted), "s")
        figure("network mended, until the store's answer counted", time.monotonic() - back, "s")
        assert max(accepted) < BOUND
        assert {status for _, status in answers} == {200, 503}
        assert status == 401


@pytest.mark.parametrize("kind", ["redis", "sqlite"])
async def test_ten_thousand_notes_of_activity_make_nobody_forget_anything(tmp_path, request, kind, figure):
    """Activity is written all the time: what is told must be what ends sessions, and nothing else."""
    url = f"sqlite:{tmp_path / 'store.db'}"
    if kind == "redis":
        url = request.getfixturevalue("redis").url
    heard: list[Notice] = []
    store = open_store(url, "d", time.time, silent)
    bus = open_bus(url, "d", time.time, silent, os.urandom)
    bus.subscribe(heard.append)
    await bus.open()
    await until(bus.current)
    await store.create(record_key("s"), {"identity": b"x"}, 600)
    heard.clear()

    began = time.monotonic()
    for _ in range(400):
        touches = [
            store.touch(record_key("s"), 600, activity_key("s"), b"%d" % number, 600) for number in range(25)
        ]
        assert all(await asyncio.gather(*touches))
        assert bus.current()
    took = time.monotonic() - began

    assert heard == []
    await bus.publish(Notice(About.ALL))
    assert heard == [Notice(About.ALL)]
    figure(f"{kind}, ten thousand notes of activity", took, "s")
    await bus.close()
    await store.close()
