"""Somebody has a copy of the whole store and every key of the servers: no password of a directory comes out of it.

They try what can be tried: every sealed value, with every key and purpose, bound to whatever stands in the dump.
"""

import itertools
import json
import sqlite3

import pytest

from gateway.errors import Unsealable
from gateway.keys.seal import Sealer
from tests.kit.api_house import LOGIN, api_house
from tests.kit.clock import Clock
from tests.kit.leaks import found_in, spellings
from tests.kit.redis_server import RedisServer
from tests.kit.token_house import TOKENS, TokenHouse, token_ring
from tests.kit.vendors.ad_api import KEY, AdApi
from tests.kit.vendors.vendor import serve

pytestmark = pytest.mark.anyio

SECRET, OLD, BOBS = 'Kept-9 "pässwörd"\\ 密码', "Formerly-8 horses", "Horse-of-bob-6"
HOUR = 3600
PURPOSES = (
    "sess-enc/v1",
    "sess-meta/v1",
    "rights/v1",
    "attempt",
    "token-code/v1",
    "refresh-chain/v1",
    "cookie/v1",
)
KINDS = ("identity", "grant", "meta", "chain")


def cells_of_sqlite(folder):
    """Every value of every table, and the bytes of the files."""
    raw = [path.read_bytes() for path in folder.glob("gateway.db*")]
    with sqlite3.connect(folder / "gateway.db") as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        rows = [row for table in tables for row in database.execute(f"select * from {table}")]
    database.close()
    values = [value for row in rows for value in row if value is not None]
    return [value if isinstance(value, bytes) else str(value).encode() for value in values], b"".join(raw)


def cells_of_redis(redis, folder):
    """Every key and every value of every type, and the bytes of its snapshot."""
    redis.ask("CONFIG", "SET", "rdbcompression", "no")
    redis.ask("SAVE")
    cells = []
    for key in redis.ask("KEYS", "*"):
        asked = {
            b"string": ("GET", key.decode()),
            b"hash": ("HGETALL", key.decode()),
            b"zset": ("ZRANGE", key.decode(), "0", "-1"),
            b"set": ("SMEMBERS", key.decode()),
            b"list": ("LRANGE", key.decode(), "0", "-1"),
        }
        value = redis.ask(*asked[redis.ask("TYPE", key.decode())])
        bare = key.split(b":", 2)[2]  # behind the deployment, which every key of ours begins with
        cells += [bare, *(value if isinstance(value, list) else [value])]
    return cells, (folder / "dump.rdb").read_bytes()


@pytest.fixture(params=["sqlite", "redis"])
async def scene(request, tmp_path):
    """A gateway that gives tokens too, and what a thief finds of its store, once they come."""
    api = AdApi(Clock(), key=KEY)
    api.change_password("ann", OLD)
    api.change_password("bob", BOBS)
    redis = RedisServer(tmp_path) if request.param == "redis" else None
    store = {"store": redis.start().url} if redis else {}
    section = {"headers": {"X-API-Key": KEY}}
    try:
        with serve(api):
            async with api_house(
                tmp_path, api, ring=token_ring(), section=section, tokens=TOKENS, **store
            ) as house:
                yield house, lambda: cells_of_redis(redis, tmp_path) if redis else cells_of_sqlite(tmp_path)
    finally:
        if redis:
            redis.stop()


async def lived(house):
    """All that can happen to a password: typed and mistyped, changed, refused in the background, kept by a token."""
    client = TokenHouse(house.house)
    await house.sign_in("ann")
    _, cookie = await house.sign_in("bob")
    house.clock.advance(HOUR + 1)
    house.api.change_password("ann", SECRET)
    browser, newest = await house.sign_in("ann")
    await house.typed("ann", "Slip-of-the-fingers-7")
    await house.typed(SECRET, "typed into the wrong field")
    pair = (await client.post("/auth/login", {"username": "ann", "password": SECRET})).json()
    pair = (await client.refresh(pair["refresh_token"])).json()
    assert pair["access_token"]
    await house.passes(cookie)
    house.api.change_password("bob", "another")
    house.clock.advance(HOUR + 1)
    for one in (cookie, newest):  # the one is suspected from here on, the other renewed
        assert await house.passes(one)
    await browser.open(f"{LOGIN}&prompt=login")
    return newest


def opened_by(ring, cells):
    """Whatever opens without a cookie: (the kind that it was sealed as, its plaintext)."""
    names = {cell.decode("ascii", "replace") for cell in cells}
    sids = {name[3:-1] for name in names if name.startswith("s:{")}
    kids = [entry["kid"] for entry in json.loads(ring.dump())["secrets"]]
    places = [(sid, f"sess/v1|{ring.deployment}|{sid}|{kind}", kind) for sid in sids for kind in KINDS]
    places += [("", f"{ring.deployment}|{name}", "rights") for name in names if name.startswith("rights:{")]
    places += [("", kind, kind) for kind in ("code/v1", "code-used/v1", "attempt/v1", "trace/v1")]
    known = {b"", bytes(32), *[ring.derive("sess-enc/v1", kid) for kid in kids]}
    for sealed, purpose in itertools.product({cell for cell in cells if cell.startswith(b"1.")}, PURPOSES):
        sealer = Sealer(ring, purpose, bytes)
        for (name, place, kind), salted in itertools.product(places, (True, False)):
            # The id of a session is made of its ticket: it is what a thief has that comes nearest.
            for binding in known | {name.encode()}:
                try:
                    told = sealer.open(
                        sealed, place.encode(), binding=binding, salt=name.encode() if salted else b""
                    )
                except Unsealable:
                    continue
                yield kind, told


def test_the_search_finds_what_it_looks_for():
    """Each way of writing it down is recognised."""
    for spelling in spellings(SECRET):
        assert found_in(b"before " + spelling + b" after", SECRET)


async def test_a_dump_of_the_store_and_all_server_keys_open_no_password(scene):
    """What is sealed under a server's key alone opens, and has none in it; what has one does not open."""
    house, stolen = scene
    newest = await lived(house)
    cells, raw = stolen()
    opened = list(opened_by(house.house.ring, cells))

    for text in (SECRET, OLD, BOBS, "Slip-of-the-fingers-7", KEY):
        assert found_in(raw, text) == []
        assert [cell for cell in cells if found_in(cell, text)] == []
        assert [kind for kind, told in opened if found_in(told, text)] == []
    for text in ("Ann Example", "ann@corp.example", "ad-token-1"):
        assert found_in(raw, text) == []
        assert [kind for kind, told in opened if found_in(told, text)] == []
    assert {kind for kind, _ in opened} == {"meta", "rights"}
    # It is in there: the cookie opens it, and nothing else did.
    assert await house.kept_password(newest) == SECRET


async def test_a_refused_password_is_gone_for_whoever_has_the_cookie_too(scene):
    """Its session ends, and takes it along."""
    house, stolen = scene
    _, cookie = await house.sign_in("bob")
    house.api.change_password("bob", "another")
    house.clock.advance(HOUR + 1)
    assert await house.passes(cookie)
    assert await house.kept_password(cookie) == BOBS
    house.clock.advance(61)
    assert not await house.passes(cookie)
    cells, _ = stolen()

    assert await house.kept_password(cookie) == ""
    assert [cell for cell in cells if cell.startswith(b"s:{")] == []
