"""Every backend of the volatile store, each test on data of its own."""

import importlib
import itertools
import time

import pytest

from gateway.storage.redis import open_redis
from gateway.storage.sqlite import open_sqlite
from tests.kit.redis_server import RedisCluster, RedisServer, SentinelSet, acl_file

_deployments = itertools.count()

REDIS = {"redis": "redis_server", "sentinel": "redis_sentinel", "cluster": "redis_cluster"}
PRODUCTS = ["sqlite", *(pytest.param(kind, marks=pytest.mark.live) for kind in REDIS)]
ALL = [*PRODUCTS, "memory"]


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """Reached as the user that the documentation recommends: what it needs is granted, and nothing else."""
    folder = tmp_path_factory.mktemp("redis")
    with RedisServer(folder, ("--aclfile", str(acl_file(folder))), login="gateway:right@") as server:
        yield server


@pytest.fixture(scope="session")
def redis_sentinel(tmp_path_factory):
    with SentinelSet(tmp_path_factory.mktemp("sentinel")) as servers:
        yield servers


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory):
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers


def opener(request, tmp_path, backend: str):
    """What opens one more store on the same data, as a second worker would."""
    if backend == "sqlite":
        return lambda: open_sqlite(tmp_path / "store.db", time.time)
    if backend in REDIS:
        url = request.getfixturevalue(REDIS[backend]).url
        deployment = f"https://auth{next(_deployments)}.example.com/{{x}}"
        return lambda: open_redis(url, deployment)
    only = importlib.import_module("tests.kit.memory_store").MemoryStore(time.time)
    return lambda: only


@pytest.fixture(params=ALL)
def open_another(request, tmp_path):
    return opener(request, tmp_path, request.param)


@pytest.fixture
async def store(anyio_backend, open_another):
    opened = open_another()
    yield opened
    await opened.close()


@pytest.fixture
async def second(anyio_backend, open_another, store):
    opened = open_another()
    yield opened
    await opened.close()


@pytest.fixture(params=PRODUCTS)
async def product(anyio_backend, request, tmp_path):
    """A backend that people run; the store of the test kit does not model clocks that misbehave, or rounding."""
    opened = opener(request, tmp_path, request.param)()
    yield opened
    await opened.close()
