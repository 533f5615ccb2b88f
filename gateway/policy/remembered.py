"""A memory for what is costly to find and follows from its key alone.

It is made for keys that strangers choose. What comes once is not kept, so that a flood of new keys costs next to
nothing and pushes out nothing that is in use; and it never holds more than two generations, each of so many entries
and so many bytes.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_NUMBERS = 4
"""Times `entries`: so many keys are known by a number alone, at some seventy bytes each."""


def _weightless(key: object, value: object) -> int:  # noqa: ARG001 (the form of a weigher)
    return 0


class Remembered(Generic[K, V]):
    """What is asked for moves to the younger generation; when that is full it becomes the older one, which goes.

    A generation is full at `entries`, or where the next one would not fit into `room` bytes any more. `weigh` says how
    many bytes a key and its value take in memory, never less than they do. It is asked when an entry is kept or moves,
    and not when it is found where it belongs. What weighs more than `room` is not kept.
    """

    __slots__ = ("_entries", "_numbers", "_old", "_room", "_weigh", "_weight", "_young")

    def __init__(self, entries: int, room: int = 0, weigh: Callable[[K, V], int] = _weightless) -> None:
        self._entries = entries
        self._room = room
        self._weigh = weigh
        self._weight = 0
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._numbers: set[int] = set()

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def get(self, key: K) -> V | None:
        """What is remembered of a key."""
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self._keep(key, value)
        return value

    def add(self, key: K, value: V) -> bool:
        """Remember, if the key came before, and say whether it is.

        A number is cheap to keep; two keys of one are only kept too early.
        """
        number = hash(key)
        if number in self._numbers:
            self._numbers.discard(number)
            return self._keep(key, value)
        if len(self._numbers) >= _NUMBERS * self._entries:
            self._numbers.clear()
        self._numbers.add(number)
        return False

    def _keep(self, key: K, value: V) -> bool:
        weight = self._weigh(key, value)
        if weight > self._room:
            return False
        if len(self._young) >= self._entries or self._weight + weight > self._room:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[key] = value
        # Should the key be there already it is counted twice, and the generation ends a little early.
        self._weight += weight
        return True
