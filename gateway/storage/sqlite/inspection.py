"""A look at the file of the embedded store that changes nothing and takes no lock."""

import os
from pathlib import Path

from gateway.errors import StoreFault
from gateway.storage.sqlite.schema import APPLICATION_ID

_MAGIC = b"SQLite format 3\0"
_OWNER = slice(68, 72)
"""Where the file says whose it is (sqlite.org/fileformat.html, section 1.3)."""


def inspect_file(path: Path) -> None:
    """Return if the file is ours, or could be made; `StoreFault` if not.

    The header is read as bytes. SQLite itself would put files of whoever runs the check beside it, and those the
    gateway's user may not be able to open.
    """
    try:
        if not path.exists():
            _could_be_made(path)
            return
        head = _head(path)
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise StoreFault(
            f"cannot use {path}: {reason}; make it readable and writable for the gateway"
        ) from error
    if head and (not head.startswith(_MAGIC) or int.from_bytes(head[_OWNER], "big") != APPLICATION_ID):
        raise StoreFault(f"cannot use {path}: it belongs to another program; set store: to another path")


def _head(path: Path) -> bytes:
    if not path.is_file():
        raise StoreFault(f"cannot use {path}: it is not a file; set store: to another path")
    _writable(path)
    with path.open("rb") as file:
        return file.read(100)


def _could_be_made(path: Path) -> None:
    _writable(next(parent for parent in path.absolute().parents if parent.exists()))


def _writable(path: Path) -> None:
    if not os.access(path, os.R_OK | os.W_OK):
        raise StoreFault(
            f"cannot write {path}: make it writable for the gateway's user, or set store: elsewhere"
        )
