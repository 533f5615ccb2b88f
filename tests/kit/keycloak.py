"""A real Keycloak in development mode on a loopback port: started once for all tests, with a realm for each of them."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kit.servers import free_ports

ROOT = Path(__file__).resolve().parents[2]
HOMES = sorted((ROOT / ".live").glob("keycloak-*"))
READY_SECONDS = 180
ADMIN = {"KC_BOOTSTRAP_ADMIN_USERNAME": "overseer", "KC_BOOTSTRAP_ADMIN_PASSWORD": "loopback-only"}


def realm(
    name: str,
    redirect_uris: list[str],
    post_logout: list[str],
    access_seconds: int,
    attributes: Mapping[str, str] | None = None,
    habits: Mapping[str, object] | None = None,
    client_as: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """A realm with the client `gateway`, Ada in group admins, Ben in none; passwords are their names."""
    people = [
        {
            "username": name,
            "enabled": True,
            "email": f"{name}@example.com",
            "emailVerified": True,
            "firstName": name.title(),
            "lastName": "Example",
            "credentials": [{"type": "password", "value": name, "temporary": False}],
            "groups": groups,
        }
        for name, groups in (("ada", ["/admins"]), ("ben", []))
    ]
    groups_mapper = {
        "name": "groups",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-group-membership-mapper",
        "config": {
            "claim.name": "groups",
            "full.path": "false",
            "id.token.claim": "true",
            "userinfo.token.claim": "true",
        },
    }
    client = {
        "clientId": "gateway",
        "secret": "loopback-only",
        "redirectUris": redirect_uris,
        "attributes": {"post.logout.redirect.uris": "##".join(post_logout), **(attributes or {})},
        "protocolMappers": [groups_mapper],
        **(client_as or {}),
    }
    return {
        "realm": name,
        "enabled": True,
        "sslRequired": "none",
        "accessTokenLifespan": access_seconds,
        "groups": [{"name": "admins"}],
        "users": people,
        "clients": [client],
        **(habits or {}),
    }


@dataclass(frozen=True, slots=True)
class Keycloak:
    """A server that runs. Calling it makes a realm, and yields its issuer."""

    base: str

    def __call__(
        self,
        redirect_uris: list[str],
        post_logout: list[str],
        access_seconds: int = 300,
        attributes: Mapping[str, str] | None = None,
        habits: Mapping[str, object] | None = None,
        client_as: Mapping[str, object] | None = None,
    ) -> AbstractContextManager[str]:
        """`attributes` are those of the client, `client_as` goes over it, and `habits` over the realm."""
        name = f"test-{secrets.token_hex(4)}"
        return self._realm(
            realm(name, redirect_uris, post_logout, access_seconds, attributes, habits, client_as)
        )

    @contextmanager
    def _realm(self, written: Mapping[str, object]) -> Iterator[str]:
        self._administer("POST", "", written)
        try:
            yield f"{self.base}/realms/{written['realm']}"
        finally:
            self._administer("DELETE", f"/{written['realm']}")

    def _administer(self, method: str, path: str, body: Mapping[str, object] | None = None) -> None:
        form = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": ADMIN["KC_BOOTSTRAP_ADMIN_USERNAME"],
            "password": ADMIN["KC_BOOTSTRAP_ADMIN_PASSWORD"],
        }
        token_url = f"{self.base}/realms/master/protocol/openid-connect/token"
        with urllib.request.urlopen(token_url, urllib.parse.urlencode(form).encode(), timeout=60) as answer:
            token = json.load(answer)["access_token"]
        ask = urllib.request.Request(
            f"{self.base}/admin/realms{path}",
            None if body is None else json.dumps(body).encode(),
            {"authorization": f"Bearer {token}", "content-type": "application/json"},
            method=method,
        )
        urllib.request.urlopen(ask, timeout=60).close()


@pytest.fixture(scope="session")
def keycloak(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., AbstractContextManager[str]]]:
    """The one server of this run; a start costs as much as all the tests that use it."""
    missing = None if HOMES else "no Keycloak in .live/ (`.ci/run` fetches it)"
    missing = missing or (None if shutil.which("java") else "java is not on PATH")
    if missing:
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("keycloak")
    home = folder / "home"
    shutil.copytree(HOMES[-1], home)
    [port] = free_ports(1)
    log = (folder / "keycloak.log").open("wb")
    process = subprocess.Popen(
        ["sh", "bin/kc.sh", "start-dev", "--http-host=127.0.0.1", f"--http-port={port}"],
        cwd=home,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=os.environ | ADMIN | {"JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx512m"},
        start_new_session=True,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{base}/realms/master", process, folder / "keycloak.log")
        yield Keycloak(base)
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # kc.sh and the JVM it started, nothing else
        process.wait(30)
        log.close()
        shutil.rmtree(home)


def wait_for(issuer: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the realm answers; the log's end is in the message when it does not."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"Keycloak did not start: {log.read_text(errors='replace')[-2000:]}")
