"""Who comes to the login, and where they go next."""

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from gateway.providers.provider import Flow

T = TypeVar("T")


class Run(Protocol):
    """Drives a provider's flow against the network, within a deadline."""

    async def __call__(self, flow: Flow[T], *, provider: str) -> T: ...


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, for limits and events: `address` for the log, `prefix` as the key of limits."""

    address: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Way:
    """Where the browser goes next, and the `Set-Cookie` values it takes along."""

    location: str
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name and a password are known: a provider, and one of its domains, "" where it has none to choose."""

    provider: str
    domain: str
    title: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The providers that a person may choose among: (name, title, mark) each; `last_used` is one of the names, or "".

    `places` take a name and a password on the page itself. `user` is who is signed in already, at a provider that will
    not do; "" for nobody. `why` is the reason for which the last session of this browser has ended, where that is told.
    """

    options: tuple[tuple[str, str, str], ...]
    return_to: str
    last_used: str = ""
    user: str = field(default="", repr=False)
    places: tuple[Place, ...] = ()
    why: str = ""

    @property
    def only(self) -> str:
        """The one provider where there is nothing to choose; "" where there is."""
        names = {name for name, _, _ in self.options} | {place.provider for place in self.places}
        return names.pop() if len(names) == 1 else ""
