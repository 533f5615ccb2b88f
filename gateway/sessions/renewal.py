"""One grant, asked for anew at its provider: at most two requests, and a verdict.

The hard question is what a failure means. A lost answer may hide a rotated refresh token, so the same token is
presented once more at once: providers that allow for lost answers do so within seconds, and where it was lost for
good nothing is worse than before. An `invalid_grant` after a lost answer is therefore no verdict on the person.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gateway.errors import (
    ProviderFault,
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.identity.identity import Identity
from gateway.providers.catalog import Catalog
from gateway.providers.provider import Refreshed, Refreshes
from gateway.sessions.session import Grant

Verdict: TypeAlias = Literal["transient", "unknown", "misconfigured", "refused"]

MOST_DOUBTS = 10_000


@dataclass(frozen=True, slots=True)
class Failed:
    """No new tokens. Only `refused` is final; `alarm` is a sentence for the operator, "" where it is none of theirs."""

    verdict: Verdict
    retry_after: float | None = None
    alarm: str = ""


class Renewals:
    """Asks providers for new tokens, and remembers whose last answer was lost."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        # Digests of refresh tokens that may be spent, oldest first; bounded, since a provider that stays away
        # leaves one for every session.
        self._doubts: dict[bytes, None] = {}

    async def ask(self, grant: Grant, identity: Identity, now: int) -> Refreshed | Failed:
        """New tokens for a grant, or why there are none. `now` in Unix seconds."""
        provider = self._catalog.get(grant.provider)
        if not isinstance(provider, Refreshes):
            return Failed("misconfigured", alarm=f"provider {grant.provider} can refresh no session any more")
        try:
            refreshed = await self._twice(provider, grant, identity, now)
        except ProviderFault as fault:
            return self._judge(grant, fault)
        self._doubts.pop(_mark(grant), None)
        return refreshed

    async def _twice(self, provider: Refreshes, grant: Grant, identity: Identity, now: int) -> Refreshed:
        try:
            return await self._once(provider, grant, identity, now)
        except ProviderUnavailable as fault:
            # A provider that names a time to wait has answered: nothing is lost, and it is not asked at once.
            if fault.retry_after is not None:
                raise
            return await self._once(provider, grant, identity, now)

    async def _once(self, provider: Refreshes, grant: Grant, identity: Identity, now: int) -> Refreshed:
        try:
            return await self._catalog.run(provider.refresh(grant, identity, now), provider=grant.provider)
        except ProviderUnavailable as fault:
            if fault.ambiguous:
                self._doubt(grant)
            raise

    def _judge(self, grant: Grant, fault: ProviderFault) -> Failed:
        if isinstance(fault, ProviderUnavailable):
            return Failed("unknown" if fault.ambiguous else "transient", fault.retry_after)
        if isinstance(fault, ProviderMisconfigured):
            return Failed("misconfigured", alarm=str(fault))
        if isinstance(fault, ProviderRefused) and fault.terminal and _mark(grant) not in self._doubts:
            return Failed("refused")
        return Failed("unknown", alarm=str(fault) if isinstance(fault, ProviderLied) else "")

    def _doubt(self, grant: Grant) -> None:
        self._doubts[_mark(grant)] = None
        if len(self._doubts) > MOST_DOUBTS:
            del self._doubts[next(iter(self._doubts))]


def _mark(grant: Grant) -> bytes:
    """A refresh token's name in memory, which is not the token."""
    return hashlib.sha256(f"{grant.provider}\0{grant.refresh_token}".encode()).digest()
