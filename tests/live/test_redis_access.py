"""Who may reach Redis: a user of its own with no more rights than it needs, and TLS in every layout."""

from contextlib import asynccontextmanager

import pytest

from gateway.errors import StoreFault
from gateway.storage.redis import open_redis
from tests.kit.certificates import write_certificate
from tests.kit.redis_server import RedisCluster, RedisServer, SentinelSet, acl_file

pytestmark = [pytest.mark.anyio, pytest.mark.live]

LONG = 600.0


@asynccontextmanager
async def opened(url: str):
    store = open_redis(url, "test")
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return write_certificate(tmp_path_factory.mktemp("tls") / "server.pem", "127.0.0.1")


async def works(store) -> None:
    """A value, a script, an end."""
    await store.ping()
    await store.put("v:{a}", b"x", LONG)
    assert await store.bump("n", LONG) == 1
    assert await store.get("v:{a}") == b"x"
    assert await store.delete(["v:{a}", "n"]) == 2


@pytest.mark.parametrize(
    "command",
    [
        ("KEYS", "*"),
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("CONFIG", "GET", "*"),
        ("SCRIPT", "FLUSH"),
        ("GET", "other"),
    ],
)
async def test_the_documented_user_may_nothing_else(tmp_path, command):
    """The conformance suite runs as this user; and what it does not need it cannot do."""
    with RedisServer(tmp_path, ("--aclfile", str(acl_file(tmp_path)))) as server:
        async with opened(f"redis://gateway:right@127.0.0.1:{server.port}") as store:
            await works(store)

            with pytest.raises(StoreFault, match="NoPermission"):
                await store._link.call(*command)


@pytest.mark.parametrize("who", ["gateway:wrong@", "nobody:right@", ""])
async def test_anybody_else_is_nobody(tmp_path, who):
    """A wrong password, another user, or none: a fault, and the password is not told."""
    with RedisServer(tmp_path, ("--aclfile", str(acl_file(tmp_path)))) as server:
        async with opened(f"redis://{who}127.0.0.1:{server.port}") as store:
            with pytest.raises(StoreFault) as fault:
                await store.get("v")

    assert "wrong" not in str(fault.value)
    assert "right" not in str(fault.value)


@pytest.mark.parametrize("layout", [RedisServer, SentinelSet, RedisCluster])
async def test_every_layout_speaks_tls(tmp_path, certificate, layout):
    """Server, sentinels and nodes, none of which has a port without it."""
    with layout(tmp_path, tls=certificate) as servers:
        async with opened(servers.url) as store:
            await works(store)


async def test_a_certificate_of_nobody_known_is_refused(tmp_path, certificate):
    """Without its authority the server is not believed: nothing is sent to it."""
    with RedisServer(tmp_path, tls=certificate) as server:
        async with opened(f"rediss://127.0.0.1:{server.port}") as store:
            with pytest.raises(StoreFault, match="certificate verify failed"):
                await store.get("v")


async def test_a_certificate_of_somebody_else_is_refused(tmp_path):
    """A known authority is not enough: the name has to be the server's."""
    theirs = write_certificate(tmp_path / "theirs.pem", "redis.example.com", "127.0.0.1")
    with RedisServer(tmp_path, tls=theirs) as server:
        async with opened(f"rediss://localhost:{server.port}?ssl_ca_certs={theirs}") as store:
            with pytest.raises(StoreFault, match="localhost"):
                await store.get("v")


async def test_a_server_may_ask_for_our_certificate(tmp_path, certificate):
    """Mutual TLS: with a certificate of ours we are served, without one we are not."""
    with RedisServer(tmp_path, ("--tls-auth-clients", "yes"), tls=certificate) as server:
        async with opened(f"{server.url}&ssl_certfile={certificate}&ssl_keyfile={certificate}") as store:
            await works(store)
        async with opened(server.url) as store:
            with pytest.raises(StoreFault):
                await store.get("v")


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile"])
def test_a_file_that_is_not_there_is_a_fault_at_the_start(tmp_path, option):
    """It says which options name files; nobody has to look at a failing handshake."""
    with pytest.raises(StoreFault, match="ssl_ca_certs"):
        open_redis(f"rediss://127.0.0.1:1?{option}={tmp_path}/none.pem", "test")
