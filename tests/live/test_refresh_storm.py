"""A thousand people whose tokens end in the same second, all of them active: each is refreshed, and nobody notices."""

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from tests.kit.fleet import fleet
from tests.kit.redis_server import RedisServer
from tests.kit.scripted_provider import ScriptedProvider, serve
from tests.kit.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.live]

PEOPLE = 1000
AT_ONCE = 50
"""Logins side by side."""
LEAD = 10.0
"""Seconds before the end of the tokens at which the sessions are begun."""
PATIENCE = 20.0


@pytest.fixture(params=["redis", "sqlite"])
async def scene(request, tmp_path):
    async with AsyncExitStack() as stack:
        provider = ScriptedProvider(time.time, client_secret="", algorithm="ES256")
        issuer = await stack.enter_async_context(serve(provider))
        store = f"sqlite:{tmp_path / 'gateway.db'}"
        if request.param == "redis":
            store = stack.enter_context(RedisServer(tmp_path)).url
        providers = {"test": {"issuer": issuer, "client_id": "gateway", "anyone": True}}
        written = {"log": {"level": "info"}}
        yield await stack.enter_async_context(fleet(tmp_path, [store], providers, written=written)), provider


async def _sign_in_all(replicas, provider, ends):
    people = []
    for start in range(0, PEOPLE, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, PEOPLE))
        people += await asyncio.gather(
            *[replicas.sign_in("test", provider, ends - time.time()) for _ in numbers]
        )
    return people


async def _check(replicas, who):
    """Status of the answer on a connection of its own: a thousand of them are one crowd only without a client's pool."""
    bind = replicas.gateways[0].settings.server.verify_bind
    host, _, port = str(bind).rpartition(":")
    head = (
        "GET /verify/forward-auth HTTP/1.1\r\nhost: gateway\r\nx-forwarded-method: GET\r\nx-forwarded-uri: /x\r\n"
        f"x-forwarded-host: {replicas.host}\r\ncookie: {who.cookie}\r\nconnection: close\r\n\r\n"
    )
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode())
        line = await reader.readline()
        writer.close()
    return int(line.split()[1])


async def test_a_thousand_tokens_that_end_together_are_a_thousand_refreshes(scene, figure):
    """Everybody is let in, the provider is asked once for each, and a crowd of our own is no outage of the store."""
    replicas, provider = scene
    ends = int(time.time() + LEAD)
    people = await _sign_in_all(replicas, provider, ends)
    assert time.time() < ends
    await asyncio.sleep(ends - time.time())

    began = time.monotonic()
    statuses = Counter(await asyncio.gather(*[_check(replicas, who) for who in people]))
    answered = time.monotonic() - began
    await until(lambda: provider.paths().count("/token") >= PEOPLE, PATIENCE)
    refreshed = time.monotonic() - began
    await asyncio.sleep(1.0)

    assert statuses == {200: PEOPLE}
    assert provider.paths().count("/token") == PEOPLE
    stored = [(await replicas.stored(who))[0] for who in people]
    assert Counter((one.version, one.fails) for one in stored) == {(2, 0): PEOPLE}
    log = replicas.gateways[0].log
    assert "store_unavailable" not in log
    assert "store.failed" not in log
    figure(f"{PEOPLE} tokens that end together: until all were answered", answered, "s")
    figure(f"{PEOPLE} tokens that end together: until all were refreshed", refreshed, "s")
