"""Copies of one session's keys, so that a store is as full as it would be; nobody's cookie opens them."""

import re
import secrets
import socket
from collections.abc import Iterable

from tests.kit.redis_server import RedisServer

AT_ONCE = 2_000
"""Commands in one piece on the wire."""
_ID = re.compile(rb"[0-9A-Za-z_-]{16,}$")
"""What a key ends in: the name of a session or a person."""


def fill(server: RedisServer, count: int) -> None:
    """Copy all keys of one session so many times, under ids of their own."""
    if count <= 0:
        return
    sample = _sample(server)
    each = [(key, server_dump(server, key)) for key in sample]
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as link:
        for start in range(0, count, AT_ONCE):
            number = min(AT_ONCE, count - start)
            commands = [_restore(key, dump) for _ in range(number) for key, dump in each]
            _send(link, commands)


def _sample(server: RedisServer) -> list[bytes]:
    """One key of each kind: what stands before the id tells the kind."""
    kinds: dict[bytes, bytes] = {}
    cursor = b"0"
    for _ in range(50):
        cursor, keys = server.ask("SCAN", cursor.decode(), "COUNT", 1000)
        for key in keys:
            if _ID.search(key):
                kinds.setdefault(_ID.sub(b"", key), key)
        if cursor == b"0":
            break
    return list(kinds.values())


def server_dump(server: RedisServer, key: bytes) -> bytes:
    dump: bytes = server.ask("DUMP", key.decode())
    return dump


def _restore(key: bytes, dump: bytes) -> bytes:
    copy = _ID.sub(secrets.token_hex(16).encode(), key)
    return _command((b"RESTORE", copy, b"86400000", dump))


def _command(words: Iterable[bytes]) -> bytes:
    parts = list(words)
    return b"*%d\r\n" % len(parts) + b"".join([b"$%d\r\n%s\r\n" % (len(p), p) for p in parts])


def _send(link: socket.socket, commands: list[bytes]) -> None:
    """Raises `RuntimeError` where one is refused."""
    link.sendall(b"".join(commands))
    heard, missing = b"", len(commands)
    while missing:
        piece = link.recv(1 << 16)
        heard += piece
        *lines, heard = heard.split(b"\r\n")
        if not piece or any(line != b"+OK" for line in lines):
            raise RuntimeError(f"Redis did not take a copy: {lines[:1]}")
        missing -= len(lines)
