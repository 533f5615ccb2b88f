"""Many sessions whose provider tokens end in the same second, and a check of every one of them in that second.

What renews them is a refresh token of a scripted provider, or the kept password at a directory's API.
"""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bench.gateways import PROVIDERS, Wanted, begin_all, sessions_in
from bench.lab import Lab
from bench.load import COOKIE
from bench.questions import CACHED
from gateway.identity.identity import Identity
from gateway.providers.ad_api.client import AdApi as AdApiClient
from gateway.providers.kinds import made
from gateway.providers.provider import SignedIn
from gateway.sessions.session import Grant
from gateway.settings.ad_api import AdApiProvider
from tests.kit.real_gateway import alice
from tests.kit.scripted_provider import ScriptedProvider, crank, serve
from tests.kit.vendors import vendor
from tests.kit.vendors.ad_api import AdApi

PATIENCE = 10.0
"""Seconds for one answer, and for the provider to have heard of every session."""
LEAD = 6.0
"""Seconds before the end of the tokens at which sessions are begun, and some more for each hundred."""
People = Sequence[tuple[Identity, Grant]]


@dataclass(frozen=True, slots=True)
class Storm:
    """Calls of the provider; answers by status; how long they took: all of them, the slowest and the median one.

    `heard`: seconds until the provider had been called for every session.
    """

    calls: int
    statuses: Mapping[int, int]
    seconds: float
    slowest: float
    median: float
    heard: float


@dataclass(frozen=True, slots=True)
class Renewing:
    """Who is called for new tokens. `people`: those of sessions whose tokens end then; `calls`: how many there were."""

    wanted: Wanted
    issuer: str
    people: Callable[[int], People]
    calls: Callable[[], int]


async def run_storm(lab: Lab, store: str, count: int) -> Storm:
    """By refresh tokens, at a provider of OpenID Connect."""
    provider = ScriptedProvider(time.time, client_secret="", algorithm="ES256")
    async with serve(provider) as issuer:
        wanted = Wanted(store=store, issuer=issuer)
        people = partial(_with_tokens, provider, count)
        return await _storm(
            lab, Renewing(wanted, issuer, people, lambda: provider.paths().count("/token")), count
        )


async def run_directory_storm(lab: Lab, store: str, count: int) -> Storm:
    """By kept passwords, at the API of a directory."""
    api = AdApi(time.time)
    api.people = {f"p-{i}": {"id": f"s-{i}", "name": f"P {i}", "password": f"pw-{i}"} for i in range(count)}
    with vendor.serve(api):
        wanted = Wanted(store=store, api=api.url)
        signed_in = _signed_in(api)
        return await _storm(
            lab, Renewing(wanted, api.url, partial(_with_passwords, signed_in), api.calls), count
        )


async def _storm(lab: Lab, renewing: Renewing, count: int) -> Storm:
    """All of them at once, as soon as the tokens have ended."""
    address, _ = lab.store(renewing.wanted.store)
    with lab.fresh_gateway(renewing.wanted) as gateway:
        ends = int(time.time() + LEAD + count / 100)
        async with sessions_in(address, lab.ring, renewing.issuer) as sessions:
            cookies = await begin_all(sessions, renewing.people(ends))
        earlier = renewing.calls()
        await asyncio.sleep(max(ends - time.time(), 0))
        begun = time.perf_counter()
        hearing = asyncio.create_task(_heard(renewing.calls, earlier + count))
        answers = await asyncio.gather(*[_check(gateway.server.port, cookie) for cookie in cookies])
        seconds = time.perf_counter() - begun
        heard = await hearing - begun
        await asyncio.sleep(1.0)  # in which more calls would come
        statuses = Counter([status for status, _ in answers])
        took = sorted(each for _, each in answers)
        calls = renewing.calls() - earlier
        return Storm(calls, statuses, seconds, took[-1], statistics.median(took), heard)


def _with_tokens(provider: ScriptedProvider, count: int, ends: int) -> People:
    section = {"test": {**PROVIDERS["test"], "issuer": provider.issuer}}
    people = []
    for number in range(count):
        token, subject = f"storm-{number}", f"s-{number}"
        provider.refreshable[token], provider.subjects[token] = "first", subject
        grant = Grant(provider="test", refresh_token=token, begun=ends - 300, expires=ends)
        people.append((alice(section, subject=subject), grant))
    return people


def _with_passwords(signed_in: Sequence[SignedIn], ends: int) -> People:
    return [(one.identity, replace(one.grant, begun=ends - 300, expires=ends)) for one in signed_in]


def _signed_in(api: AdApi) -> list[SignedIn]:
    """What a login of each leaves."""
    section = AdApiProvider.model_validate({"type": "ad-api", "url": api.url})
    client = made(section, "test", several=False, keeps=frozenset(), callback="")
    assert isinstance(client, AdApiClient)
    now = int(time.time())
    return [
        crank(client.sign_in(client.account(name, ""), person["password"], now), api.answer)
        for name, person in api.people.items()
    ]


async def _check(port: int, cookie: str) -> tuple[int, float]:
    """Status, and the seconds that it took."""
    begun = time.perf_counter()
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CACHED.head(close=True).replace(COOKIE, cookie).encode())
        line = await reader.readline()
        writer.close()
    return int(line.split()[1]), time.perf_counter() - begun


async def _heard(calls: Callable[[], int], count: int) -> float:
    """The moment at which there were as many calls as sessions, or at which nobody waits for them any more."""
    end = time.perf_counter() + PATIENCE
    while calls() < count and time.perf_counter() < end:  # noqa: ASYNC110 (a list tells nobody)
        await asyncio.sleep(0.05)
    return time.perf_counter()
