"""The end of a session that a client holds by a refresh token: of this one, or of all that its person has."""

from dataclasses import dataclass

from gateway.errors import BadCredential
from gateway.login.giving_back import GivingBack
from gateway.sessions.cookie import Ticket
from gateway.sessions.inventory import Inventory
from gateway.sessions.sessions import Sessions
from gateway.tokens.issuing import Issuing
from gateway.tokens.refresh_token import read_refresh_token


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningOut:
    """An older token of the chain ends its session too: whoever signs out is believed (RFC 7009 section 2.1)."""

    issuing: Issuing
    sessions: Sessions
    inventory: Inventory
    giving_back: GivingBack

    def ticket(self, text: str) -> Ticket | None:
        """The ticket in a refresh token; `None` in what is none of ours."""
        try:
            return read_refresh_token(self.issuing.ring, text).ticket
        except BadCredential:
            return None

    async def end(self, ticket: Ticket) -> None:
        """End the session, if there is one; its provider gets its tokens back. `StoreFault` where it may live on."""
        session = await self.sessions.open(ticket)
        grants = await self.sessions.grants(ticket, session) if session else {}
        await self.sessions.end(ticket, "logout")
        self.giving_back.give_back(grants.values())

    async def end_all(self, ticket: Ticket) -> None:
        """End every session of every person who is signed in to this one. `BadCredential` where nobody is."""
        session = await self.issuing.session_of(ticket)
        grants = await self.sessions.grants(ticket, session)
        for one in session.identities:
            await self.inventory.end_all(one.issuer, one.local, "logout_all")
        await self.sessions.end(ticket, "logout_all")
        self.giving_back.give_back(grants.values())
