"""First-party tokens at two real gateways on one Redis: whichever is asked, it is one session, and it ends at both."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.storage.key_file import write_keyring
from tests.kit.dropping_proxy import DroppingProxy
from tests.kit.real_gateway import RealGateway
from tests.kit.redis_server import RedisServer
from tests.kit.scene import scene_settings
from tests.kit.servers import free_ports
from tests.kit.users_file import person, write_people

pytestmark = [pytest.mark.anyio, pytest.mark.live]

TRIES = 50
BOUND = 5.0
"""Seconds after which no access token of an ended session is taken anywhere, whatever is cut."""
WRITTEN = {
    "rules": [{"name": "api", "allow": "authenticated", "accept": ["session", "bearer"]}],
    "tokens": {"enabled": True, "algorithm": "ES256"},
}


@dataclass
class Replica:
    """One running gateway, and an HTTP client for both of its listeners."""

    gateway: RealGateway
    http: httpx.AsyncClient

    @property
    def _home(self) -> str:
        return self.gateway.settings.public_url.removesuffix("/_gateway")

    async def post(self, path: str, holding: str = "", **body: object) -> httpx.Response:
        """A call of a page of the gateway's own origin."""
        lines = {"host": self._home.removeprefix("http://"), "origin": self._home}
        lines |= {"cookie": holding} if holding else {}
        answer = await self.http.post(f"{self.gateway.url}/_gateway{path}", json=body, headers=lines)
        self.http.cookies.clear()  # a cookie is sent by name, or not at all
        return answer

    async def sign_in(self) -> tuple[str, dict[str, str]]:
        """The cookie's `name=value`, and the pair."""
        answer = await self.post("/auth/login", username="ann", password="correct horse", cookie=True)
        assert answer.status_code == 200, answer.text
        return answer.headers.get_list("set-cookie")[0].partition(";")[0], answer.json()

    async def refresh(self, token: str) -> httpx.Response:
        return await self.post("/auth/refresh", refresh_token=token)

    async def check(self, **lines: str) -> int:
        """What the verify endpoint says to a cookie or a token."""
        asked = {
            "x-forwarded-method": "GET",
            "x-forwarded-host": self._home.removeprefix("http://"),
            "x-forwarded-uri": "/x",
        }
        bind = self.gateway.settings.server.verify_bind
        answer = await self.http.get(f"http://{bind}/verify/forward-auth", headers=asked | lines)
        return answer.status_code

    async def takes(self, pair: dict[str, str]) -> bool:
        return await self.check(authorization=f"Bearer {pair['access_token']}") == 200

    async def hears(self) -> None:
        """Wait until its bus is current, as its own metrics say."""
        bind = self.gateway.settings.server.metrics_bind
        for _ in range(500):
            if "gateway_bus_current 1.0" in (await self.http.get(f"http://{bind}/metrics")).text:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("its bus did not become current")


@asynccontextmanager
async def replicas(folder: Path, *stores: str) -> AsyncIterator[list[Replica]]:
    """A gateway for each address of the one store, with one key file, one public address and one file of people."""
    people, running, ports = folder / "people.yaml", list[Replica](), free_ports(4)
    write_people(people, ann=person(name="Ann Example", groups=["staff"]))
    keys: Path | None = None
    try:
        for number, store in enumerate(stores):
            home = folder / f"replica-{number}"
            home.mkdir()
            settings = scene_settings("one-host", ports if not running else [ports[0], *free_ports(3)])
            written = WRITTEN | {
                "store": store,
                "providers": {"people": {"type": "users-file", "file": str(people)}},
                **({"keys": {"file": str(keys)}} if keys else {}),
            }
            one = RealGateway(settings, home, written)
            one.cookie = "none=needed"
            if keys is None:
                keys = one.key_file
                write_keyring(keys, one.ring.for_tokens("ES256", os.urandom, time.time()))
            running.append(Replica(one, httpx.AsyncClient(timeout=10)))
            await asyncio.to_thread(one.start)
        for one_of_them in running:
            await one_of_them.hears()
        yield running
    finally:
        for replica in running:
            await replica.http.aclose()
            replica.gateway.stop()


@pytest.fixture
def redis(tmp_path):
    (tmp_path / "redis").mkdir()
    with RedisServer(tmp_path / "redis") as running:
        yield running


async def refused_after(one: Replica, pair: dict[str, str]) -> float:
    """Seconds until this replica says no to the access token."""
    began = time.monotonic()
    while await one.takes(pair):
        assert time.monotonic() - began < BOUND, "an ended session's token is taken past the bound"
    return time.monotonic() - began


async def test_refreshes_at_either_replica_keep_cookie_and_tokens_alive(tmp_path, redis):
    """Ten in turn: each pair is good at both, and so is the cookie."""
    async with replicas(tmp_path, redis.url, redis.url) as both:
        cookie, pair = await both[0].sign_in()
        for turn in range(10):
            answer = await both[turn % 2].refresh(pair["refresh_token"])
            assert answer.status_code == 200, answer.text
            pair = answer.json()
            assert [await one.takes(pair) for one in both] == [True, True]
            assert [await one.check(cookie=cookie) for one in both] == [200, 200]


async def test_refreshes_of_one_token_at_both_replicas_end_in_one_pair(tmp_path, redis):
    """All at once: one goes on with the chain, and all others get what it got."""
    async with replicas(tmp_path, redis.url, redis.url) as both:
        _, pair = await both[0].sign_in()
        # Thirty in a minute are the pace of one session.
        answers = await asyncio.gather(
            *[one.refresh(pair["refresh_token"]) for one in both for _ in range(14)]
        )
        newest = {one.json()["refresh_token"] for one in answers}
        after = await both[1].refresh(next(iter(newest)))

    assert {one.status_code for one in answers} == {200}
    assert len(newest) == 1
    assert after.status_code == 200


async def test_reuse_at_one_replica_ends_the_session_at_the_other(tmp_path, redis):
    """Two generations old, so no window: cookie, access token and refresh token are over at both."""
    async with replicas(tmp_path, redis.url, redis.url) as (one, two):
        cookie, oldest = await one.sign_in()
        second = (await two.refresh(oldest["refresh_token"])).json()
        newest = (await one.refresh(second["refresh_token"])).json()
        assert await two.takes(newest)
        reused = await one.refresh(oldest["refresh_token"])
        await refused_after(two, newest)
        over = [await each.check(cookie=cookie) for each in (one, two)]
        refreshed = [(await each.refresh(newest["refresh_token"])).status_code for each in (one, two)]

    assert (reused.status_code, reused.json()["error"]) == (401, "token_reused")
    assert (over, refreshed) == ([401, 401], [401, 401])


@pytest.mark.parametrize("by", ["cookie", "token"])
async def test_t46_a_logout_at_one_replica_kills_the_access_token_at_the_other(tmp_path, redis, figure, by):
    """Both remember it; the other one hears of the end by the bus."""
    async with replicas(tmp_path, redis.url, redis.url) as (one, two):
        waits = []
        for _ in range(TRIES):
            cookie, pair = await one.sign_in()
            for each in (one, two):
                assert [await each.takes(pair) for _ in range(2)] == [True, True]
            sent = {"holding": cookie} if by == "cookie" else {"refresh_token": pair["refresh_token"]}
            assert (await one.post("/auth/logout", **sent)).status_code == 200
            assert not await one.takes(pair)
            waits.append(await refused_after(two, pair))

    waits.sort()
    figure(
        f"logout by {by} at one replica, access token refused at the other: p50",
        waits[TRIES // 2] * 1000,
        "ms",
    )
    figure(
        f"logout by {by} at one replica, access token refused at the other: longest", waits[-1] * 1000, "ms"
    )
    assert waits[-1] < BOUND


async def test_t46_with_the_bus_cut_no_access_token_is_taken_past_the_bound(tmp_path, redis, figure):
    """The subscription's bytes are swallowed, the store answers. Whoever has not signed out notices nothing."""
    async with DroppingProxy(redis.port) as proxy, replicas(tmp_path, redis.url, proxy.url) as (one, two):
        (_, ended), (_, living) = await one.sign_in(), await one.sign_in()
        proxy.become("deaf")
        for pair in (ended, living):
            assert [await two.takes(pair) for _ in range(2)] == [True, True]
        assert (await one.post("/auth/logout", refresh_token=ended["refresh_token"])).status_code == 200
        began, accepted, others = time.monotonic(), 0.0, set[bool]()
        while (now := time.monotonic() - began) < BOUND + 2:
            if await two.takes(ended):
                accepted = now
            others.add(await two.takes(living))
            await asyncio.sleep(0.02)

    figure("bus swallowed, an access token taken last after", accepted, "s")
    assert accepted < BOUND
    assert others == {True}
