"""What `gateway check --online` has to say about a store."""

import os
from pathlib import Path

import pytest

from gateway.errors import StoreFault
from gateway.settings.redis_address import read_redis_address
from gateway.settings.units import StoreUrl
from gateway.storage.inspection import inspect_store
from gateway.storage.redis.inspection import warnings_of
from gateway.storage.sqlite import open_sqlite
from tests.kit.clock import Clock
from tests.kit.redis_server import RedisCluster, RedisServer, SentinelSet, acl_file
from tests.kit.servers import free_port

ALONE = read_redis_address("redis://127.0.0.1")
FINE = {
    "redis_version": "7.0.15",
    "maxmemory_policy": "noeviction",
    "aof_enabled": "1",
    "connected_slaves": "0",
}


def url(text):
    return StoreUrl(text)


def test_a_server_that_loses_nothing_is_not_warned_of():
    """noeviction, a file, a version that has all commands."""
    assert list(warnings_of(ALONE, FINE, "")) == []


@pytest.mark.parametrize(
    ("told", "save_points", "warning"),
    [
        pytest.param({"maxmemory_policy": "allkeys-lru"}, "", "set it to noeviction", id="evicts"),
        pytest.param({"maxmemory_policy": "volatile-ttl"}, "", "set it to noeviction", id="evicts what ends"),
        pytest.param({"aof_enabled": "0"}, "", "keeps nothing on disk", id="keeps nothing"),
        pytest.param({"aof_enabled": "0"}, "3600 1", "the last snapshot comes back", id="snapshots"),
        pytest.param(
            {"aof_enabled": "0"}, None, "appendonly is off: a restart", id="may not ask for snapshots"
        ),
        pytest.param({"redis_version": "6.0.16"}, "", "version 6.0.16", id="too old"),
        pytest.param({"redis_version": "5.9"}, "", "version 5.9", id="much too old"),
    ],
)
def test_what_would_lose_sessions_is_said(told, save_points, warning):
    """One sentence each, with what to do."""
    found = list(warnings_of(ALONE, FINE | told, save_points))

    assert len(found) == 1
    assert warning in found[0]


@pytest.mark.parametrize("told", ["6.2.0", "7.2.4", "10.1", "unheard of", ""])
def test_other_versions_are_not_warned_of(told):
    """Newer ones, and names that are no number."""
    assert list(warnings_of(ALONE, FINE | {"redis_version": told}, "")) == []


@pytest.mark.parametrize(
    ("text", "warned"),
    [("redis+sentinel://a/m", True), ("redis+cluster://a", True), ("redis://a", False)],
)
def test_a_primary_without_a_replica_is_warned_of_where_one_is_meant(text, warned):
    """Sentinels or a cluster with nobody to take over; one server alone is what it says."""
    assert bool(list(warnings_of(read_redis_address(text), FINE, ""))) is warned


# Real stores


@pytest.mark.anyio
@pytest.mark.live
async def test_a_server_is_asked(tmp_path):
    """What a plain redis-server of the tests would lose."""
    with RedisServer(tmp_path, ("--maxmemory-policy", "allkeys-lru")) as server:
        found = await inspect_store(url(server.url))

    assert ["noeviction" in one for one in found] == [True, False]
    assert "keeps nothing on disk" in found[1]


@pytest.mark.anyio
@pytest.mark.live
async def test_a_server_that_keeps_a_file_is_fine(tmp_path):
    """No warning at all, over loopback or a socket."""
    with RedisServer(tmp_path, ("--appendonly", "yes")) as server:
        assert await inspect_store(url(server.url)) == ()
        assert await inspect_store(url(server.socket_url)) == ()


@pytest.mark.anyio
@pytest.mark.live
async def test_a_user_that_may_not_ask_for_the_configuration_learns_the_rest(tmp_path):
    """CONFIG is refused to the recommended user: the warning leaves open what is not known."""
    with RedisServer(tmp_path, ("--aclfile", str(acl_file(tmp_path))), login="gateway:right@") as server:
        found = await inspect_store(url(server.url))

    assert len(found) == 1
    assert "appendonly is off: a restart" in found[0]


@pytest.mark.anyio
@pytest.mark.live
async def test_a_user_that_may_not_ask_at_all_is_told_what_to_grant(tmp_path):
    """Without INFO nobody notices another server in its place."""
    (tmp_path / "acl").write_text("user default on nopass ~* &* +@all -info\n")
    with RedisServer(tmp_path, ("--aclfile", str(tmp_path / "acl"))) as server:
        found = await inspect_store(url(server.url))

    assert len(found) == 1
    assert "+info" in found[0]


@pytest.mark.anyio
@pytest.mark.live
@pytest.mark.parametrize(
    ("layout", "replicas_missing"), [(RedisCluster, [True]), (SentinelSet, [])], ids=["cluster", "sentinel"]
)
async def test_all_primaries_are_asked_and_each_sentence_said_once(tmp_path, layout, replicas_missing):
    """Three nodes with the same faults are three times the same sentence."""
    with layout(tmp_path) as servers:
        found = await inspect_store(url(servers.url))

    assert "keeps nothing on disk" in found[0]
    assert ["no replica" in one for one in found[1:]] == replicas_missing


@pytest.mark.anyio
async def test_a_server_that_is_not_there_is_a_fault():
    """Unreachable is no warning."""
    with pytest.raises(StoreFault, match="redis"):
        await inspect_store(url(f"redis://:hush@127.0.0.1:{free_port()}"))


@pytest.mark.anyio
async def test_the_embedded_store_is_looked_at_without_a_trace(tmp_path):
    """A file of ours is fine, one that is missing too; nothing is made beside it."""
    path = tmp_path / "data" / "store.db"
    await inspect_store(url(f"sqlite:{path}"))
    assert list(tmp_path.iterdir()) == []
    store = open_sqlite(path, Clock())
    await store.put("v", b"x", 60.0)
    await store.close()
    before = sorted(path.parent.iterdir())

    assert await inspect_store(url(f"sqlite:{path}")) == ()
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.anyio
@pytest.mark.parametrize("content", [b"something else\n" * 20, b"SQLite format 3\0" + bytes(100)])
async def test_a_file_of_somebody_else_is_a_fault(tmp_path, content):
    """Another program's file, be it a database or not."""
    (tmp_path / "store.db").write_bytes(content)

    with pytest.raises(StoreFault, match="belongs to another program"):
        await inspect_store(url(f"sqlite:{tmp_path}/store.db"))


@pytest.mark.anyio
async def test_a_folder_is_a_fault(tmp_path):
    """The path leads to something that is no file."""
    with pytest.raises(StoreFault, match="not a file"):
        await inspect_store(url(f"sqlite:{tmp_path}"))


@pytest.mark.anyio
async def test_a_place_where_nothing_can_be_written_is_a_fault(tmp_path, monkeypatch):
    """The file, or the folder in which it would be made."""
    (tmp_path / "store.db").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    for name in ("store.db", "other/new.db"):
        with pytest.raises(StoreFault, match="writable"):
            await inspect_store(url(f"sqlite:{Path(tmp_path) / name}"))
