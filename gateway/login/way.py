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
class Choice:
    """The providers that a person may choose among: (name, title, mark) each; `last_used` is one of the names, or "".

    `user` is who is signed in already, at a provider that will not do; "" for nobody.
    """

    options: tuple[tuple[str, str, str], ...]
    return_to: str
    last_used: str = ""
    user: str = field(default="", repr=False)
