"""Front-channel logout: the provider has the browser load a page of ours in a frame, to say that a session is over.

OpenID Connect Front-Channel Logout 1.0. Nothing in it is signed: whoever knows the provider's name for a session can
send it. So it is off unless the operator wants it, ends the sessions of that one login and no others, and takes no
token back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import GatewayError, Malformed
from gateway.guard.rate_limit import RateLimit
from gateway.login.answer import parameters
from gateway.login.way import Client
from gateway.observe.events import Emit, ProviderLogout
from gateway.sessions.inventory import Inventory

REASON = "frontchannel_logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontChannel:
    """Ends sessions by address. `issuers` are those of the providers that may, by name; `limit` by address prefix."""

    issuers: Mapping[str, str]
    inventory: Inventory
    limit: RateLimit
    emit: Emit

    async def receive(self, provider: str, query: bytes, client: Client, decision_id: str) -> None:
        """End the sessions of the login that a query names. Raises `Malformed`, `Limited` or `StoreFault`."""
        outcome, detail = GatewayError.code, ""  # what a bug of ours, or a stop, leaves it at
        try:
            await self._receive(provider, query, client)
            outcome = "ok"
        except GatewayError as error:
            outcome, detail = error.code, str(error)
            raise
        finally:
            self.emit(ProviderLogout(provider, "front", outcome, client.address, decision_id, detail))

    async def _receive(self, provider: str, query: bytes, client: Client) -> None:
        # Names of sessions can be guessed at, and each try costs the store something.
        await self.limit.take(client.prefix)
        asked, issuer = parameters(query), self.issuers[provider]
        # The specification lets a provider leave both out, which means whatever session the browser has here. Its
        # cookie does not reach a frame of another site, and a link of anybody's would do.
        if asked.get("iss") != issuer or not asked.get("sid"):
            raise Malformed("logout_parameters")
        await self.inventory.end_login(issuer, asked["sid"], REASON)
