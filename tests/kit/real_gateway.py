"""The gateway as an operator runs it: `python -m gateway serve`, a process of its own, from a file on disk."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway.identity.identity import Identity
from gateway.keys.keyring import Keyring
from gateway.observe.events import Event
from gateway.sessions.cookie import session_cookie
from gateway.sessions.session import Grant
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Settings
from gateway.storage.key_file import write_keyring
from gateway.storage.opened import open_store
from tests.kit.servers import Process, is_listening

ROOT = Path(__file__).resolve().parents[2]
ISSUER = "http://127.0.0.1:9"
"""A provider that nobody asks: port 9 discards."""


def plain(settings: Settings) -> dict[str, Any]:
    """Settings as the mapping that a file would hold; durations in seconds, secrets in the clear."""
    written = settings.model_dump(mode="json", exclude_unset=True)
    for section in ("sessions", "login", "assertion"):
        for key, value in written.get(section, {}).items():
            if isinstance(value, float):
                written[section][key] = f"{value:g}s"
    return written


class RealGateway:
    """A running gateway. `written` goes over the settings; `environment` holds its secrets."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        written: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.ring = Keyring.generate(os.urandom, time.time())
        self.key_file = folder / "keys.json"
        write_keyring(self.key_file, self.ring)
        self.document = {
            **plain(settings),
            "store": f"sqlite:{folder / 'gateway.db'}",
            "keys": {"file": str(self.key_file)},
            "log": {"level": "debug"},
            **(written or {}),
        }
        self.document.setdefault(
            "providers", {"test": {"issuer": ISSUER, "client_id": "gateway", "anyone": True}}
        )
        self.config = folder / "gateway.yaml"
        self.config.write_text(yaml.safe_dump(self.document))
        self.environment = {"PYTHONPATH": str(ROOT), **(environment or {})}
        self.arguments: tuple[str, ...] = ()
        self.process: Process | None = None
        self.cookie = ""

    @property
    def url(self) -> str:
        """Where the public listener is reached without a proxy."""
        return f"http://{self.settings.server.bind}"

    def start(self) -> None:
        if not self.cookie:
            self.cookie = asyncio.run(self.session_of(alice(self.document["providers"])))
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(self.config), *self.arguments]
        home = self.folder / "gateway"
        home.mkdir(exist_ok=True)
        self.process = Process(command, home, self.environment)
        server = self.document["server"]
        binds = [str(server["bind"]), str(server["verify_bind"])]
        ports = [int(bind.rpartition(":")[2]) for bind in binds if bind[-1].isdigit()]
        self.process.wait_until(lambda: all(is_listening(port) for port in ports))

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None

    @property
    def log(self) -> str:
        return self.process.log if self.process else ""

    async def session_of(self, identity: Identity, grant: Grant | None = None) -> str:
        """Begin a session in the gateway's own store, as a login would; `name=value` for a Cookie header."""
        spec = session_cookie(self.settings)
        url = str(self.document["store"])
        store = open_store(url, self.ring.deployment, time.time, silent)
        sessions = Sessions(
            store, self.ring, spec, self.settings.sessions, self.ring.deployment,
            silent, time.time, os.urandom, {identity.provider: identity.issuer},
        )  # fmt: skip
        try:
            begun = await sessions.begin(identity, grant)
        finally:
            await store.close()
        return f"{spec.name}={begun.cookie}"


def alice(providers: Mapping[str, Any], **changes: Any) -> Identity:
    """Alice, of the first configured provider."""
    name, section = next(iter(providers.items()))
    values: dict[str, Any] = {
        "provider": name,
        "issuer": section["issuer"],
        "subject": "a-1",
        "user": "alice",
        "authenticated_at": int(time.time()),
        "email": "alice@example.com",
        "email_verified": True,
        "name": "Alice Example",
        "groups": ("staff",),
    }
    return Identity(**{**values, **changes})


def silent(event: Event) -> None:
    """Nobody listens."""
