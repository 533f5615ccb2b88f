"""The sweep behind a right that ends many sessions of a person: their records go, one after another.

They are over before: each is held against the rights of its people when it is opened. One that is left over, because
this process stopped, opens no more and runs out by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.errors import Unsealable
from gateway.observe.events import Emit, PersonSignedOut
from gateway.sessions.ending import Endings
from gateway.sessions.entry import Entry, EntrySealing
from gateway.sessions.index import Index
from gateway.sessions.notices import Notices
from gateway.sessions.rights import Right
from gateway.sessions.sealing import record_key
from gateway.sessions.single_flight import SingleFlight
from gateway.storage.store import Store

BATCH = 50
PAUSE = 0.02
"""Seconds between two batches: a person with ten thousand sessions is no reason to keep the others waiting."""


class Sweeps:
    """Ends the sessions of people whose rights have been written anew."""

    def __init__(
        self,
        store: Store,
        entries: EntrySealing,
        index: Index,
        endings: Endings,
        notices: Notices,
        emit: Emit,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._entries = entries
        self._index = index
        self._endings = endings
        self._notices = notices
        self._emit = emit
        self._sleep = sleep
        self._sweeps: SingleFlight[None] = SingleFlight()

    async def end(self, person: str, right: Right, reason: str) -> None:
        """Tell everybody, and begin to delete: the sessions are over when this returns. `reason` goes into the log."""
        await self._notices.person(person)
        self._emit(PersonSignedOut(person, reason))
        self._sweeps.start((person, right.epoch, right.since), lambda: self._sweep(person, right, reason))

    async def close(self, patience: float) -> None:
        """Let the deletions that are under way end, for at most `patience` seconds; then leave the rest."""
        await self._sweeps.close(patience)

    async def _sweep(self, person: str, right: Right, reason: str) -> None:
        for place, sid in enumerate(await self._index.listed(person), 1):
            entry = await self._entry(sid)
            # A session that was begun since belongs to the new epoch, and stays.
            if entry and person in entry.people and is_over(entry, person, right):
                await self._endings.end(sid, entry.subject, reason, entry.lists)
            if place % BATCH == 0:
                await self._sleep(PAUSE)

    async def _entry(self, sid: str) -> Entry | None:
        reading = await self._store.read(record_key(sid), ("meta",))
        if reading.record is None:
            return None
        try:
            return self._entries.open(sid, reading.record.fields.get("meta", b""))
        except Unsealable:
            return None


def is_over(entry: Entry, person: str, right: Right) -> bool:
    """Whether a session with this entry is certainly over for one of its people.

    A login that has moved to a newer session is older than its entry says: whoever opens that one sees it.
    """
    return bool(right.over(entry.people[person], entry.created))
