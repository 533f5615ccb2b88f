"""Signing in again: the person of a session proves anew that it is them, at a level that is asked for.

Before leaving, the attempt is given the person and the level, sealed; on return both are held against what the
provider says, before anything changes. Nothing begins again by itself: a provider that cannot do better would go round
for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import (
    AnotherPerson,
    AttemptUnknown,
    LevelNotReached,
    ProviderFault,
    ProviderLied,
    ProviderRefused,
)
from gateway.identity.identity import Identity
from gateway.identity.presented import Head
from gateway.login.answer import UNMET
from gateway.login.attempt import Attempt, mark_of
from gateway.login.errand import REAUTHENTICATE, Errand
from gateway.login.level import Level
from gateway.login.visitors import Visitors
from gateway.providers.provider import Redirects

STALE = "id_token: auth_time"
"""The check of `providers.id_token` that fails where the provider's authentication is older than was asked for."""


@dataclass(frozen=True, slots=True)
class Reauthentication:
    """What is demanded before a reauthentication begins, and when it is back."""

    visitors: Visitors

    async def errand(self, head: Head, provider: Redirects, level: Level, language: str) -> Errand:
        """The errand for the person whose session a request shows; `LevelNotReached` where it could not succeed."""
        if not provider.reauthenticates:
            raise LevelNotReached(f"provider {provider.name} cannot ask a person again and prove it")
        known = await self._login(head, lambda one: one.provider == provider.name)
        if known is None:
            raise LevelNotReached(f"nobody is signed in at provider {provider.name}")
        return Errand(REAUTHENTICATE, mark_of(known.key), level, language=language)

    async def typed(self, head: Head, provider: str, level: Level) -> Errand:
        """The errand at a provider whose passwords are typed here. No directory states a class of authentication."""
        known = await self._login(head, lambda one: one.provider == provider)
        if level.acr_values or known is None:
            raise LevelNotReached(f"provider {provider} states no acr, or nobody is signed in there")
        return Errand(REAUTHENTICATE, mark_of(known.key), level)

    async def check(self, head: Head, attempt: Attempt, level: Level, found: Identity) -> None:
        """Return if `found` is the person of the session, at the level.

        Raises `AttemptUnknown` where that session has ended, `AnotherPerson`, and `LevelNotReached`.
        """
        known = await self._login(head, lambda one: mark_of(one.key) == attempt.person)
        if known is None:
            raise AttemptUnknown("the session whose person was to sign in again has ended")
        if found.key != known.key:
            raise AnotherPerson(f"{found.key} signed in, where {known.key} was to sign in again")
        level.check(known, found)

    async def _login(self, head: Head, wanted: Callable[[Identity], bool]) -> Identity | None:
        current = await self.visitors.current(head)
        return next(filter(wanted, current.session.identities), None) if current else None


def age_asked_for(attempt: Attempt, now: float) -> int | None:
    """Seconds that the authentication may be old when the browser is back; `None` where any age will do.

    The age counts from the departure. A person takes minutes at the provider, and what they do after they have
    authenticated there (a consent, an update of terms) must not make the authentication too old.
    """
    level = attempt.level
    return None if level is None else level.max_age + max(0, int(now) - attempt.created)


def not_reached(fault: ProviderFault) -> LevelNotReached | None:
    """What is behind a fault that says no more than that the level was not reached; `None` for any other."""
    stale = isinstance(fault, ProviderLied) and fault.check == STALE
    unmet = isinstance(fault, ProviderRefused) and fault.error == UNMET
    return LevelNotReached(str(fault)) if stale or unmet else None
