"""The end of a session: deleted and not marked, told to the other processes, and taken off the lists."""

import contextlib
from collections.abc import Iterable

from gateway.errors import StoreFault
from gateway.observe.events import Emit, SessionEnded
from gateway.sessions.denials import Denials
from gateway.sessions.farewell import Farewells
from gateway.sessions.index import Index
from gateway.sessions.notices import Notices
from gateway.sessions.sealing import activity_key, record_key
from gateway.sessions.session import log_name
from gateway.storage.store import Store


class Endings:
    """Ends sessions, by id. Access tokens live for `token_lifetime` seconds; 0 where none are issued."""

    def __init__(
        self, store: Store, index: Index, notices: Notices, emit: Emit, token_lifetime: float = 0.0
    ) -> None:
        self._store = store
        self._denials = Denials(store, token_lifetime)
        self._index = index
        self._notices = notices
        self._emit = emit
        self._farewells = Farewells(store)

    async def end(self, sid: str, subject: str, reason: str, listed_under: Iterable[str] = ()) -> bool:
        """End a session; whether it was there to be ended. `StoreFault` where it may live on.

        `listed_under` are the lists that it stands on; `reason` goes into the log, with the `subject`.
        """
        # First: where this does not get through, the session has not ended either, and whoever ends it tries again.
        await self._denials.note(sid)
        # Before the record goes: whoever comes back a moment later finds no session, and is to read why.
        await self._farewells.note(sid, reason)
        gone = await self._store.delete((record_key(sid), activity_key(sid)))
        # Told even where nothing was there: an earlier try may have deleted it and not come as far as here.
        await self._notices.session(sid)
        if gone:  # of several who end it, those who come late have nothing to tell
            self._emit(SessionEnded(log_name(sid), subject, reason))
        # It is over: an entry without a session is no session, and runs out by itself.
        with contextlib.suppress(StoreFault):
            await self._index.remove(sid, listed_under)
            await self._denials.forget(sid)
        return gone > 0

    async def discard(self, sid: str, listed_under: Iterable[str]) -> None:
        """Take back a session that nobody has heard of yet."""
        await self._store.delete((record_key(sid), activity_key(sid)))
        await self._index.remove(sid, listed_under)
