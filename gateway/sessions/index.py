"""Lists of sessions by whose they are: their ids, under names that say nothing.

An entry is written before the session that it lists. So no session is ever off its lists, and a crash in between
leaves an entry without a session, which counts for nothing. Members are ids that never come twice: to take one off
never takes another one with it.
"""

from collections.abc import Callable, Iterable

from gateway.storage.store import Store

MOST = 20_000
"""Sessions on one list. Only a program that signs in over and over has so many; the oldest has to go then."""


class Index:
    """`clock` gives Unix seconds."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def add(self, sid: str, names: Iterable[str], seconds: float) -> tuple[str, ...]:
        """List a session for `seconds`; the ids that fell off a list that was full, and would be found no more."""
        fallen: list[str] = []
        for name in names:
            fallen += await self._store.index_add(_key(name), sid, seconds, MOST, self._clock())
        return tuple(fallen)

    async def remove(self, sid: str, names: Iterable[str]) -> None:
        for name in names:
            await self._store.index_remove(_key(name), sid)

    async def listed(self, name: str) -> tuple[str, ...]:
        """The ids on a list, oldest first; of some the session may be over, or not yet begun."""
        return await self._store.index_list(_key(name), self._clock())


def _key(name: str) -> str:
    return f"of:{{{name}}}"
