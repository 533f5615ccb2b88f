"""Races of a refresh at real providers that end the whole grant when a refresh token is used twice."""

import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.kit.fleet import Fleet, fleet
from tests.kit.form_login import sign_in
from tests.kit.keycloak import Keycloak
from tests.kit.oidc_provider import oidc_provider
from tests.kit.redis_server import RedisServer
from tests.kit.servers import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.live]

SECRET = "loopback-only"
ENVIRONMENT = {"TEST_CLIENT_SECRET": SECRET}
LIFE = 8
"""Seconds of an access token."""
ROUNDS = 2
"""The second one shows that the first has left a good token behind."""


def section(issuer: str, *scopes: str) -> dict[str, object]:
    scope = {"scopes": ["openid", "profile", "email", *scopes]} if scopes else {}
    return {
        "issuer": issuer,
        "client_id": "gateway",
        "client_secret": "${TEST_CLIENT_SECRET}",
        "anyone": True,
    } | scope


async def race(replicas: Fleet, cookie: str, requests: int) -> list[float]:
    """As many requests at once at each replica, whenever the token has ended. Seconds of the slowest of each round."""
    slowest = []
    for _ in range(ROUNDS):
        await asyncio.sleep(LIFE)
        began = time.monotonic()
        count = requests * len(replicas.gateways)
        asked = [replicas.check(n % len(replicas.gateways), cookie) for n in range(count)]
        answers = await asyncio.gather(*asked)
        slowest.append(time.monotonic() - began)
        assert Counter(one.status_code for one in answers) == {200: count}
    return slowest


def refreshes(replicas: Fleet) -> list[str]:
    """How the refreshes of all replicas ended, by their logs."""
    lines = [
        json.loads(line) for one in replicas.gateways for line in one.log.splitlines() if line[:1] == "{"
    ]
    return [line["outcome"] for line in lines if line["event"] == "refresh.finished"]


async def test_oidc_provider_meets_no_token_twice(tmp_path: Path, figure) -> None:
    """Six hundred requests at three replicas, twice: two token requests, and the provider has nothing to complain of."""
    port = free_port()
    home = f"http://app.gw.localhost:{port}/_gateway"
    options = {
        "redirect_uris": [f"{home}/auth/test/callback"],
        "client_secret": SECRET,
        "access_token_ttl": LIFE,
    }
    with oidc_provider(**options) as provider, RedisServer(tmp_path) as redis:
        providers = {"test": section(provider.issuer, "offline_access") | {"prompt": "consent"}}
        async with fleet(tmp_path, [redis.url] * 3, providers, port, ENVIRONMENT) as replicas:
            cookie = await sign_in(replicas.gateways[0], "test", [{"login": "ada", "password": "x"}, {}])

            slowest = await race(replicas, cookie, 200)

            assert provider.asked("refresh_token") == ROUNDS
            assert provider.refused() == []
            assert refreshes(replicas) == ["ok"] * ROUNDS
            figure("oidc-provider, three replicas, 600 requests at once: slowest answer", max(slowest), "s")


async def test_keycloak_that_revokes_refresh_tokens_keeps_everybody_in(
    tmp_path: Path, keycloak: Keycloak, figure
) -> None:
    """Its "Revoke Refresh Token", with no reuse at all: the crowd of two replicas presents each token once."""
    port = free_port()
    home = f"http://app.gw.localhost:{port}/_gateway"
    habits = {"revokeRefreshToken": True, "refreshTokenMaxReuse": 0}
    with (
        keycloak([f"{home}/auth/test/callback"], [], LIFE, habits=habits) as issuer,
        RedisServer(tmp_path) as redis,
    ):
        async with fleet(tmp_path, [redis.url] * 2, {"test": section(issuer)}, port, ENVIRONMENT) as replicas:
            cookie = await sign_in(replicas.gateways[0], "test", [{"username": "ada", "password": "ada"}])

            slowest = await race(replicas, cookie, 100)

            assert refreshes(replicas) == ["ok"] * ROUNDS
            figure("Keycloak, two replicas, 200 requests at once: slowest answer", max(slowest), "s")
