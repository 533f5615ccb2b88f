"""The key ring's file: readable by its owner alone, and replaced in one step."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from gateway.errors import KeyFault
from gateway.keys.keyring import Keyring

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def open_to_others(status: os.stat_result) -> bool:
    """Whether somebody else on this machine may read or write what has this status."""
    mode = status.st_mode & _OTHERS
    # A Kubernetes Secret with an fsGroup is root's and readable by the group, 0440: that group is how we may read it.
    if status.st_uid == 0 and os.geteuid() != 0:
        mode &= ~stat.S_IRGRP
    return mode != 0


def read_keyring(path: Path) -> Keyring:
    """Read and check; `KeyFault` says what to do where the file is missing, open to others, or wrong."""
    ring = find_keyring(path)
    if ring is None:
        raise KeyFault(
            f"{path} does not exist: restore it from a backup if there was one, or make it with `gateway keys generate`"
        )
    return ring


def find_keyring(path: Path) -> Keyring | None:
    """As `read_keyring`, and `None` where there is no file; one that cannot be used is a fault all the same."""
    raw = _content(path)
    if raw is None:
        return None
    try:
        return Keyring.parse(raw)
    except KeyFault as fault:
        raise KeyFault(f"{path}: {fault}") from None


def _content(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            # The mode is that of what was opened, not of what stands at the path a moment later.
            status = os.fstat(file.fileno())
            if open_to_others(status):
                raise KeyFault(
                    f"{path} is open to other users (mode {stat.S_IMODE(status.st_mode):04o}): run `chmod 600 {path}`,"
                    " and `gateway keys rotate` if somebody may have read it"
                )
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = (error.strerror or "it does not open").lower()
        raise KeyFault(
            f"{path} cannot be read ({reason}): run this as the user that runs the gateway, and see that the file is its"
            " own, with mode 0600"
        ) from None


def write_keyring(path: Path, ring: Keyring) -> None:
    """Put `ring` in the place of what was there, whole or not at all; makes the folder, for its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        # O_EXCL: a file or link that somebody planted under this name is an error, not a place for our secrets.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(ring.dump())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        reason = (error.strerror or "unknown error").lower()
        raise KeyFault(
            f"{path} cannot be written ({reason}): see that {path.parent} is a folder in which this user may write, or"
            " name another place as keys.file"
        ) from None
