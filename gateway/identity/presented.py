"""What a request presents: read once from its head, and passed on as a value."""

from dataclasses import dataclass, field
from typing import TypeAlias

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Header lines in the order of the wire, names lower-cased (ASGI's form)."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request head. `target` is the raw request target of the wire; `peer` an address, or "" on a Unix socket."""

    method: str
    target: bytes
    headers: Headers
    peer: str
    _by_name: dict[bytes, bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A check asks for a dozen names: one dictionary costs less than two walks over the lines.
        object.__setattr__(self, "_by_name", dict(self.headers))

    def all(self, name: bytes) -> tuple[bytes, ...]:
        """Every value of a header, in order; `name` in lower case."""
        value = self._by_name.get(name)
        if value is None:
            return ()
        if len(self._by_name) == len(self.headers):  # no name stands twice
            return (value,)
        return tuple([value for key, value in self.headers if key == name])


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, before any server has touched it. Header names are lower-case ASCII."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""
