"""Ten thousand sessions of one person, ended in one call, on the stores that people run."""

import asyncio
import itertools
import secrets
import time
from contextlib import nullcontext

import pytest

from gateway.keys.keyring import Keyring
from gateway.observe.events import StoreCalled
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.inventory import Inventory
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from gateway.storage.opened import open_store
from tests.kit.people import ISSUERS, person
from tests.kit.redis_server import RedisServer

pytestmark = [pytest.mark.live, pytest.mark.anyio]

MANY = 10_000
AT_ONCE = 16
SPEC = CookieSpec("__Host-gw", None, True, 30 * 86_400)


@pytest.fixture
def said():
    return []


@pytest.fixture(params=["redis", "sqlite"])
async def store(request, tmp_path, said):
    with RedisServer(tmp_path) if request.param == "redis" else nullcontext() as server:
        url = server.url if server else f"sqlite:{tmp_path / 'store.db'}"
        opened = open_store(url, "here", time.time, said.append)
        yield opened
        await opened.close()


async def test_ten_thousand_sessions_end_with_two_calls_of_the_store(store, said, figure):
    """None of them opens from then on; their records go beside it, and one that is begun meanwhile stays."""
    ring = Keyring.generate(secrets.token_bytes, time.time())
    shared = (lambda event: None, time.time, secrets.token_bytes)
    sessions = Sessions(store, ring, SPEC, Limits(), "here", *shared, ISSUERS)
    inventory = Inventory(store, ring, Limits().absolute, "here", *shared)
    begun = []
    for _ in range(MANY // AT_ONCE):
        begun += await asyncio.gather(*[sessions.begin(person(), None) for _ in range(AT_ONCE)])
    said.clear()

    began = time.perf_counter()
    await inventory.end_all(ISSUERS["corp"], "7", "operator")
    seconds = time.perf_counter() - began

    assert [event.verb for event in said if isinstance(event, StoreCalled)] == ["get", "replace"]
    later = await sessions.begin(person(), None)
    some = itertools.islice(begun, 0, MANY, 500)
    assert [await sessions.open(one.ticket) for one in some] == [None] * (MANY // 500)
    await inventory.close(120.0)
    assert [listed.id for listed in await inventory.of_person(ISSUERS["corp"], "7")] == [later.session.id]
    assert await sessions.open(later.ticket)
    figure("ending ten thousand sessions of one person", seconds * 1000, "ms")
