"""Commands and replies as they stand on the wire: RESP 3 (redis.io, "Redis serialization protocol specification").

The library's own reader waits anew at every line of a reply, which costs more than all the rest of asking. This one
reads replies that are there already. Kinds that no command of ours is answered with are `ValueError`.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Word: TypeAlias = str | bytes | int | float
ErrorOf: TypeAlias = Callable[[str], Exception]

_BULK, _ARRAY, _MAP, _VERBATIM = ord("$"), ord("*"), ord("%"), ord("=")
_INTEGER, _SIMPLE, _ERROR, _NULL = ord(":"), ord("+"), ord("-"), ord("_")


class IncompleteError(Exception):
    """The rest of a reply has still to arrive."""


def packed(command: Sequence[Word]) -> bytes:
    """A command, as an array of bulk strings."""
    parts = [f"*{len(command)}\r\n".encode()]
    for word in command:
        if isinstance(word, str) and word.isascii():  # most are, and there a character is a byte
            parts.append(f"${len(word)}\r\n{word}\r\n".encode())
            continue
        raw = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)


def parsed(buffer: bytes, at: int, error_of: ErrorOf) -> tuple[Any, int]:
    """The reply that begins at `at`, and where it ends. A refusal is an exception of `error_of`, returned, not raised.

    `IncompleteError` where its end is not there yet, `ValueError` where it is no reply.
    """
    end = buffer.find(b"\r\n", at)
    if end < 0:
        raise IncompleteError
    kind, line, after = buffer[at], buffer[at + 1 : end], end + 2
    if kind == _BULK:
        return _bulk(buffer, after, int(line))
    if kind == _ARRAY:
        return _many(buffer, after, int(line), error_of)
    if kind == _INTEGER:
        return int(line), after
    if kind == _SIMPLE:
        return line, after
    if kind == _NULL:
        return None, after
    if kind == _ERROR:
        return error_of(line.decode("utf-8", "replace")), after
    return _seldom(buffer, kind, after, int(line), error_of)


def _bulk(buffer: bytes, start: int, size: int) -> tuple[bytes | None, int]:
    if size < 0:  # RESP 2 has no other null
        return None, start
    end = start + size
    if len(buffer) < end + 2:
        raise IncompleteError
    if buffer[end : end + 2] != b"\r\n":
        raise ValueError("a string that is longer than it said")
    return buffer[start:end], end + 2


def _many(buffer: bytes, at: int, count: int, error_of: ErrorOf) -> tuple[list[Any] | None, int]:
    if count < 0:
        return None, at
    items = []
    for _ in range(count):
        item, at = parsed(buffer, at, error_of)
        items.append(item)
    return items, at


def _seldom(buffer: bytes, kind: int, at: int, size: int, error_of: ErrorOf) -> tuple[Any, int]:
    if kind == _MAP:
        items, at = _many(buffer, at, 2 * size, error_of)
        return dict(zip(items[::2], items[1::2], strict=True)) if items is not None else None, at
    if kind == _VERBATIM:
        text, at = _bulk(buffer, at, size)
        return text and text[4:], at  # behind its format: `txt:`
    raise ValueError("a reply of a kind that nobody asks for")
