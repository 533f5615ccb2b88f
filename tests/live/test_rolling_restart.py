"""Three replicas over one Redis, restarted one after the other under load: no check fails."""

import socket

import pytest

from tests.kit.redis_server import RedisServer, require_redis
from tests.kit.replicas import replicas
from tests.kit.scene import APP
from tests.kit.steady_load import SteadyLoad

pytestmark = pytest.mark.live


def through_nginx(cookie: str) -> bytes:
    """A request for the application, which nginx checks."""
    return f"GET /x HTTP/1.1\r\nHost: {APP}\r\nCookie: {cookie}\r\n\r\n".encode()


def at_the_balancer(cookie: str) -> bytes:
    """A check itself, as Traefik sends it to the address of a Service."""
    lines = (
        "GET /verify/forward-auth HTTP/1.1", "Host: gateway", "X-Forwarded-Method: GET",
        f"X-Forwarded-Host: {APP}", "X-Forwarded-Uri: /x", f"Cookie: {cookie}", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


@pytest.fixture
def redis(tmp_path):
    require_redis()
    with RedisServer(tmp_path) as server:
        yield server


@pytest.mark.parametrize(
    ("balancer", "drain", "workers"),
    [
        pytest.param("nginx", "0s", 1, id="nginx-without-a-drain"),
        pytest.param("nginx", "1s", 2, id="nginx-and-workers"),
        pytest.param("haproxy-http", "1s", 1, id="haproxy-with-kept-connections"),
        pytest.param("haproxy-tcp", "1s", 1, id="one-address-and-a-client-that-never-retries"),
    ],
)
def test_a_rolling_restart_of_three_replicas_costs_no_check(
    balancer, drain, workers, tmp_path, redis, figure
):
    """Every replica is stopped by SIGTERM and started again, while eight clients ask without a pause."""
    with replicas(tmp_path, redis.url, balancer, {"drain": drain, "workers": workers}) as three:
        request = (through_nginx if balancer == "nginx" else at_the_balancer)(three.cookie)

        def connect() -> socket.socket:
            return socket.create_connection(("127.0.0.1", three.port), timeout=10)

        with SteadyLoad(connect, request) as load:
            load.wait_for(300)
            took = three.restart_one_by_one(pause=0.6)
            load.wait_for(300)

    figure(f"{balancer}, drain {drain}, {workers} workers: checks", load.answered, "")
    figure(f"{balancer}, drain {drain}, {workers} workers: failed", len(load.failures), "")
    figure(f"{balancer}, drain {drain}, {workers} workers: longest stop", max(took), "s")
    assert load.failures == []
    assert set(load.statuses) == {204 if balancer == "nginx" else 200}
