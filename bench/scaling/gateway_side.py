"""What checks, logins, refreshes and notices cost a real gateway over a real Redis, and Redis meanwhile."""

import asyncio
import re
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from urllib.parse import urlsplit

from redis.asyncio import Redis

from bench.scaling.spent import AT_ONCE, Sections, cpu_seconds, in_turns, spent
from gateway.storage.bus import About, Notice
from gateway.storage.redis.bus import written
from tests.kit.fleet import Fleet, SignedIn, fleet
from tests.kit.redis_server import RedisServer
from tests.kit.scripted_provider import ScriptedProvider, serve

SIGNED_IN, LOGINS, REFRESHES, NOTICES = 500, 400, 400, 20_000
WRK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Stage:
    """One gateway (`gateway` is its process) over one Redis, and the provider that it knows as `test`."""

    folder: Path
    fleet: Fleet
    gateway: int
    redis: int
    provider: ScriptedProvider

    @property
    def verify(self) -> str:
        return f"http://{self.fleet.gateways[0].settings.server.verify_bind}/verify/forward-auth"


@asynccontextmanager
async def stage(folder: Path, cache_ttl: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(RedisServer(folder))
        provider = ScriptedProvider(time.time, client_secret="", expires_in=3600)
        issuer = await stack.enter_async_context(serve(provider))
        section = {"issuer": issuer, "client_id": "gateway", "anyone": True, "timeout": "5s"}
        over = {
            "log": {"level": "warning"},
            "login": {"per_prefix": 100_000},
            "sessions": {"cache_ttl": cache_ttl},
        }
        one = await stack.enter_async_context(fleet(folder, [redis.url], {"test": section}, written=over))
        process = one.gateways[0].process
        assert process is not None
        assert redis.process is not None
        # Each browser is a new one.
        one.http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield Stage(folder, one, process.pid, redis.process.pid, provider)


async def check(on: Stage, cookies: Sequence[str], status: int) -> tuple[float, ...]:
    """Gateway and Redis for one check; each carries the next of these cookies."""
    for cookie in cookies[:: max(1, len(cookies) // 10)]:
        seen = await on.fleet.http.get(on.verify, headers=_head(on, cookie))
        assert seen.status_code == status, seen.status_code
    before = [cpu_seconds(pid) for pid in (on.gateway, on.redis)]
    answered = await asyncio.to_thread(_load, on, cookies)
    after = [cpu_seconds(pid) for pid in (on.gateway, on.redis)]
    return tuple([(now - was) / answered * 1e6 for was, now in zip(before, after, strict=True)])


def _head(on: Stage, cookie: str) -> dict[str, str]:
    return {
        "x-forwarded-method": "GET",
        "x-forwarded-proto": "http",
        "x-forwarded-host": on.fleet.host,
        "x-forwarded-uri": "/mail/inbox?page=2",
        "cookie": cookie,
    }


def _load(on: Stage, cookies: Sequence[str]) -> int:
    """Requests that were answered."""
    heads = ",".join(f'wrk.format("GET", nil, {_lua(_head(on, cookie))})' for cookie in cookies)
    script = on.folder / "heads.lua"
    script.write_text(
        f"local heads, turn = nil, 0\nfunction init(args) heads = {{{heads}}} end\n"
        "function request() turn = turn % #heads + 1; return heads[turn] end\n"
    )
    argv = ["wrk", "-t1", f"-c{AT_ONCE}", f"-d{WRK_SECONDS}s", "-s", str(script), on.verify]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+) requests in", said)
    assert found, said
    return int(found[1])


def _lua(head: Mapping[str, str]) -> str:
    return "{" + ",".join(f'["{name}"]="{value}"' for name, value in head.items()) + "}"


async def login(on: Stage) -> None:
    """From the login page to the session: two requests of a browser, the token request between them."""
    one = on.fleet.gateways[0]
    lines = {"host": on.fleet.host}
    left = await on.fleet.http.get(f"{one.url}/_gateway/auth/test?rd=/x", headers=lines)
    back = await on.fleet.http.get(left.headers["location"])
    way = urlsplit(back.headers["location"])
    carried = {**lines, "cookie": left.headers["set-cookie"].partition(";")[0]}
    done = await on.fleet.http.get(f"{one.url}{way.path}?{way.query}", headers=carried)
    assert done.status_code == 303, done.text
    assert "gw=" in done.headers["set-cookie"]


async def refresh_all(on: Stage, people: list[SignedIn]) -> None:
    """One check for each, whose token is ending: it waits for the refresh."""

    async def one(number: int) -> None:
        answer = await on.fleet.check(0, people[number])
        assert answer.status_code == 200, answer.status_code

    await in_turns(one, len(people))
    assert (await on.fleet.stored(people[-1]))[0].version == 2


async def hear(redis: Redis) -> None:
    """Notices of another process, about sessions that this one does not remember."""
    (channel,) = await redis.pubsub_channels("gw:*:bus")

    async def tell(number: int) -> None:
        told = await redis.publish(channel, written(Notice(About.SESSION, f"{number:026d}", 0.0), "bench"))
        assert told == 1

    await in_turns(tell, NOTICES)


async def gateway_costs(folder: Path) -> Sections:
    """`folder` is there, and empty."""
    async with stage(_made(folder / "remembering"), "5s") as on:
        sections = await _remembering(on)
    async with stage(_made(folder / "cold"), "0s") as on:
        people = [(await on.fleet.sign_in_without_tokens()).cookie for _ in range(SIGNED_IN)]
        sections["gateway"]["cold"], sections["redis"]["cold"] = await check(on, people, 200)
    return sections


async def _remembering(on: Stage) -> Sections:
    gateway: dict[str, float] = {}
    redis: dict[str, float] = {}
    both = (on.gateway, on.redis)
    people = [(await on.fleet.sign_in_without_tokens()).cookie for _ in range(AT_ONCE)]
    gateway["cached"] = (await check(on, people, 200))[0]
    gateway["anonymous"] = (await check(on, ["theme=dark"], 401))[0]
    await in_turns(lambda _: login(on), AT_ONCE)
    gateway["login"], redis["login"] = await spent(both, LOGINS, in_turns(lambda _: login(on), LOGINS))
    ending = [await on.fleet.sign_in("test", on.provider) for _ in range(REFRESHES)]
    gateway["refresh"], redis["refresh"] = await spent(both, REFRESHES, refresh_all(on, ending))
    client = Redis.from_url(on.fleet.gateways[0].document["store"])
    gateway["notice"] = (await spent(both, NOTICES, hear(client)))[0]
    await client.aclose()
    return {"gateway": gateway, "redis": redis, "bytes": {"process": _resident(on.gateway)}}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _resident(pid: int) -> float:
    """Bytes of memory that a process has."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024.0
