"""What the rest of this package needs of a connection to a directory, and says to it."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.providers.ldap.entry import Entry
from gateway.providers.ldap.errand import Errand
from gateway.providers.ldap.refusals import Outcome


class Scope(Enum):
    """RFC 4511 section 4.5.1.2; the values are the words of the library."""

    BASE = "BASE"
    SUBTREE = "SUBTREE"


@dataclass(frozen=True, slots=True)
class Search:
    """A question. `limit`: entries at most, 0 for as many as the server gives."""

    base: str
    filter: str
    attributes: tuple[str, ...]
    scope: Scope = Scope.SUBTREE
    limit: int = 0


EVERYTHING = "(objectClass=*)"


def base_search(dn: str, attributes: tuple[str, ...]) -> Search:
    """One entry by its name."""
    return Search(dn, EVERYTHING, attributes, Scope.BASE)


@dataclass(frozen=True, slots=True)
class Found:
    """Entries, without the references to other servers that came among them: those are never followed."""

    outcome: Outcome
    entries: tuple[Entry, ...] = ()


class Link(Protocol):
    """One connection. Each call raises `ProviderUnavailable` where no answer came."""

    def serve(self, errand: Errand) -> None:
        """Whose time it takes from now on."""
        ...

    def bind(self, name: str, password: str) -> Outcome: ...

    def search(self, search: Search) -> Found: ...

    def who_am_i(self) -> str | None:
        """The authorization identity (RFC 4532); "" for nobody, `None` where the server knows no such question."""
        ...

    def abandon(self) -> None: ...

    def close(self) -> None: ...
