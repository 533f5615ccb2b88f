"""Back-channel logout: the provider tells us, server to server, that a session of its own is over.

OpenID Connect Back-Channel Logout 1.0. A token is verified before anything else; then the sessions end, and only then
is the token remembered as used: where the store fails in between, the provider may send it again, and ending twice
ends once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from gateway.errors import GatewayError, ProviderLied
from gateway.guard.rate_limit import RateLimit
from gateway.login.way import Client, Run
from gateway.observe.events import Emit, ProviderLogout
from gateway.providers.id_token import SKEW
from gateway.providers.logout_token import FRESH
from gateway.providers.provider import LoggedOut, TellsLogout
from gateway.sessions.inventory import Inventory
from gateway.storage.store import Store

REASON = "backchannel_logout"
REMEMBERED = FRESH + SKEW + 10.0
"""Seconds: a token whose `iat` is ahead of our clock is taken for longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackChannel:
    """Receives logout tokens. `failures` limits tokens that are not good, by the address prefix of who sends them."""

    providers: Mapping[str, TellsLogout]
    inventory: Inventory
    store: Store
    failures: RateLimit
    run: Run
    emit: Emit
    clock: Callable[[], float]

    async def receive(self, provider: str, token: str, client: Client, decision_id: str) -> None:
        """End what a token says is over; a session that nobody knows is over too.

        Raises `ProviderLied` for a token that is not good or was used, `ProviderUnavailable` where its keys cannot be
        had, `Limited`, and `StoreFault` where sessions may live on.
        """
        outcome, detail = GatewayError.code, ""  # what a bug of ours, or a stop, leaves it at
        try:
            await self._receive(provider, token, client)
            outcome = "ok"
        except GatewayError as error:
            outcome, detail = error.code, str(error)
            raise
        finally:
            self.emit(ProviderLogout(provider, "back", outcome, client.address, decision_id, detail))

    async def _receive(self, provider: str, token: str, client: Client) -> None:
        told = await self._told(provider, token, client)
        used = _key(provider, told)
        if await self.store.get(used) is not None:
            raise ProviderLied(provider, "logout_token: jti was used before")
        await self._end(self.providers[provider].issuer, told)
        await self.store.add(used, b"1", REMEMBERED)

    async def _told(self, provider: str, token: str, client: Client) -> LoggedOut:
        reading = self.providers[provider].read_logout(token, self.clock())
        try:
            return await self.run(reading, provider=provider)
        except ProviderLied:
            # Good tokens are not counted: a provider that ends ten thousand sessions must be heard each time. Keys are
            # fetched no oftener for bad ones, see `remote_keys`.
            await self.failures.take(client.prefix)
            raise

    async def _end(self, issuer: str, told: LoggedOut) -> None:
        # A token that names a session means that one alone, whoever's it is (section 2.4); one that names only the
        # person means all of their sessions.
        if told.sid:
            await self.inventory.end_login(issuer, told.sid, REASON)
        else:
            await self.inventory.end_all(issuer, told.subject, REASON)


def _key(provider: str, told: LoggedOut) -> str:
    digest = sha256(f"{provider}:{told.token_id}".encode())  # no name of a provider has a colon
    return f"logout-token:{digest.hexdigest()}"
