"""Every backend of the volatile store, each test on data of its own."""

import importlib
import itertools
import time

import pytest

from gateway.storage.redis import open_redis
from gateway.storage.sqlite import open_sqlite
from tests.kit.redis_server import RedisServer

_deployments = itertools.count()

PRODUCTS = ["sqlite", pytest.param("redis", marks=pytest.mark.live)]
ALL = [*PRODUCTS, "memory"]


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


def opener(request, tmp_path, backend: str):
    """What opens one more store on the same data, as a second worker would."""
    if backend == "sqlite":
        return lambda: open_sqlite(tmp_path / "store.db", time.time)
    if backend == "redis":
        url = request.getfixturevalue("redis_server").url
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
