"""Gateways of the bench, as an operator runs them, and sessions that are begun beside them in their store."""

import asyncio
import http.client
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.questions import BEARERS, RULES
from bench.servers import Server, running
from gateway.identity.identity import Identity
from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.session import Grant, Session
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from gateway.settings.model import Settings
from gateway.storage.key_file import write_keyring
from gateway.storage.opened import open_store
from gateway.tokens.access import AccessTokens
from tests.kit.real_gateway import ISSUER, ROOT, RealGateway, alice, silent
from tests.kit.scene import scene_settings
from tests.kit.servers import free_ports

PROVIDERS: Mapping[str, Any] = {"test": {"issuer": ISSUER, "client_id": "gateway", "anyone": True}}
COOKIE = CookieSpec("gw", None, secure=False, max_age=2_592_000)
"""What the settings of a scene make of it: plain http, one host."""
AT_ONCE = 64
"""Sessions that are begun at the same time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A gateway's configuration, as far as rows differ in it.

    `memory` is `sessions.cache_ttl` where it is not the default. `signs` assertions: `never`, `reused` (the default) or
    `always`, for each session that is read. `cores` is the name of a field of `Cores`. `tokens`: they are issued, and
    taken by a rule. The provider is that of `issuer`, or a file of people, or a directory behind the API at `api`.
    """

    store: str = "sqlite"
    quick: bool = True
    memory: str = ""
    signs: str = "reused"
    log: str = "info"
    workers: int = 1
    rules: int = len(RULES)
    four_headers: bool = False
    cores: str = "server"
    issuer: str = ISSUER
    tokens: bool = False
    people: str = ""
    api: str = ""

    def written(self) -> dict[str, Any]:
        """What differs from the settings of a scene."""
        document: dict[str, Any] = {
            "rules": rules_of(self.rules),
            "log": {"level": self.log, "format": "json"},
            "providers": {"test": self._provider()},
            "sessions": {"cache_ttl": self.memory} if self.memory else {},
            "login": {"per_prefix": 1_000_000, "passwords": {"per_account": 1000, "per_address": 100_000}},
        }
        if self.tokens:
            document |= {"rules": [BEARERS, *rules_of(self.rules)], "tokens": {"enabled": True}}
        if self.signs == "always":
            document["assertion"] = {"lifetime": "1s"}  # handed out again for a fifth of it
        left_out = ["assertion"] if self.signs == "never" else []
        if self.four_headers:
            left_out = ["subject", "provider", "expires", "assertion"]
        return {**document, "headers": dict.fromkeys(left_out)} if left_out else document

    def _provider(self) -> dict[str, Any]:
        if self.people:
            return {"type": "users-file", "file": self.people}
        if self.api:
            return {"type": "ad-api", "url": self.api, "anyone": True}
        return {**PROVIDERS["test"], "issuer": self.issuer}


def rules_of(count: int) -> list[dict[str, Any]]:
    """The bench's own rules, behind as many that fit other paths as are missing."""
    more: list[dict[str, Any]] = [
        {"name": f"r{i}", "paths": [f"/team-{i}/**"], "allow": {"groups": [f"team-{i}"]}}
        for i in range(count - len(RULES))
    ]
    return more + RULES


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: `server` is its verify listener."""

    server: Server
    settings: Settings
    beside: Mapping[str, int]
    seconds_to_ready: float
    ring: Keyring = field(repr=False)


@contextmanager
def gateway_running(
    wanted: Wanted, store: str, beside: Mapping[str, int], ring: Keyring, folder: Path, cores: frozenset[int]
) -> Iterator[Gateway]:
    """`python -m gateway serve`, until it says that it is ready."""
    settings = scene_settings("one-host", free_ports(4))
    keys = folder / "ring.json"
    write_keyring(keys, ring)
    document = {**wanted.written(), "store": store, "keys": {"file": str(keys)}}
    one = RealGateway(settings, folder, document)
    one.document["server"] |= {"quick": wanted.quick, "workers": wanted.workers}
    one.config.write_text(json.dumps(one.document))
    verify, operator = (
        int(str(one.document["server"][name]).rpartition(":")[2]) for name in ("verify_bind", "metrics_bind")
    )
    argv = [sys.executable, "-m", "gateway", "serve", "--config", str(one.config)]
    begun = time.perf_counter()
    path = {"PYTHONPATH": str(ROOT)}
    with running(argv, folder / "home", verify, cores, lambda: is_ready(operator), path) as server:
        yield Gateway(server, settings, beside, time.perf_counter() - begun, ring)


def is_ready(port: int) -> bool:
    """Whether /readyz of this listener says so."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", "/readyz")
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


@asynccontextmanager
async def sessions_in(address: str, ring: Keyring, issuer: str = ISSUER) -> AsyncIterator[Sessions]:
    """The gateway's own sessions over its store, as a login would begin them."""
    store = open_store(address, ring.deployment, time.time, silent)
    try:
        yield Sessions(
            store, ring, COOKIE, Limits(), ring.deployment, silent, time.time, os.urandom, {"test": issuer}
        )
    finally:
        await store.close()


def sessions_of(address: str, ring: Keyring, count: int, changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Cookies of so many people; `changes` go over their identities."""
    people = [
        alice(PROVIDERS, **{"subject": f"p-{i}", "user": f"person-{i}", **changes}) for i in range(count)
    ]
    return asyncio.run(_begun(address, ring, [(one, None) for one in people]))


def tokens_of(gateway: Gateway, count: int) -> tuple[str, ...]:
    """Access tokens of so many people, as this gateway would issue them; no store knows of them, nor needs to."""
    issuer, limits = gateway.settings.public_url, Limits()
    access = AccessTokens(gateway.ring, issuer, issuer, gateway.settings.tokens.lifetime, limits.idle)
    now = int(time.time())
    made = []
    for number in range(count):
        person = alice(PROVIDERS, subject=f"p-{number}", user=f"person-{number}")
        session = Session(
            id=f"session-{number}",
            identities=(person,),
            created=now,
            absolute_end=now + int(limits.absolute),
            version=1,
            seen=now,
        )
        made.append(access.issue(session, now, os.urandom(16).hex()))
    return tuple(made)


async def _begun(
    address: str, ring: Keyring, people: Sequence[tuple[Identity, Grant | None]]
) -> tuple[str, ...]:
    async with sessions_in(address, ring) as sessions:
        return await begin_all(sessions, people)


async def begin_all(sessions: Sessions, people: Sequence[tuple[Identity, Grant | None]]) -> tuple[str, ...]:
    """Begin a session for each, some at a time."""
    cookies: list[str] = []
    for start in range(0, len(people), AT_ONCE):
        begun = await asyncio.gather(
            *[sessions.begin(who, grant) for who, grant in people[start : start + AT_ONCE]]
        )
        cookies += [f"{COOKIE.name}={one.cookie}" for one in begun]
    return tuple(cookies)
