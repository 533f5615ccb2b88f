"""Header lines in both of their forms: as values, and as the bytes that HTTP/1.1 writes (RFC 9112 section 5)."""

from typing import NamedTuple

from gateway.identity.presented import Headers

# What a server refuses to send is every control but the tab. A line end above all would begin a line of its own.
_SAFE = bytes([byte for byte in range(256) if byte == 0x09 or (byte >= 0x20 and byte != 0x7F)])
_END = b"\r\n"


class Lines(NamedTuple):
    """Lines, with names in lower case. `wire` is empty where a value is not fit to be sent."""

    headers: Headers
    wire: bytes

    def __repr__(self) -> str:
        # Assertions and tokens are among them, and whatever holds lines can end up in a traceback or a debug line.
        return f"Lines({len(self.headers)} headers)"

    @classmethod
    def of(cls, headers: Headers) -> "Lines":
        """Both forms."""
        wire = b"".join([b"%b: %b\r\n" % line for line in headers])
        # Of safe lines nothing is left but their ends: one pass in place of a search in each value.
        return cls(headers, wire if wire.translate(None, _SAFE) == _END * len(headers) else b"")


def is_safe(value: bytes) -> bool:
    """Whether a header's value may be written as it is."""
    return not value.translate(None, _SAFE)
