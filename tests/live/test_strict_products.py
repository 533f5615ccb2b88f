"""The hardened profile at real providers: a key in place of a secret, pushed requests, `iss` in every callback."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.keys.client_key import ClientKey
from tests.kit.client_keys import pem
from tests.kit.config_file import changed
from tests.kit.fleet import Fleet, fleet
from tests.kit.form_login import sign_in
from tests.kit.keycloak import Keycloak
from tests.kit.oidc_provider import oidc_provider
from tests.kit.servers import free_port
from tests.kit.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.live]

KINDS = ("p256", "rsa", "ed25519")
LIFE = 5
"""Seconds of an access token."""


def jwks(kind: str) -> dict[str, object]:
    return {"keys": [ClientKey.parse(pem(kind)).public_jwk()]}


def section(folder: Path, issuer: str, kind: str, **more: object) -> dict[str, object]:
    key = folder / "client-key.pem"
    key.write_text(pem(kind))
    return {
        "issuer": issuer,
        "client_id": "gateway",
        "client_auth": "private_key_jwt",
        "client_key": f"file:{key}",
        "security": "strict",
        "anyone": True,
    } | more


@contextmanager
def strict_oidc_provider(home: str, kind: str) -> Iterator[str]:
    """In its FAPI 2.0 profile, which takes one audience alone, and requires requests to be pushed."""
    client = {"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(kind)}
    options = {"redirect_uris": [f"{home}/auth/test/callback"], "access_token_ttl": LIFE, "client": client}
    with oidc_provider(**options, fapi="2.0", pushed=True) as provider:
        yield provider.issuer
        assert provider.refused() == []


@contextmanager
def strict_keycloak(keycloak: Keycloak, home: str, kind: str) -> Iterator[str]:
    """A client with signed JWT, whose requests have to be pushed."""
    attributes = {
        "use.jwks.string": "true",
        "jwks.string": json.dumps(jwks(kind)),
        "require.pushed.authorization.requests": "true",
        "pkce.code.challenge.method": "S256",
    }
    with keycloak(
        [f"{home}/auth/test/callback"],
        [],
        LIFE,
        attributes,
        client_as={"clientAuthenticatorType": "client-jwt"},
    ) as issuer:
        yield issuer


@asynccontextmanager
async def house(folder: Path, port: int, provider: Mapping[str, object]) -> AsyncIterator[Fleet]:
    store = f"sqlite:{folder}/gateway.db"
    async with fleet(folder, [store], {"test": dict(provider)}, port, {}) as one:
        yield one


async def stays(one: Fleet, cookie: str) -> list[str]:
    """Past the end of a token, twice: the outcome of each refresh."""
    for _ in range(2):
        await asyncio.sleep(LIFE)
        assert (await one.check(0, cookie)).status_code == 200
    await until(lambda: len(outcomes(one)) >= 2, what="two refreshes in the log")
    return outcomes(one)


def outcomes(one: Fleet) -> list[str]:
    lines = [json.loads(line) for line in one.gateways[0].log.splitlines() if line[:1] == "{"]
    return [line["outcome"] for line in lines if line["event"] == "refresh.finished"]


def report(folder: Path, provider: Mapping[str, object]) -> tuple[int, str, str]:
    """`gateway check --online` on a file with this provider."""
    file = folder / "online.yaml"
    file.write_text(yaml.safe_dump(changed(providers={"test": dict(provider)})))
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GATEWAY")]:
            patch.delenv(name)
        done = CliRunner().invoke(main, ["check", "--online", "--config", str(file)], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("kind", KINDS)
async def test_oidc_provider_in_its_fapi_profile_takes_us(tmp_path: Path, kind: str) -> None:
    """Push, redeem and refresh by key: its audience check is the strictest there is."""
    port = free_port()
    home = f"http://app.gw.localhost:{port}/_gateway"
    with strict_oidc_provider(home, kind) as issuer:
        asked = {"scopes": ["openid", "profile", "email", "offline_access"], "prompt": "consent"}
        provider = section(tmp_path, issuer, kind, **asked)
        async with house(tmp_path, port, provider) as one:
            cookie = await sign_in(one.gateways[0], "test", [{"login": "ada", "password": "x"}, {}])

            assert await stays(one, cookie) == ["ok", "ok"]


@pytest.mark.parametrize("kind", KINDS[:2])
async def test_keycloak_that_requires_pushed_requests_takes_us(
    tmp_path: Path, keycloak: Keycloak, kind: str
) -> None:
    """With a stock realm, whose ID tokens are signed with RS256."""
    port = free_port()
    home = f"http://app.gw.localhost:{port}/_gateway"
    with strict_keycloak(keycloak, home, kind) as issuer:
        async with house(tmp_path, port, section(tmp_path, issuer, kind)) as one:
            cookie = await sign_in(one.gateways[0], "test", [{"username": "ada", "password": "ada"}])

            assert await stays(one, cookie) == ["ok", "ok"]


def test_the_look_at_oidc_provider_finds_that_strict_would_work(tmp_path: Path) -> None:
    """And what a section with a secret would have to write."""
    with oidc_provider() as provider:
        plain = {"issuer": provider.issuer, "client_id": "gateway", "anyone": True}
        code, out, _ = report(tmp_path, plain)
        keyed, told, _ = report(tmp_path, section(tmp_path, provider.issuer, "p256"))

    assert (code, keyed) == (0, 0)
    assert "  strict     would work: write security: strict" in out
    assert "pushed; iss in the callback" in told
    assert "  logout     back-channel, one session; by redirect" in told


def test_the_look_at_keycloak_finds_that_strict_would_work(tmp_path: Path, keycloak: Keycloak) -> None:
    """And that it could sign with better than RS256."""
    with keycloak(["http://app.gw.localhost/cb"], []) as issuer:
        plain = {"issuer": issuer, "client_id": "gateway", "anyone": True}
        code, out, err = report(tmp_path, plain)
        keyed, told, _ = report(tmp_path, section(tmp_path, issuer, "p256"))
        wrong, _, slash = report(tmp_path, plain | {"issuer": issuer + "/"})

    assert (code, keyed, wrong) == (0, 0, 1)
    assert "would work: write security: strict, client_auth: private_key_jwt" in out
    assert "client_secret: is missing, and the provider takes" in err
    assert "in use; for FAPI 2.0 let it sign ID tokens with PS256" in told
    assert "the slash at the end counts" in slash
