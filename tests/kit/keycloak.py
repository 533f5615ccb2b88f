"""A real Keycloak in development mode on a loopback port, with one realm, one client and two people."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOMES = sorted((ROOT / ".live").glob("keycloak-*"))
READY_SECONDS = 180


def realm(
    redirect_uris: list[str],
    post_logout: list[str],
    access_seconds: int,
    attributes: Mapping[str, str] | None = None,
    habits: Mapping[str, object] | None = None,
    client_as: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The realm `test`: client `gateway`, Ada in group admins, Ben in none; passwords are their names."""
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
        "realm": "test",
        "enabled": True,
        "sslRequired": "none",
        "accessTokenLifespan": access_seconds,
        "groups": [{"name": "admins"}],
        "users": people,
        "clients": [client],
        **(habits or {}),
    }


@contextmanager
def keycloak(
    folder: Path,
    port: int,
    redirect_uris: list[str],
    post_logout: list[str],
    access_seconds: int = 300,
    attributes: Mapping[str, str] | None = None,
    habits: Mapping[str, object] | None = None,
    client_as: Mapping[str, object] | None = None,
) -> Iterator[str]:
    """Start it from a private copy of its home in `folder`; yields the issuer of the realm.

    `attributes` are those of the client, `client_as` goes over it, and `habits` over the realm.
    """
    missing = None if HOMES else "no Keycloak in .live/ (`.ci/run` fetches it)"
    missing = missing or (None if shutil.which("java") else "java is not on PATH")
    if missing:
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    home = folder / "keycloak"
    shutil.copytree(HOMES[-1], home)
    (home / "data" / "import").mkdir(parents=True, exist_ok=True)
    (home / "data" / "import" / "test.json").write_text(
        json.dumps(realm(redirect_uris, post_logout, access_seconds, attributes, habits, client_as))
    )
    log = (folder / "keycloak.log").open("wb")
    process = subprocess.Popen(
        ["sh", "bin/kc.sh", "start-dev", "--import-realm", "--http-host=127.0.0.1", f"--http-port={port}"],
        cwd=home,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=os.environ | {"JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx512m"},
        start_new_session=True,
    )
    issuer = f"http://127.0.0.1:{port}/realms/test"
    try:
        wait_for(issuer, process, folder / "keycloak.log")
        yield issuer
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # kc.sh and the JVM it started, nothing else
        process.wait(30)
        log.close()


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
