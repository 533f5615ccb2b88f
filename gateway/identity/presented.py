"""What a request presents: read once from its head, and passed on as a value."""

from typing import NamedTuple, TypeAlias

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Header lines in the order of the wire, names lower-cased (ASGI's form)."""

_NONE: frozenset[bytes] = frozenset()


class Head:
    """A request head. `target` is the raw request target of the wire; `peer` an address, or "" on a Unix socket.

    `at_most`: all names and values together have no more bytes than this; 0 where nobody has counted. `kept` is for
    whoever reads a head, and for what follows from it alone.

    Not to be changed once it is made, save for those two. A plain class: each check makes one, and a frozen dataclass
    takes four times as long.
    """

    __slots__ = ("_by_name", "_repeated", "at_most", "headers", "kept", "method", "peer", "target")

    def __init__(self, method: str, target: bytes, headers: Headers, peer: str, at_most: int = 0) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.peer = peer
        self.at_most = at_most
        self.kept: object = None
        # A check asks for a dozen names: one dictionary costs less than two walks over the lines.
        self._by_name = dict(headers)
        self._repeated = _NONE if len(self._by_name) == len(headers) else _repeated(headers)

    def all(self, name: bytes) -> tuple[bytes, ...]:
        """Every value of a header, in order; `name` in lower case."""
        if name in self._repeated:
            return tuple([value for key, value in self.headers if key == name])
        value = self._by_name.get(name)
        return () if value is None else (value,)

    def only(self, name: bytes) -> bytes | None:
        """The value of a header that stands there once; `None` where it is missing, or repeated."""
        return None if name in self._repeated else self._by_name.get(name)

    def each_once(self, names: tuple[bytes, ...]) -> tuple[bytes | None, ...] | None:
        """The values of several headers, `None` for one that is missing; `None` where one of them is repeated."""
        if self._repeated and not self._repeated.isdisjoint(names):
            return None
        return tuple(map(self._by_name.get, names))

    def has_any(self, names: frozenset[bytes]) -> bool:
        """Whether one of the headers is there."""
        return not names.isdisjoint(self._by_name)


def _repeated(headers: Headers) -> frozenset[bytes]:
    # One walk: a head of 256 kB holds 64 000 lines, and comparing each with each would stop the process for a minute.
    seen: set[bytes] = set()
    twice: set[bytes] = set()
    for name, _ in headers:
        (twice if name in seen else seen).add(name)
    return frozenset(twice)


class Reply(NamedTuple):
    """An answer, before any server has touched it. Header names are lower-case ASCII.

    `wire` are all `headers` as HTTP/1.1 writes them, where somebody had them at hand; every value of it is safe to
    send.
    """

    status: int
    headers: Headers
    body: bytes = b""
    wire: bytes = b""

    def __repr__(self) -> str:
        # Tokens of applications and cookies are among them, and a task that is logged shows what came of it.
        return f"Reply({self.status}, {len(self.headers)} headers, {len(self.body)} bytes)"
