"""From settings to a running gateway, and back to an exit."""

import gc
import secrets
import time
from pathlib import Path

import uvloop

from gateway.app import Application, Chance
from gateway.keys.keyring import Keyring
from gateway.serve.listeners import Listener, serve
from gateway.settings.model import Settings
from gateway.storage.key_file import read_keyring, write_keyring


def keyring_for(settings: Settings) -> Keyring:
    """The key ring of the file; made at the first start with the embedded store.

    With a shared store nothing is made: every replica would make its own, and a session of one would be no session
    at the next.
    """
    path = Path(settings.keys.file)
    if path.exists() or settings.store.kind != "sqlite":
        return read_keyring(path)
    ring = Keyring.generate(secrets.token_bytes, time.time())
    write_keyring(path, ring)
    return ring


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises `SettingsFault`, `KeyFault` or `StoreFault` where it cannot start."""
    ring = keyring_for(settings)
    uvloop.run(_serve(settings, ring))


async def _serve(settings: Settings, ring: Keyring) -> None:
    application = Application(settings, ring, Chance(clock=time.time, random=secrets.token_bytes))

    async def started(listeners: tuple[Listener, ...]) -> None:
        for listener in listeners:
            application.log.write(
                "info", "listener.open", {"name": listener.name, "bind": str(listener.bind)}
            )
        await application.health.readiness()
        # What is alive now lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()

    await serve(application.listeners, started, application.close)
