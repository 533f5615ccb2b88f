"""How every answer of a server begins: the status line, and the lines that the server adds."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

ServerLines = list[tuple[bytes, bytes]]


class Opening:
    """uvicorn makes its lines anew once a second, for the date; they are joined once for each list that it hands out.

    `is_last`: these lines say that an answer ends its connection, because the server stops.
    """

    __slots__ = ("_lines", "_wire", "is_last")

    def __init__(self) -> None:
        self._lines: ServerLines | None = None
        self._wire: dict[int, bytes] = {}
        self.is_last = False

    def of(self, status: int, lines: ServerLines) -> bytes:
        """The beginning of an answer, up to its own header lines."""
        if lines is not self._lines:
            self._lines, self._wire = lines, {}
            self.is_last = any(name == b"connection" for name, _ in lines)
        wire = self._wire.get(status)
        if wire is None:
            joined = b"".join([b"%b: %b\r\n" % line for line in lines])
            wire = self._wire[status] = STATUS_LINE[status] + joined
        return wire
