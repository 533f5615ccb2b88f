"""The level of an authentication: how recent it must be, and of which class (OpenID Connect Core section 3.1.2.1).

A level is asked for by the gateway alone. No parameter of a request makes one, lowers one, or takes one away.
"""

import re
from dataclasses import dataclass

from gateway.errors import LevelNotReached
from gateway.identity.identity import Identity

MAX_ACR = 200
"""Characters of all `acr_values` together: a stored attempt is small."""

_ACR = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Level:
    """`max_age` in seconds, counted from the moment of asking; one of `acr_values` must come back, where there are any."""

    max_age: int = 0
    acr_values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_age < 0 or len(" ".join(self.acr_values)) > MAX_ACR:
            raise ValueError("a level has an age of at least 0 and at most 200 characters of acr_values")
        if not all(_ACR.fullmatch(value) for value in self.acr_values):
            raise ValueError("an acr value is visible ASCII without blanks")

    def parameters(self) -> dict[str, str]:
        """What a provider is asked for."""
        acr = {"acr_values": " ".join(self.acr_values)} if self.acr_values else {}
        return {"prompt": "login", "max_age": str(self.max_age), **acr}

    def check(self, before: Identity, after: Identity) -> None:
        """Raise `LevelNotReached` unless `after`, who is the person of `before`, has authenticated at this level.

        That `max_age` is kept says the provider's `auth_time`, which `Arrival.max_age` has checked.
        """
        # Clocks may differ by a minute, which the age allows for. The same `auth_time` again is no question of clocks:
        # the provider has asked nobody.
        if self.max_age == 0 and after.authenticated_at == before.authenticated_at:
            raise LevelNotReached("the provider states the authentication that it stated before")
        if self.acr_values and after.acr not in self.acr_values:
            raise LevelNotReached("the provider states none of the acr_values that were asked for")
