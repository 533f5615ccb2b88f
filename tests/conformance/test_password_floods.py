"""Ten thousand names that nobody has (CVE-2026-77561): who has one signs in all the same, and what is kept ends by itself."""

import asyncio
import random
import sqlite3
import time
from contextlib import closing

import pytest

from gateway.errors import PasswordRefused
from gateway.login.passwords import Passwords
from gateway.login.way import Client
from gateway.settings.login import PasswordLimits
from gateway.storage.redis import open_redis
from gateway.storage.sqlite import open_sqlite
from tests.kit.password_provider import PasswordDirectory
from tests.kit.redis_server import RedisServer

pytestmark = pytest.mark.anyio

NAMES = 10_000
LIMITS = PasswordLimits()
AUTH = "https://auth.example.com"


_LOOK = """
local keys, length, least, most = redis.call('KEYS', '*passwords*'), 0, 1e9, 0
for _, key in ipairs(keys) do
  local left = redis.call('PTTL', key)
  length, least, most = math.max(length, #key), math.min(least, left), math.max(most, left)
end
return {#keys, length, math.floor(least / 1000), math.ceil(most / 1000)}
"""


def kept_in_file(file):
    """(number of buckets, longest key, shortest and longest time that one still lives)."""
    with closing(sqlite3.connect(file)) as db:
        found = db.execute("SELECT count(*), max(length(k)), min(exp), max(exp) FROM bucket").fetchone()
    number, length, least, most = found
    return number, length, least - time.time(), most - time.time()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.live)])
async def kept(request, anyio_backend, tmp_path):
    """A store, how to look into it from beside, and the longest that a bucket of one try may live there.

    Redis lets a bucket go once it is full again; the file once it would be, had it been empty.
    """
    if request.param == "sqlite":
        file = tmp_path / "store.db"
        store = open_sqlite(file, time.time)
        yield store, lambda: kept_in_file(file), LIMITS.account_period
        await store.close()
        return
    with RedisServer(tmp_path) as server:
        store = open_redis(server.url, AUTH)
        yield store, lambda: server.ask("EVAL", _LOOK, 0), LIMITS.comes_back
        await store.close()


async def test_p12_ten_thousand_names_lock_nobody_out_and_what_is_kept_ends(kept):
    """A short key for each name and each network, and none that outlives its period; a person signs in among them."""
    (store, look, longest), chance = kept, random.Random(12)
    corp = PasswordDirectory("corp", people={"bob": "right"})
    passwords = Passwords(
        providers={"corp": corp},
        limits=LIMITS,
        store=store,
        admits=lambda _: True,
        clock=time.time,
        key=b"k" * 32,
    )

    async def guess(number):
        where = Client("", f"10.{chance.randrange(16)}.{chance.randrange(256)}.0/24")
        with pytest.raises(PasswordRefused):
            await passwords.check("corp", f"user-{number}", "", "guess", where)

    for first in range(0, NAMES, 50):
        await asyncio.gather(*[guess(first + number) for number in range(50)])
        if first % 1000 == 0:
            signed_in = await passwords.check("corp", "bob", "", "right", Client("", "192.0.2.0/24"))
            assert signed_in.identity.user == "bob"

    number, length, least, most = look()
    assert NAMES < number <= NAMES + 16 * 256 + 4
    assert length < 160
    assert least >= 0
    assert most <= longest + 2
