"""The right to ask the provider for new tokens: one holder for each session, over all workers and replicas.

A lease ends by itself, so a holder that died keeps nobody waiting for long; and it is never prolonged, since the time
of a refresh is bounded. Only the number of requests to the provider rests on it: what is written down is decided by
the version of the record.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.errors import StoreFault
from gateway.sessions.schedule import WAIT
from gateway.sessions.sealing import record_key
from gateway.sessions.session import Session
from gateway.storage.store import Acquired, Store, Turn

POLL_FIRST = 0.05
POLL_MOST = 0.2

LOCK_DELAY = 15.0
"""Seconds after which a lease that the store may have forgotten is over, where the provider has the usual 5 s."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One holder's turn; it is over at `ends` by our clock, which is before it is over for the store.

    `ambiguous`: an earlier holder never told what came of its request, so the refresh token may be spent.
    """

    fence: int
    owner: str = field(repr=False)
    ambiguous: bool
    ends: float


class Leases:
    """Leases on the records of sessions. `random` as `secrets.token_bytes`."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._sleep = sleep

    async def take(self, session: Session, seconds: float, *, urgent: bool) -> Lease | Turn:
        """A lease of `seconds`, or why there is none; `BUSY` after waiting for its holder for `WAIT` seconds.

        Waiting is asking again: whoever asks sees the new version, or inherits the lease of a holder that died.
        A store that another server has taken over may have forgotten a holder, who is asking the provider now. Then
        only who is `urgent` is given a lease, and it is ambiguous; the others hear `BACKOFF`.
        """
        if not urgent and self._forgetful(seconds):
            return Turn.BACKOFF
        turn = await self._wait(session, seconds)
        if not isinstance(turn, Lease) or not self._forgetful(seconds):
            return turn
        if urgent:
            return replace(turn, ambiguous=True)
        # Asking has led to another server.
        await self.give_back(session, turn, definite=not turn.ambiguous)
        return Turn.BACKOFF

    async def _wait(self, session: Session, seconds: float) -> Lease | Turn:
        owner, pause, waited = self._random(16).hex(), POLL_FIRST, 0.0
        turn = await self._ask(session, owner, seconds)
        while turn is Turn.BUSY and waited < WAIT:
            nap = pause * self._jitter()
            await self._sleep(nap)
            waited, pause = waited + nap, min(pause * 2, POLL_MOST)
            turn = await self._ask(session, owner, seconds)
        return turn

    async def give_back(self, session: Session, lease: Lease, *, definite: bool) -> None:
        """End a lease whose holder does not ask, or asks no more. `definite`: no token can have been spent."""
        await self._store.give_back(record_key(session.id), lease.owner, definite)

    def _forgetful(self, seconds: float) -> bool:
        return not self._store.remembers(max(seconds, LOCK_DELAY))

    async def _ask(self, session: Session, owner: str, seconds: float) -> Lease | Turn:
        now = self._clock()  # before the store's clock starts the lease, so that ours ends first
        try:
            answer = await self._acquire(session, owner, seconds, now)
        except StoreFault:
            # Perhaps the reply alone was lost: asked under the same name, the store says that the lease is ours.
            answer = await self._acquire(session, owner, seconds, now)
        if answer.turn in {Turn.LEAD, Turn.HELD}:
            return Lease(answer.fence, owner, answer.ambiguous, now + seconds)
        return answer.turn

    async def _acquire(self, session: Session, owner: str, seconds: float, now: float) -> Acquired:
        return await self._store.acquire(record_key(session.id), session.version, owner, seconds, now)

    def _jitter(self) -> float:
        """A factor of a quarter more or less, so that those who wait together do not ask together."""
        return 0.75 + self._random(1)[0] / 510
