"""Worlds of virtual time that a test makes as it needs them, and that are closed behind it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, TypeVar


class Closes(Protocol):
    """A world."""

    def close(self) -> None: ...


W = TypeVar("W", bound=Closes)


@contextmanager
def worlds(kind: Callable[..., W]) -> Iterator[Callable[..., W]]:
    """A maker of worlds of this kind; all of them are closed at the end."""
    with ExitStack() as stack:

        def make(limits: Any = None, **section: Any) -> W:
            world = kind(limits, **section)
            stack.callback(world.close)
            return world

        yield make
