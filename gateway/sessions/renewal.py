"""One grant, asked for anew at its provider: at most two requests, and a verdict.

The hard question is what a failure means. A lost answer may hide a rotated refresh token, so the same token is
presented once more at once: providers that allow for lost answers do so within seconds, and where it was lost for
good nothing is worse than before. An `invalid_grant` after a lost answer, ours or that of an earlier holder of the
lease, is therefore no verdict on the person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gateway.errors import (
    PasswordRefused,
    ProviderFault,
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.identity.identity import Identity
from gateway.providers.catalog import Catalog
from gateway.providers.provider import Refreshed
from gateway.sessions.lease import Lease
from gateway.sessions.schedule import asking_time, lease_time
from gateway.sessions.session import Grant

Verdict: TypeAlias = Literal["transient", "unknown", "misconfigured", "refused", "suspected", "disabled"]


@dataclass(frozen=True, slots=True)
class Failed:
    """No new tokens. `refused` and `disabled` are final; `suspected` is a kept password that was refused.

    `alarm` is a sentence for the operator, "" where it is none of theirs.

    `definite`: the refresh token was certainly not spent by what failed here.
    """

    verdict: Verdict
    definite: bool = True
    retry_after: float | None = None
    alarm: str = ""


class Renewals:
    """Asks providers for new tokens, within the time of a lease. `clock` gives Unix seconds."""

    def __init__(self, catalog: Catalog, clock: Callable[[], float]) -> None:
        self._catalog = catalog
        self._clock = clock

    def lease_time(self, provider: str) -> float:
        """Seconds to take a lease for."""
        return lease_time(self._catalog.deadline(provider))

    def in_time(self, provider: str, lease: Lease) -> bool:
        """Whether two requests would be over, and written down, before the lease is."""
        return self._clock() + asking_time(self._catalog.deadline(provider)) <= lease.ends

    async def ask(self, grant: Grant, identity: Identity, *, doubtful: bool) -> Refreshed | Failed:
        """New tokens for a grant, or why there are none. `doubtful`: its refresh token may be spent already."""
        spends = bool(grant.refresh_token)
        doubtful = doubtful and spends
        try:
            return await self._once(grant, identity)
        except ProviderFault as fault:
            # A password is never sent twice in a row: a directory counts it though its answer was lost.
            if grant.password or not _worth_repeating(fault):
                return _judge(fault, doubtful=doubtful, lost=spends and _lost(fault), spends=spends)
            lost = spends and _lost(fault)
        try:
            return await self._once(grant, identity)
        except ProviderFault as fault:
            return _judge(fault, doubtful=doubtful, lost=lost or (spends and _lost(fault)), spends=spends)

    async def _once(self, grant: Grant, identity: Identity) -> Refreshed | Failed:
        try:
            renewed = await self._catalog.renew(grant, identity, int(self._clock()))
        except PasswordRefused as refused:
            return Failed("disabled" if refused.reason == "account_disabled" else "suspected")
        if renewed is None:
            return Failed("misconfigured", alarm=f"provider {grant.provider} can refresh no session any more")
        return renewed


def _worth_repeating(fault: ProviderFault) -> bool:
    # A provider that names a time to wait has answered: nothing is lost, and it is not asked at once. Nor is one to
    # whom the way must be mended first.
    return isinstance(fault, ProviderUnavailable) and fault.retry_after is None and not fault.remedy


def _lost(fault: ProviderFault) -> bool:
    """Whether the token may have been spent: no answer, or one that holds no tokens and no refusal either."""
    return isinstance(fault, ProviderLied) or (isinstance(fault, ProviderUnavailable) and fault.ambiguous)


def _judge(fault: ProviderFault, *, doubtful: bool, lost: bool, spends: bool) -> Failed:
    definite = not lost
    if isinstance(fault, ProviderUnavailable):
        alarm = str(fault) if fault.remedy else ""
        return Failed("unknown" if fault.ambiguous else "transient", definite, fault.retry_after, alarm)
    if isinstance(fault, ProviderMisconfigured):
        return Failed("misconfigured", definite, alarm=str(fault))
    if isinstance(fault, ProviderRefused) and fault.terminal:
        if not spends and fault.reason == "account_disabled":
            return Failed("disabled")
        return Failed("unknown", definite) if doubtful or lost else Failed("refused")
    # A lie, or a refusal that is not about the grant (invalid_scope, unsupported_grant_type …): no person's fault.
    return Failed("unknown", definite, alarm=str(fault))
