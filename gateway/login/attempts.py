"""Open attempts in the store, and the limits on them.

Whoever can reach the login page can begin an attempt, so this is where a flood arrives (CVE-2026-40575's neighbours
kept them without end). Three limits hold it: attempts of one address prefix in a minute, open attempts of one
browser, and open attempts of everybody, where the heaviest prefix gives way first. All of them fail closed.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import Limited, StoreFault
from gateway.guard.rate_limit import RateLimit
from gateway.keys.seal import Sealer
from gateway.login.attempt import Attempt, Trace, digest, seal, unseal
from gateway.settings.model import Login
from gateway.storage.store import Store

POOL = "login-attempts"
PER_BROWSER = 7
"""Open attempts of one browser, as in mod_auth_openidc: enough for every tab a person opens at once."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Keeps attempts for `limits.attempt_lifetime` seconds, and as long again what is left of used ones."""

    store: Store
    sealer: Sealer
    limits: Login
    clock: Callable[[], float]

    async def admit(self, prefix: str) -> None:
        """Count one beginning of an address prefix; `Limited` where it has begun too many."""
        await RateLimit(self.store, "login", self.limits.per_prefix, 60.0, self.clock).take(prefix)

    async def open(self, state: str, attempt: Attempt, prefix: str) -> None:
        """Store an attempt that its browser and everybody together have room for; else `Limited`."""
        key, lifetime, now = _key(state), self.limits.attempt_lifetime, self.clock()
        place = await self.store.reserve(POOL, prefix, key, lifetime, self.limits.open_attempts, now)
        if not place.admitted:
            raise Limited(lifetime)
        # The index is written before what it lists: a crash in between leaves an entry without an attempt, never
        # an attempt that no limit knows of.
        fallen = await self.store.index_add(_index(attempt.browser), key, lifetime, PER_BROWSER, now)
        await self._drop((*place.evicted, *fallen), fallen)
        await self.store.put(key, seal(self.sealer, state, attempt), lifetime)

    async def take(self, state: str) -> Attempt | None:
        """The attempt of a state, once: of many callers exactly one receives it."""
        sealed = await self.store.take(_key(state))
        if sealed is None:
            return None
        attempt = unseal(self.sealer, state, sealed, Attempt)
        # Both places run out by themselves. A fault here must not cost the person the login.
        with contextlib.suppress(StoreFault):
            await self.store.release(POOL, _key(state))
            await self.store.index_remove(_index(attempt.browser), _key(state))
        return attempt

    async def look(self, state: str) -> Attempt | None:
        """The attempt of a state, which stays: a password may be mistyped before it is right."""
        sealed = await self.store.get(_key(state))
        return None if sealed is None else unseal(self.sealer, state, sealed, Attempt)

    async def leave(self, state: str, trace: Trace) -> None:
        """Leave a trace of a taken attempt."""
        await self.store.put(_trace_key(state), seal(self.sealer, state, trace), self.limits.attempt_lifetime)

    async def trace(self, state: str) -> Trace | None:
        """What is left of a taken attempt, if anything is."""
        sealed = await self.store.get(_trace_key(state))
        return None if sealed is None else unseal(self.sealer, state, sealed, Trace)

    async def _drop(self, keys: tuple[str, ...], placed: tuple[str, ...]) -> None:
        if keys:
            await self.store.delete(keys)
        for key in placed:
            await self.store.release(POOL, key)


def _key(state: str) -> str:
    return f"attempt:{digest('attempt', state)}"


def _trace_key(state: str) -> str:
    return f"attempt-trace:{digest('attempt', state)}"


def _index(browser: str) -> str:
    return f"attempts-of:{browser}"
