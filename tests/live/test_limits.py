"""What a real gateway process keeps to: an answer in time whatever hangs, and a start from the smallest file."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.kit.browser import Browser
from tests.kit.real_gateway import RealGateway
from tests.kit.redis_server import RedisServer, require_redis
from tests.kit.scene import APP, scene_settings
from tests.kit.scripted_provider import ScriptedProvider, serve
from tests.kit.servers import Process, free_ports, is_listening

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 3.0
"""Seconds after which the proxy of these tests gives up: our longest answer. Real ones can be told to wait 5."""


def proxy() -> httpx.AsyncClient:
    """Who asks the verify endpoint, and is not told to wait."""
    return httpx.AsyncClient(timeout=LONGEST, trust_env=False, limits=httpx.Limits(max_connections=100))


async def ask(client: httpx.AsyncClient, one: RealGateway, uri: str, cookie: str) -> httpx.Response:
    """One check; `httpx.ReadTimeout` where the answer takes too long."""
    headers = {"x-forwarded-method": "GET", "x-forwarded-host": APP, "x-forwarded-uri": uri, "cookie": cookie}
    address = f"http://{one.settings.server.verify_bind}/verify/forward-auth"
    return await client.get(address, headers=headers)


def ask_once(one: RealGateway, uri: str = "/x") -> httpx.Response:
    async def once() -> httpx.Response:
        async with proxy() as client:
            return await ask(client, one, uri, one.cookie)

    return asyncio.run(once())


@asynccontextmanager
async def signed_in(
    folder: Path, expires_in: int, **written: Any
) -> AsyncIterator[tuple[RealGateway, ScriptedProvider, str]]:
    """A gateway, a provider whose tokens last that long, and the cookie of somebody who signed in there."""
    settings = scene_settings("one-host", free_ports(4))
    provider = ScriptedProvider(time.time, client_secret="", expires_in=expires_in)
    async with serve(provider) as issuer:
        section = {"issuer": issuer, "client_id": "gateway", "anyone": True}
        one = RealGateway(settings, folder, {"providers": {"test": section}, **written})
        one.cookie = "nobody"
        one.start()
        try:
            browser = Browser({settings.hosts[0]: one.url, issuer: issuer}, time.time)
            last = await browser.open(f"{settings.public_url}/auth/test?rd={settings.public_url}/users/me")
            assert last.status == 200, last.response.text
            cookie = browser.jar.get("gw")
            assert cookie
            yield one, provider, f"gw={cookie.value}"
        finally:
            one.stop()


@pytest.mark.anyio
async def test_a_provider_that_hangs_holds_a_check_for_less_than_three_seconds(tmp_path: Path) -> None:
    """The token has ended and its refresh hangs: the person passes, in time, and so do twenty at once."""
    async with signed_in(tmp_path, expires_in=2) as (one, provider, cookie):
        await asyncio.sleep(2.1)
        provider.raw = [None] * 50

        async with proxy() as client:
            answers = await asyncio.gather(*[ask(client, one, "/x", cookie) for _ in range(20)])

        assert {answer.status_code for answer in answers} == {200}
        assert {answer.headers["x-auth-user"] for answer in answers} == {"alice"}
        assert 50 - len(provider.raw) == 1, "twenty requests share one token call"


@contextmanager
def black_hole(port: int) -> Iterator[None]:
    """A server on this port that takes connections and everything that is sent, and never answers."""
    ends = threading.Event()
    with socket.create_server(("127.0.0.1", port), backlog=128) as server:
        server.settimeout(0.1)

        def swallow() -> None:
            held = []
            while not ends.is_set():
                try:
                    held.append(server.accept()[0])
                except TimeoutError:
                    continue
            for connection in held:
                connection.close()

        thread = threading.Thread(target=swallow)
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join()


def held(redis: RedisServer) -> None:
    """Stop the server in its tracks: its connections stay open, and nothing comes back."""
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    require_redis()
    (tmp_path / "redis").mkdir()
    with RedisServer(tmp_path / "redis") as server:
        yield server
        if server.process is not None:
            server.process.send_signal(signal.SIGCONT)


def with_redis(folder: Path, redis: RedisServer) -> RealGateway:
    # Without a memory: what is asked of the store is what the test is about.
    settings = {"store": redis.url, "sessions": {"cache_ttl": "0s"}}
    one = RealGateway(scene_settings("one-host", free_ports(4)), folder, settings)
    one.start()
    return one


async def outage(one: RealGateway) -> None:
    """Checks in a row, and then many at once: neither yes nor no, all in time; public pages pass all the while."""
    async with proxy() as client:
        answers = [await ask(client, one, "/x", one.cookie) for _ in range(7)]
        answers += await asyncio.gather(*[ask(client, one, "/x", one.cookie) for _ in range(60)])
        public = await ask(client, one, "/public/a", one.cookie)

    assert {answer.status_code for answer in answers} == {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    assert all("set-cookie" not in answer.headers for answer in answers)
    assert public.status_code == 200


def test_a_redis_that_hangs_holds_a_check_for_less_than_three_seconds(
    tmp_path: Path, redis: RedisServer
) -> None:
    """Connections that were good and have gone silent."""
    one = with_redis(tmp_path, redis)
    try:
        assert ask_once(one).status_code == 200
        held(redis)

        asyncio.run(outage(one))

        assert redis.process is not None
        redis.process.send_signal(signal.SIGCONT)
        assert back(one)
    finally:
        one.stop()


def test_a_redis_that_swallows_everything_holds_a_check_for_less_than_three_seconds(
    tmp_path: Path, redis: RedisServer
) -> None:
    """New connections are taken, and nobody ever says a word on them."""
    one = with_redis(tmp_path, redis)
    try:
        assert ask_once(one).status_code == 200
        redis.stop()
        with black_hole(redis.port):
            asyncio.run(outage(one))
    finally:
        one.stop()


def back(one: RealGateway) -> bool:
    """Whether the same session passes again, soon."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if ask_once(one).headers.get("x-auth-user") == "alice":
            return True
        time.sleep(0.2)
    return False


def test_the_smallest_file_starts_a_gateway(tmp_path: Path) -> None:
    """The shipped one, with the ports of this test: it starts, makes its keys and its store, and asks for a login."""
    text = (ROOT / "config" / "minimal.yaml").read_text()
    assert len(text.splitlines()) < 15
    bind, verify, metrics = free_ports(3)
    ports = {
        "GATEWAY__server__bind": f"127.0.0.1:{bind}",
        "GATEWAY__server__verify_bind": f"127.0.0.1:{verify}",
        "GATEWAY__server__metrics_bind": f"127.0.0.1:{metrics}",
    }
    (tmp_path / "gateway.yaml").write_text(text)
    environment = {"PYTHONPATH": str(ROOT), **ports}
    process = Process([sys.executable, "-m", "gateway", "serve"], tmp_path, environment)
    try:
        process.wait_until(lambda: is_listening(verify) and is_listening(bind) and is_listening(metrics))
        host = yaml.safe_load(text)["hosts"][0].partition("://")[2]
        lines = {
            "x-forwarded-method": "GET",
            "x-forwarded-host": host,
            "x-forwarded-uri": "/x",
            "accept": "text/html",
        }
        answer = httpx.get(f"http://127.0.0.1:{verify}/verify/forward-auth", headers=lines, trust_env=False)

        assert answer.status_code == 303
        assert answer.headers["location"].startswith(yaml.safe_load(text)["public_url"])
        assert httpx.get(f"http://127.0.0.1:{metrics}/readyz", trust_env=False).json() == {"status": "ready"}
        # What it made is for its owner alone.
        made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
        assert made["gateway-keys.json"] == made["gateway.db"] == 0o600
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    finally:
        process.stop()


def test_keys_are_rotated_without_ending_a_session(tmp_path: Path) -> None:
    """`gateway keys rotate` and a restart: the old cookie passes, under an assertion that the old key set knew."""
    one = RealGateway(scene_settings("one-host", free_ports(4)), tmp_path)
    one.start()
    try:
        before = ask_once(one)
        known = {key["kid"] for key in keys(one)}
        one.stop()

        done = subprocess.run(
            [sys.executable, "-m", "gateway", "keys", "rotate", "--config", str(one.config)],
            capture_output=True, text=True, timeout=30, check=False, cwd=one.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        one.start()
        after = ask_once(one)

        assert done.returncode == 0, done.stderr
        assert (before.status_code, after.status_code) == (200, 200)
        old, new = kid(before.headers["x-auth-assertion"]), kid(after.headers["x-auth-assertion"])
        assert old != new
        assert new in known, "an application that keeps the key set met an unknown key"
        assert {old, new} <= {key["kid"] for key in keys(one)}
    finally:
        one.stop()


def keys(one: RealGateway) -> list[dict[str, str]]:
    answer = httpx.get(f"{one.url}/_gateway/.well-known/jwks.json", trust_env=False)
    assert answer.headers["cache-control"] == "public, max-age=300"
    return list(answer.json()["keys"])


def kid(token: str) -> str:
    head = token.partition(".")[0]
    return str(json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])


def test_ready_begins_with_the_first_answer_of_the_store(tmp_path: Path, redis: RedisServer) -> None:
    """Starting is 503, so that no traffic comes yet; later outages keep it ready, as degraded."""
    redis.stop()
    one = RealGateway(scene_settings("one-host", free_ports(4)), tmp_path, {"store": redis.url})
    one.cookie = "nobody"
    one.start()
    try:
        assert ready(one) == (503, "starting")
        assert httpx.get(f"{one.url}/readyz", trust_env=False).status_code == 503

        redis.start()
        deadline = time.monotonic() + 10
        while ready(one)[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert ready(one) == (200, "ready")

        redis.stop()
        assert ready(one) == (200, "degraded")
    finally:
        one.stop()


def ready(one: RealGateway) -> tuple[int, str]:
    answer = httpx.get(f"http://{one.settings.server.metrics_bind}/readyz", trust_env=False)
    return answer.status_code, answer.json()["status"]
