"""The key ring at a start: read, or made the first time; and what can be said of it before a start.

Keys that got lost are worse than a store that got lost: the store still says who is signed in, and nothing in it opens.
So keys are never made in silence.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from gateway.errors import KeyFault
from gateway.keys.keyring import Keyring
from gateway.settings.model import Settings
from gateway.storage.key_file import find_keyring, read_keyring, write_keyring

Say: TypeAlias = Callable[[str, str, Mapping[str, Any]], None]
"""Writes a log line: level, the event's name, its fields."""


def ring_at_start(
    settings: Settings, say: Say, clock: Callable[[], float], random: Callable[[int], bytes]
) -> Keyring:
    """The key ring of the file; made at the first start with the embedded store.

    With a shared store nothing is made: every replica would make its own, and a session of one would be no session
    at the next. Raises `KeyFault`.
    """
    path = Path(settings.keys.file)
    ring = find_keyring(path)
    if ring is not None:
        return _for_tokens(settings, ring, say, clock, random)
    if not settings.store.file:
        return read_keyring(path)
    if lost := lost_keys(settings):
        fields = {"file": settings.keys.file, "store": settings.store.file, "message": lost}
        say("warning", "keys.lost", fields)
    ring = Keyring.generate(random, clock())
    if settings.tokens.enabled:
        ring = ring.for_tokens(settings.tokens.algorithm, random, clock())
    write_keyring(path, ring)
    say("info", "keys.made", {"file": settings.keys.file})
    return ring


def _for_tokens(
    settings: Settings,
    ring: Keyring,
    say: Say,
    clock: Callable[[], float],
    random: Callable[[int], bytes],
) -> Keyring:
    """The ring, with a key for access tokens where they are issued: made once, and beside a shared store never here."""
    if not settings.tokens.enabled:
        return ring
    grown = ring.for_tokens(settings.tokens.algorithm, random, clock())
    if grown is ring:
        return ring
    if not settings.store.file:
        raise KeyFault(lacking(settings, ring))
    write_keyring(Path(settings.keys.file), grown)
    say("info", "keys.made", {"file": settings.keys.file})
    return grown


def lost_keys(settings: Settings) -> str:
    """A sentence where the embedded store exists and the file of its keys, which is missing, must have; else ""."""
    file, store = settings.keys.file, settings.store.file
    if not store or not Path(store).exists():
        return ""
    return (
        f"{file} does not exist, but the store {store} does: with new keys none of its sessions opens and everybody"
        " signs in again; restore the key file from a backup if it got lost"
    )


def lacking(settings: Settings, ring: Keyring) -> str:
    """A sentence where tokens are to be issued and there is no key that signs them; else ""."""
    tokens = settings.tokens
    signs = any(key.state == "active" and key.algorithm == tokens.algorithm for key in ring.tokens)
    if signs or not tokens.enabled:
        return ""
    return (
        f"{settings.keys.file} holds no key that signs access tokens with {tokens.algorithm}: run"
        " `gateway keys rotate`, and give every replica the same file"
    )


def look_at_keys(settings: Settings) -> tuple[Keyring | None, str]:
    """The key ring if there is one, and a warning or ""; makes nothing. Raises `KeyFault` for a file that is no good."""
    ring = find_keyring(Path(settings.keys.file))
    if ring is not None:
        return ring, "" if settings.store.file else lacking(settings, ring)
    if settings.store.file:
        return None, lost_keys(settings)
    return None, (
        f"{settings.keys.file} does not exist, and beside a shared store the gateway makes none; make it once with"
        " `gateway keys generate`, and give every replica the same file"
    )
