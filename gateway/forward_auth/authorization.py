"""What a request brings in `Authorization`, under a rule that reads it; under any other it is the application's alone.

A credential decides alone. It never falls through to a weaker one, or to the cookie: else a script whose password is
wrong would be somebody else by a cookie that it did not know of.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Final, Literal, Protocol, TypeAlias

from gateway.identity.presented import Head
from gateway.policy.rules import Rule
from gateway.sessions.cache import Memory, Miss
from gateway.sessions.session import Session

Client: TypeAlias = IPv4Address | IPv6Address | None

LONGEST = 8192
"""Bytes of a credential that is looked at."""
_OF_A_SCHEME = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""RFC 9110 section 5.6.2: a token."""


@dataclass(frozen=True, slots=True)
class Credential:
    """`scheme` in lower case; `value` is what stands behind it, as it came: empty for what no scheme can take."""

    scheme: str
    value: bytes = field(repr=False)


class Scheme(Protocol):
    """Verifies the credentials of one scheme. `challenge` is its key in `contracts.contract.CHALLENGES`.

    The sessions that it speaks of are values alone: nobody has begun them, and no store knows them.
    """

    @property
    def challenge(self) -> str: ...

    def now(self, credential: Credential, rule: Rule) -> Memory | Literal[Miss.MISS]:
        """What can be known without waiting. Raises `BadCredential`."""
        ...

    def note(self, memory: Memory, key: Hashable, value: object, weight: int) -> None:
        """Keep something with a memory."""
        ...

    async def read(self, credential: Credential, rule: Rule, client: Client) -> Session:
        """Who it is. Raises `BadCredential`, `NotAllowed`, `Limited`, `ProviderUnavailable` or `StoreFault`."""
        ...


NO_SCHEMES: Final[Mapping[str, Scheme]] = MappingProxyType({})


def credential_of(head: Head, schemes: frozenset[str]) -> Credential | None:
    """The credential of one of `schemes`; `None` where there is none: another scheme is the application's.

    RFC 9110 section 11.6.2: one field, `scheme SP credentials`. Of two lines nobody knows which another reader would
    take: they are one credential that is no good.
    """
    lines = head.all(b"authorization")
    if not lines:
        return None
    found = [_parted(line) for line in lines]
    ours = next((one for one in found if one.scheme in schemes), None)
    if ours is not None and (len(found) > 1 or len(ours.value) > LONGEST):
        return Credential(ours.scheme, b"")
    return ours


def left_of(head: Head, rule: Rule | None) -> tuple[bytes, ...]:
    """The lines that the application gets: all that its rule does not read, or passes on nevertheless."""
    lines = head.all(b"authorization")
    if rule is None or rule.passes_on or not rule.schemes:
        return lines
    return tuple([line for line in lines if _parted(line).scheme not in rule.schemes])


def _parted(line: bytes) -> Credential:
    text = line.strip(b" \t")
    rest = text.lstrip(_OF_A_SCHEME)
    scheme = text[: len(text) - len(rest)].decode("ascii").lower()
    # Only a blank may follow. Behind anything else, as a tab, another reader may see the same scheme: it is one of ours
    # that is no good, and never the application's, beside which the cookie would count.
    return Credential(scheme, rest.strip(b" ") if rest.startswith(b" ") else b"")
