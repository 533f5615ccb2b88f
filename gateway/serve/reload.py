"""The configuration read anew while the gateway runs: what it may change, and what needs a restart."""

from collections.abc import Callable
from pathlib import Path

from gateway.errors import KeyFault, SettingsFault
from gateway.serve.process import Plan
from gateway.serve.sockets import addresses
from gateway.serve.start_keys import lacking
from gateway.settings.model import Server, Settings
from gateway.storage.key_file import read_keyring


def read_again(read: Callable[[], Settings], now: Server) -> Plan:
    """Settings and keys as they are on disk. Raises `SettingsFault` or `KeyFault`; then nothing changes."""
    settings = read()
    if faults := tuple(needs_restart(now, settings.server)):
        raise SettingsFault(faults)
    ring = read_keyring(Path(settings.keys.file))
    # A start with the embedded store makes this key; workers that run must not find out one by one that it is missing.
    if missing := lacking(settings, ring):
        raise KeyFault(missing)
    return Plan(settings, ring)


def needs_restart(now: Server, then: Server) -> list[str]:
    """A sentence for each key that cannot change in a running gateway: its sockets are bound once."""
    before = {place.name: str(place.bind) for place in addresses(now)}
    after = {place.name: str(place.bind) for place in addresses(then)}
    found = [
        f"server.{name}: is {before.get(name, 'same')} in the running gateway and {after.get(name, 'same')} in the"
        " file; listeners move only with a restart"
        for name in ("bind", "verify_bind", "metrics_bind")
        if before.get(name) != after.get(name)
    ]
    if now.workers != then.workers:
        found.append(
            f"server.workers: is {now.workers} in the running gateway and {then.workers} in the file; their number"
            " changes only with a restart"
        )
    return found
