"""Signing out: the record first, then the cookie, then the provider.

The record goes first because it is what counts: a cookie that somebody copied is dead from then on (CVE-2024-21492).
What the request says about where to go afterwards is not read (CVE-2021-29456). The provider's tokens are given back
beside all that: nobody waits for them.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import ProviderFault, StoreFault
from gateway.identity.presented import Head
from gateway.login.attempt import new_secret
from gateway.login.giving_back import GivingBack
from gateway.login.recent_logout import RecentLogout
from gateway.login.visitors import Visitors
from gateway.login.way import Run, Way
from gateway.observe.events import Emit, LogoutHandedOn
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
    giving_back: GivingBack
    run: Run
    emit: Emit
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
        # Read while there is a record; the latest login is the one that the provider is told of.
        grants = await self.visitors.sessions.grants(current.ticket, current.session)
        latest = current.session.latest.provider
        await self.visitors.sessions.end(current.ticket, "logout")
        self.giving_back.give_back(grants.values())
        browser = self.visitors.browser(head)
        # From here on the session is over; nothing that fails below may say otherwise.
        with contextlib.suppress(StoreFault):
            await self.recent_logout.note(browser)
        cookies.append(self.visitors.browser_cookie(browser))
        at_provider = await self._at_the_provider(grants.get(latest) or Grant(provider=latest))
        return Way(at_provider or self.signed_out, tuple(cookies))

    async def defer(self, head: Head) -> bool:
        """End the session of a request as soon as the store answers; whether that can be kept in mind."""
        ticket = self.visitors.ticket(head)
        return ticket is not None and await self.deferred.add(session_id(ticket), "logout")

    async def _forget(self, head: Head) -> None:
        """End a record that counts for nobody now: with its provider's section back it would be a session again."""
        ticket = self.visitors.ticket(head)
        if ticket is not None:
            await self.visitors.sessions.end(ticket, "logout")

    async def _at_the_provider(self, grant: Grant) -> str | None:
        """The provider's own logout (OpenID Connect RP-Initiated Logout 1.0), where it has one and answers.

        Its `state` is not looked at when the browser is back: the session is over by then, and the page that says so
        changes nothing, whoever opens it.
        """
        provider = self.providers.get(grant.provider)
        if not isinstance(provider, EndsSession):
            return None
        ending = provider.end_session(grant, self.signed_out, new_secret(self.visitors.random))
        try:
            address = await self.run(ending, provider=grant.provider)
        except ProviderFault as fault:
            self.emit(LogoutHandedOn(grant.provider, fault.code, str(fault)))
            return None
        if address is not None:
            self.emit(LogoutHandedOn(grant.provider, "ok"))
        return address
