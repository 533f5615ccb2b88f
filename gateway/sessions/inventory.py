"""Sessions by whose they are: to be listed, and ended one by one or all at once, by somebody who holds no ticket.

All sessions of a person end with one write, whatever their number: a new epoch, which every session is held against
when it is opened. Their records are deleted beside that, in batches; one that is left over, because this process
stopped, opens no more and runs out by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.errors import Unsealable
from gateway.keys.keyring import Keyring
from gateway.observe.events import Emit
from gateway.sessions.ending import Endings
from gateway.sessions.entry import Entry, EntrySealing
from gateway.sessions.index import Index
from gateway.sessions.notices import Notices
from gateway.sessions.over import LoginsOver
from gateway.sessions.person import login_name, person_name
from gateway.sessions.records import number
from gateway.sessions.rights import Right, Rights
from gateway.sessions.sealing import activity_key, record_key
from gateway.sessions.sweeping import Sweeps, is_over
from gateway.storage.bus import Bus
from gateway.storage.store import Store


@dataclass(frozen=True, slots=True)
class Listed:
    """A session that is there; `seen` is the Unix time of its last activity, noted once a minute, 0 where unknown."""

    id: str
    seen: int
    entry: Entry


class Inventory:
    """Lists and ends the sessions of a deployment. `lifetime` is the absolute limit of a session, in seconds.

    `token_lifetime`: as in `Endings`.
    """

    def __init__(
        self,
        store: Store,
        ring: Keyring,
        lifetime: float,
        deployment: str,
        emit: Emit,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        bus: Bus | None = None,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        token_lifetime: float = 0.0,
    ) -> None:
        self._store = store
        self._entries = EntrySealing(ring, deployment, random)
        self._index = Index(store, clock)
        self._rights = Rights(store, ring, deployment, lifetime, clock, random)
        self._over = LoginsOver(store)
        self._notices = Notices(bus, clock)
        self._endings = Endings(store, self._index, self._notices, emit, token_lifetime)
        self._sweeps = Sweeps(store, self._entries, self._index, self._endings, self._notices, emit, sleep)

    async def get(self, sid: str) -> Listed | None:
        """A session by its id; `None` where there is none, or nothing about it that opens."""
        reading = await self._store.read(record_key(sid), ("meta",), (activity_key(sid),))
        if reading.record is None:
            return None
        try:
            entry = self._entries.open(sid, reading.record.fields.get("meta", b""))
            return Listed(sid, number(reading.beside[0] or b"0"), entry)
        except Unsealable:
            return None

    async def of_person(self, issuer: str, subject: str) -> tuple[Listed, ...]:
        """The living sessions of a person, oldest first."""
        person = person_name(issuer, subject)
        (right,) = await self._rights.of((person,))
        found = [await self.get(sid) for sid in await self._index.listed(person)]
        return tuple([one for one in found if one and _is_living(one.entry, person, right)])

    async def right(self, issuer: str, subject: str) -> Right:
        """What overrides the sessions of a person."""
        (right,) = await self._rights.of((person_name(issuer, subject),))
        return right

    async def end(self, sid: str, reason: str) -> bool:
        """End a session by its id; whether there was one."""
        listed = await self.get(sid)
        subject, lists = (listed.entry.subject, listed.entry.lists) if listed else ("", ())
        return await self._endings.end(sid, subject, reason, lists)

    async def end_all(self, issuer: str, subject: str, reason: str) -> None:
        """End every session of a person, also those that are just being begun: over when this returns."""
        person = person_name(issuer, subject)
        await self._sweeps.end(person, await self._rights.end_sessions(person), reason)

    async def disable(self, issuer: str, subject: str) -> None:
        """End every session of a person, and let them begin none."""
        person = person_name(issuer, subject)
        await self._sweeps.end(person, await self._rights.set_disabled(person, disabled=True), "disabled")

    async def enable(self, issuer: str, subject: str) -> None:
        """Let a person sign in again."""
        person = person_name(issuer, subject)
        await self._rights.set_disabled(person, disabled=False)
        await self._notices.person(person)

    async def end_login(self, issuer: str, sid: str, reason: str) -> int:
        """End the sessions that came from one session of a provider, by its name there (`sid`); how many there were."""
        login = login_name(issuer, sid)
        # Before the list is looked at: whoever is beginning such a session looks here after it was listed.
        await self._over.note(login, reason)
        ended = [await self.end(one, reason) for one in await self._index.listed(login)]
        return sum(ended)

    async def close(self, patience: float) -> None:
        """Let the deletions that are under way end, for at most `patience` seconds; then leave the rest."""
        await self._sweeps.close(patience)


def _is_living(entry: Entry, person: str, right: Right) -> bool:
    # Whoever can write to the store can put any id on a list. Whose the session is, its seal says.
    return person in entry.people and not is_over(entry, person, right)
