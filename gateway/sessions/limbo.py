"""New tokens that the store would not take: kept in this process, and offered to it again for a minute.

The provider has rotated the refresh token, so what is not written down is a session lost. Meanwhile the requests of
this process are served what is waiting; it is sealed, and no other process asks before the lease is over. After that
one may: so a store that is back is offered the draft within a second.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from gateway.errors import StoreFault
from gateway.sessions.draft import Draft
from gateway.sessions.session import Session
from gateway.sessions.sessions import Committed
from gateway.sessions.single_flight import SingleFlight
from gateway.storage.store import Written

PAUSES = (0.1, 0.3, 0.6, *(1.0,) * 59)
"""Seconds before each further try: a minute in all."""


class Limbo:
    """The drafts of this process that wait for the store."""

    def __init__(
        self,
        commit: Callable[[Draft], Awaitable[Committed]],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._commit = commit
        self._sleep = sleep
        self._drafts: dict[str, Draft] = {}
        self._tries: SingleFlight[None] = SingleFlight()

    def keep(self, draft: Draft, settled: Callable[[str], None]) -> None:
        """Take in a draft; `settled` hears what came of it: ok, conflict, gone or store_fault."""
        sid = draft.session.id
        self._drafts[sid] = draft
        self._tries.start((sid, draft.session.version), lambda: self._offer(draft, settled))

    def instead_of(self, stored: Session) -> Session | None:
        """The newer session that waits here for the store, if one does."""
        draft = self._drafts.get(stored.id)
        if draft is None or draft.session.version <= stored.version:
            return None
        return replace(draft.session, seen=stored.seen)

    def draft_of(self, session: Session) -> Draft | None:
        """The draft of this very version, if it waits here."""
        draft = self._drafts.get(session.id)
        return draft if draft is not None and draft.session.version == session.version else None

    async def close(self, patience: float) -> None:
        """Wait for what is here, for at most `patience` seconds; then it is given up."""
        await self._tries.close(patience)

    async def _offer(self, draft: Draft, settled: Callable[[str], None]) -> None:
        try:
            settled(await self._outcome(draft))
        finally:
            if self._drafts.get(draft.session.id) is draft:
                del self._drafts[draft.session.id]

    async def _outcome(self, draft: Draft) -> str:
        for pause in PAUSES:
            await self._sleep(pause)
            try:
                written = await self._commit(draft)
            except StoreFault:
                continue
            # Gone: somebody signed out, and no session is made again for these tokens.
            return ("conflict" if written is Written.CONFLICT else "ok") if written else "gone"
        return "store_fault"
