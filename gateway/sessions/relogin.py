"""A refresh by a kept password: signing in again, which a directory counts when it goes wrong.

So it is asked by one session of a person at a time, never twice in a row, and by none while a refusal is suspected.
"""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from gateway.errors import StoreFault
from gateway.identity.identity import Identity
from gateway.providers.provider import Refreshed
from gateway.sessions.renewal import Failed, Renewals
from gateway.sessions.session import Grant
from gateway.sessions.suspicion import Suspicions

LOOKS, NAP = 10, 0.2
"""Looks for the turn, and the seconds between two of them."""


class Relogins:
    """Asks for new tokens by passwords that are kept."""

    def __init__(
        self, suspicions: Suspicions, renewals: Renewals, sleep: Callable[[float], Awaitable[Any]]
    ) -> None:
        self._suspicions = suspicions
        self._renewals = renewals
        self._sleep = sleep

    async def ask(self, grant: Grant, identity: Identity) -> Refreshed | Failed | None:
        """New tokens, or why there are none; `None` where nobody was asked, and the session goes on."""
        if not await self._turn(grant, identity):
            return None
        try:
            if await self._suspicions.holds_back(identity):
                return None
            return await self._noted(
                grant, identity, await self._renewals.ask(grant, identity, doubtful=False)
            )
        finally:
            with contextlib.suppress(StoreFault):  # it ends by itself
                await self._suspicions.give_turn_back(identity)

    async def _turn(self, grant: Grant, identity: Identity) -> bool:
        seconds = self._renewals.lease_time(grant.provider)
        for look in range(LOOKS):
            if look:
                await self._sleep(NAP)
            if await self._suspicions.take_turn(identity, seconds):
                return True
        return False

    async def _noted(
        self, grant: Grant, identity: Identity, result: Refreshed | Failed
    ) -> Refreshed | Failed:
        if isinstance(result, Refreshed):
            await self._suspicions.accepted(identity)
        elif result.verdict == "suspected":
            try:
                wait = await self._suspicions.refused(identity, grant)
            except StoreFault:  # unwritten it would be one more wrong password at the next request
                wait = await self._suspicions.refused(identity, grant)
            return replace(result, retry_after=wait)
        return result
