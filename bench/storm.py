"""Many sessions whose provider tokens end in the same second, and a check of every one of them in that second."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bench.gateways import PROVIDERS, Wanted, begin_all, sessions_in
from bench.lab import Lab
from bench.load import COOKIE
from bench.questions import CACHED
from gateway.identity.identity import Identity
from gateway.sessions.session import Grant
from tests.kit.real_gateway import alice
from tests.kit.scripted_provider import ScriptedProvider, serve

PATIENCE = 10.0
"""Seconds for one answer, and for the provider to have heard of every session."""
LEAD = 6.0
"""Seconds before the end of the tokens at which sessions are begun, and some more for each hundred."""


@dataclass(frozen=True, slots=True)
class Storm:
    """Calls of the provider; answers by status; how long they took: all of them, the slowest and the median one."""

    calls: int
    statuses: Mapping[int, int]
    seconds: float
    slowest: float
    median: float


async def run_storm(lab: Lab, store: str, count: int) -> Storm:
    """All of them at once, as soon as the tokens have ended."""
    provider = ScriptedProvider(time.time, client_secret="", algorithm="ES256")
    async with serve(provider) as issuer:
        with lab.fresh_gateway(Wanted(store=store, issuer=issuer)) as gateway:
            ends = time.time() + LEAD + count / 100
            cookies = await _sessions(lab, store, provider, count, int(ends))
            await asyncio.sleep(max(ends - time.time(), 0))
            begun = time.perf_counter()
            answers = await asyncio.gather(*[_check(gateway.server.port, cookie) for cookie in cookies])
            seconds = time.perf_counter() - begun
            statuses = Counter([status for status, _ in answers])
            took = sorted(each for _, each in answers)
            return Storm(await _calls(provider, count), statuses, seconds, took[-1], statistics.median(took))


async def _sessions(
    lab: Lab, store: str, provider: ScriptedProvider, count: int, ends: int
) -> tuple[str, ...]:
    address, _ = lab.store(store)
    people: list[tuple[Identity, Grant | None]] = []
    for number in range(count):
        token, subject = f"storm-{number}", f"s-{number}"
        provider.refreshable[token], provider.subjects[token] = "first", subject
        section = {"test": {**PROVIDERS["test"], "issuer": provider.issuer}}
        grant = Grant(provider="test", refresh_token=token, begun=ends - 300, expires=ends)
        people.append((alice(section, subject=subject), grant))
    async with sessions_in(address, lab.ring, provider.issuer) as sessions:
        return await begin_all(sessions, people)


async def _check(port: int, cookie: str) -> tuple[int, float]:
    """Status, and the seconds that it took."""
    begun = time.perf_counter()
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CACHED.head(close=True).replace(COOKIE, cookie).encode())
        line = await reader.readline()
        writer.close()
    return int(line.split()[1]), time.perf_counter() - begun


async def _calls(provider: ScriptedProvider, count: int) -> int:
    """Token requests, once there are as many as sessions, and after a moment in which more would come."""
    end = time.monotonic() + PATIENCE
    while provider.paths().count("/token") < count and time.monotonic() < end:  # noqa: ASYNC110 (a list tells nobody)
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)
    return provider.paths().count("/token")
