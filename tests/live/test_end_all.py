"""Ten thousand sessions of one person, ended in one call, on the stores that people run."""

import asyncio
import itertools
import secrets
import time

import pytest

from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.inventory import Inventory
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from gateway.storage.opened import open_store
from tests.kit.people import ISSUERS, person
from tests.kit.redis_server import RedisServer

pytestmark = [pytest.mark.live, pytest.mark.anyio]

MANY = 10_000
AT_ONCE = 50
SPEC = CookieSpec("__Host-gw", None, True, 30 * 86_400)


@pytest.fixture(params=["redis", "sqlite"])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path / 'store.db'}"
        return
    with RedisServer(tmp_path) as server:
        yield server.url


async def test_ten_thousand_sessions_end_with_two_calls_of_the_store(url, figure):
    """None of them opens from then on; their records go beside it, and one that is begun meanwhile stays."""
    asked = []
    store = open_store(url, "here", time.time, lambda event: asked.append(event.verb))
    ring = Keyring.generate(secrets.token_bytes, time.time())
    shared = (lambda event: None, time.time, secrets.token_bytes)
    sessions = Sessions(store, ring, SPEC, Limits(), "here", *shared, ISSUERS)
    inventory = Inventory(store, ring, Limits().absolute, "here", *shared)
    begun = []
    for _ in range(MANY // AT_ONCE):
        begun += await asyncio.gather(*[sessions.begin(person(), None) for _ in range(AT_ONCE)])
    asked.clear()

    began = time.perf_counter()
    await inventory.end_all(ISSUERS["corp"], "7", "operator")
    seconds = time.perf_counter() - began

    assert asked == ["get", "replace"]
    later = await sessions.begin(person(), None)
    some = itertools.islice(begun, 0, MANY, 500)
    assert [await sessions.open(one.ticket) for one in some] == [None] * (MANY // 500)
    await inventory.close(120.0)
    assert [listed.id for listed in await inventory.of_person(ISSUERS["corp"], "7")] == [later.session.id]
    assert await sessions.open(later.ticket)
    figure("ending ten thousand sessions of one person", seconds * 1000, "ms")
    await store.close()
