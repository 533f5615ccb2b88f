"""A memory for what is costly to find and follows from its key alone.

It is made for keys that strangers choose. What comes once is not kept, so that a flood of new keys costs next to
nothing and pushes out nothing that is in use; and it never holds more than two generations of `entries`.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_NUMBERS = 4
"""Times `entries`: so many keys are known by a number alone."""


class Remembered(Generic[K, V]):
    """What is asked for moves to the younger generation; when that is full it becomes the older one, which goes."""

    __slots__ = ("_entries", "_numbers", "_old", "_young")

    def __init__(self, entries: int) -> None:
        self._entries = entries
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

    def add(self, key: K, value: V) -> None:
        """Remember, if the key came before. A number is cheap to keep; two keys of one are only kept too early."""
        number = hash(key)
        if number in self._numbers:
            self._numbers.discard(number)
            self._keep(key, value)
            return
        if len(self._numbers) >= _NUMBERS * self._entries:
            self._numbers.clear()
        self._numbers.add(number)

    def _keep(self, key: K, value: V) -> None:
        if len(self._young) >= self._entries:
            self._old, self._young = self._young, {}
        self._young[key] = value
