"""Why a session has ended that its person did not end: for the sign-in page that they see next.

It stands under the session's id, which only the ticket in its cookie yields. So nobody reads it but the browser whose
session it was, and that one needs no other cookie for it.
"""

import contextlib
from dataclasses import dataclass

from gateway.errors import StoreFault
from gateway.storage.store import Store

MEMORY = 3 * 86_400.0
"""Seconds. Who comes back later has been away for so long that no reason is missed."""

TOLD = frozenset({"refresh_exhausted", "refresh_refused", "password_refused", "disabled"})
"""The reasons of `SessionEnded` that are told: somebody was signed out in the middle of their work."""


@dataclass(frozen=True, slots=True)
class Farewells:
    store: Store

    async def note(self, sid: str, reason: str) -> None:
        """Keep the reason for a while, if it is one that is told."""
        if reason in TOLD:
            # A courtesy: it keeps no session from ending.
            with contextlib.suppress(StoreFault):
                await self.store.put(_key(sid), reason.encode("ascii"), MEMORY)

    async def of(self, sid: str) -> str:
        """The reason; "" where there is none to tell."""
        noted = await self.store.get(_key(sid))
        reason = noted.decode("ascii", "replace") if noted else ""
        return reason if reason in TOLD else ""


def _key(sid: str) -> str:
    return f"why:{{{sid}}}"
