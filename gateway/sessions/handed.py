"""Tokens that a rule hands through, as a check knows them: of a grant so much and no more.

The refresh token is never among them, nor is anything that no rule hands through, so that what a process remembers of
a session is worth no more than what its applications get.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from gateway.sessions.session import Grant, Grants


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """Tokens of one login; "" for one that there is not.

    `expires` is the end of the access token in Unix seconds, 0 = unknown. `renewable`: a refresh could prolong it.
    """

    access_token: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)
    expires: int = 0
    renewable: bool = False

    def has_ended(self, now: float) -> bool:
        """Whether the access token is known to be over at `now` (Unix seconds)."""
        return bool(self.access_token and self.expires) and now >= self.expires

    @property
    def weight(self) -> int:
        """About how many bytes it takes, never less than it does."""
        text = self.access_token + self.id_token
        return 700 + len(text) * (1 if text.isascii() else 4)


HandedTokens: TypeAlias = Mapping[str, Handed]
"""By the provider's name."""

NOTHING_HANDED: HandedTokens = MappingProxyType({})


def handed_of(grants: Grants, kept: Mapping[str, frozenset[str]]) -> HandedTokens:
    """What rules may hand through of some grants; `kept` are the kinds of tokens that they do, by provider."""
    return {name: _handed(grant, kept[name]) for name, grant in grants.items() if name in kept}


def _handed(grant: Grant, kinds: frozenset[str]) -> Handed:
    return Handed(
        access_token=grant.access_token if "access_token" in kinds else "",
        id_token=grant.id_token if "id_token" in kinds else "",
        expires=grant.expires,
        renewable=grant.renewable,
    )
