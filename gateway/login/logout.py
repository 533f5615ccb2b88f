"""Signing out: the record first, then the cookie, then the provider.

The record goes first because it is what counts: a cookie that somebody copied is dead from then on (CVE-2024-21492).
What the request says about where to go afterwards is not read (CVE-2021-29456).
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import ProviderFault, StoreFault
from gateway.identity.presented import Head
from gateway.login.attempt import new_secret
from gateway.login.flow import Run, Way
from gateway.login.recent_logout import RecentLogout
from gateway.login.visitors import Visitor, Visitors
from gateway.providers.provider import EndsSession, Provider
from gateway.sessions.deferred import DeferredEnds
from gateway.sessions.sealing import session_id
from gateway.sessions.session import Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Logout:
    """Ends sessions. `public_url` has no slash at its end."""

    providers: Mapping[str, Provider]
    visitors: Visitors
    recent_logout: RecentLogout
    deferred: DeferredEnds
    run: Run
    public_url: str

    @property
    def signed_out(self) -> str:
        """Where every logout ends."""
        return f"{self.public_url}/auth/signed-out"

    async def end(self, head: Head) -> Way:
        """End the session of a request that shows a ticket. `StoreFault` where the session may live on."""
        cookies = [self.visitors.no_session_cookie()]
        current = await self.visitors.current(head)
        if current is None:
            await self._forget(head)
            return Way(self.signed_out, tuple(cookies))
        grant = await self._grant(current)
        await self.visitors.sessions.end(current.ticket, "logout")
        browser = self.visitors.browser(head)
        # From here on the session is over; nothing that fails below may say otherwise.
        with contextlib.suppress(StoreFault):
            await self.recent_logout.note(browser)
        cookies.append(self.visitors.browser_cookie(browser))
        return Way(await self._at_the_provider(current, grant) or self.signed_out, tuple(cookies))

    async def defer(self, head: Head) -> bool:
        """End the session of a request as soon as the store answers; whether that can be kept in mind."""
        ticket = self.visitors.ticket(head)
        return ticket is not None and await self.deferred.add(session_id(ticket), "logout")

    async def _forget(self, head: Head) -> None:
        """End a record that counts for nobody now: with its provider's section back it would be a session again."""
        ticket = self.visitors.ticket(head)
        if ticket is not None:
            await self.visitors.sessions.end(ticket, "logout")

    async def _grant(self, current: Visitor) -> Grant:
        """The tokens of the latest login: providers want their ID token as a hint."""
        name = current.session.latest.provider
        grants = await self.visitors.sessions.grants(current.ticket, current.session)
        return grants.get(name) or Grant(provider=name)

    async def _at_the_provider(self, current: Visitor, grant: Grant) -> str | None:
        """The provider's own logout (OpenID Connect RP-Initiated Logout 1.0), where it has one and answers."""
        name = current.session.latest.provider
        provider = self.providers.get(name)
        if not isinstance(provider, EndsSession):
            return None
        ending = provider.end_session(grant, self.signed_out, new_secret(self.visitors.random))
        try:
            return await self.run(ending, provider=name)
        except ProviderFault:
            return None
