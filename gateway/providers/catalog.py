"""The providers of gateway.yaml by name, and how to talk to each of them."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from gateway.errors import NotAllowed
from gateway.identity.identity import Identity
from gateway.observe.events import Emit
from gateway.providers.admission import Admission
from gateway.providers.client_auth import Chance
from gateway.providers.kinds import made, silent
from gateway.providers.provider import (
    ChecksPasswords,
    Closes,
    Flow,
    Provider,
    Rechecks,
    Redirects,
    Refreshed,
    Refreshes,
)
from gateway.providers.transport import Transport
from gateway.sessions.session import Grant
from gateway.settings.model import ProviderSection

T = TypeVar("T")

NOTHING: frozenset[str] = frozenset()


class Catalog:
    """Every configured provider. Making one asks nobody anything: a provider that is down keeps no gateway down.

    `keeps` are the tokens that rules hand through, by provider; `public_url` (without a slash at its end) is where
    providers send browsers back to. `chance` is a must where a section has a key; `emit` takes what providers find out
    by themselves.
    """

    def __init__(
        self,
        sections: Mapping[str, ProviderSection],
        transport: Transport,
        keeps: Mapping[str, frozenset[str]] | None = None,
        public_url: str = "",
        chance: Chance | None = None,
        emit: Emit = silent,
    ) -> None:
        self._sections = dict(sections)
        self._admissions = {name: Admission.of(section) for name, section in sections.items()}
        self._transport = transport
        several = len(self._sections) > 1
        self._providers: dict[str, Provider] = {
            name: made(
                section,
                name,
                several=several,
                keeps=(keeps or {}).get(name, NOTHING),
                callback=f"{public_url}/auth/{name}/callback",
                chance=chance,
                run=self.run,
                emit=emit,
            )
            for name, section in self._sections.items()
        }

    def __iter__(self) -> Iterator[Provider]:
        """The providers in the order of the file."""
        return iter(self._providers.values())

    def get(self, name: str) -> Provider | None:
        return self._providers.get(name)

    @property
    def redirects(self) -> Mapping[str, Redirects]:
        """Those that sign people in by sending the browser there and back."""
        return {name: one for name, one in self._providers.items() if isinstance(one, Redirects)}

    @property
    def passwords(self) -> Mapping[str, ChecksPasswords]:
        """Those that sign people in by a name and a password."""
        return {name: one for name, one in self._providers.items() if isinstance(one, ChecksPasswords)}

    async def renew(self, grant: Grant, identity: Identity, now: int) -> Refreshed | None:
        """Prolong a grant, or look again at the account; `None` where its provider can do neither any more."""
        provider = self._providers.get(grant.provider)
        if grant.recheck and isinstance(provider, Rechecks):
            return await provider.recheck(grant, identity, now)
        if isinstance(provider, Refreshes):
            return await self.run(provider.refresh(grant, identity, now), provider=grant.provider)
        return None

    async def run(self, flow: Flow[T], *, provider: str) -> T:
        """Drive a flow of this provider within its `timeout`. Raises what the flow raises."""
        return await self._transport.run(flow, provider=provider, deadline=self.deadline(provider))

    async def close(self) -> None:
        """Let go of what the providers keep. The transport is closed by whoever made it."""
        for provider in self._providers.values():
            if isinstance(provider, Closes):
                await provider.close()

    def deadline(self, provider: str) -> float:
        """Seconds that a flow of this provider may take."""
        return self._sections[provider].timeout

    def admits(self, identity: Identity) -> bool:
        """Whether the person's provider is configured and lets them in."""
        admission = self._admissions.get(identity.provider)
        if admission is None:
            return False
        try:
            admission.admit(identity)
        except NotAllowed:
            return False
        return True


def ca_files(sections: Mapping[str, ProviderSection]) -> dict[str, str]:
    """The CA bundles by provider, as `Transport` takes them."""
    return {name: section.ca_file for name, section in sections.items() if section.ca_file}
