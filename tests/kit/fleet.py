"""Several real gateway processes on one store, sessions whose tokens are about to end, and a look into the store."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway.sessions.cookie import Ticket, session_cookie
from gateway.sessions.sealing import record_key
from gateway.sessions.session import Grant, Grants, Session
from gateway.sessions.sessions import Begun, Sessions
from gateway.storage.opened import open_store
from gateway.storage.store import Store, lease_key
from tests.kit.real_gateway import RealGateway, alice, silent
from tests.kit.scene import scene_settings
from tests.kit.scripted_provider import ScriptedProvider
from tests.kit.servers import free_ports


@dataclass(frozen=True)
class SignedIn:
    """A session, as its browser and as the tests know it."""

    cookie: str
    ticket: Ticket
    sid: str


class Fleet:
    """`gateways` share keys, public address and store; `store` is a look at it that goes by no proxy."""

    def __init__(self, gateways: Sequence[RealGateway], store: Store, http: httpx.AsyncClient) -> None:
        self.gateways = gateways
        self.store = store
        self.http = http
        first = gateways[0]
        issuers = {name: one["issuer"] for name, one in first.document["providers"].items()}
        self.host = first.settings.hosts[0].partition("://")[2]
        self._spec = session_cookie(first.settings)
        self._sessions = Sessions(
            store, first.ring, self._spec, first.settings.sessions, first.ring.deployment,
            silent, time.time, os.urandom, issuers,
        )  # fmt: skip

    async def sign_in(self, name: str, provider: ScriptedProvider, seconds: float = 2.0) -> SignedIn:
        """A session of alice whose token ends in so many seconds: at once it is to be waited for."""
        section = {name: {"issuer": provider.issuer}}
        now = int(time.time())
        token = provider._fresh("refresh")
        provider.refreshable[token] = "first"
        # The very person of whom the provider's next ID token will speak.
        identity = alice(section, subject=str(provider.person["sub"]))
        grant = Grant(provider=name, refresh_token=token, begun=now - 300, expires=int(now + seconds))
        return self._signed_in(await self._sessions.begin(identity, grant))

    async def sign_in_without_tokens(self) -> SignedIn:
        """A session of alice for which nobody is ever asked."""
        return self._signed_in(
            await self._sessions.begin(alice(self.gateways[0].document["providers"]), None)
        )

    def _signed_in(self, begun: Begun) -> SignedIn:
        return SignedIn(f"{self._spec.name}={begun.cookie}", begun.ticket, begun.session.id)

    async def check(self, number: int, who: SignedIn | str, patience: float = 10.0) -> httpx.Response:
        """One request, as the proxy of this gateway asks it."""
        bind = self.gateways[number].settings.server.verify_bind
        cookie = who if isinstance(who, str) else who.cookie
        lines = {"x-forwarded-method": "GET", "x-forwarded-host": self.host, "x-forwarded-uri": "/x"}
        return await self.http.get(
            f"http://{bind}/verify/forward-auth", headers=lines | {"cookie": cookie}, timeout=patience
        )

    async def sign_out(self, number: int, who: SignedIn) -> None:
        """Sign out while the store is there."""
        gone = await self.ask_to_sign_out(number, who)
        assert gone.status_code == 303, gone.text

    async def ask_to_sign_out(self, number: int, who: SignedIn) -> httpx.Response:
        """As the page does: the form, and then its token."""
        one = self.gateways[number]
        origin = one.settings.public_url.removesuffix("/_gateway")
        url = f"{one.url}/_gateway/auth/logout"
        lines = {"cookie": who.cookie, "host": self.host, "origin": origin}
        page = await self.http.get(url, headers=lines)
        token = page.text.partition('name="token" value="')[2].partition('"')[0]
        return await self.http.post(url, headers=lines, data={"token": token})

    async def stored(self, who: SignedIn) -> tuple[Session, Grants]:
        """The session as it stands in the store."""
        session = await self._sessions.open(who.ticket)
        assert session is not None, "there is no session any more"
        return session, await self._sessions.grants(who.ticket, session)

    async def is_gone(self, who: SignedIn) -> bool:
        return await self._sessions.open(who.ticket) is None

    async def forget_lease(self, who: SignedIn) -> None:
        assert await self.store.delete((lease_key(record_key(who.sid)),)) == 1

    async def kill(self, number: int) -> None:
        """kill -9, and nothing else."""
        process = self.gateways[number].process
        assert process is not None
        process._process.kill()
        await asyncio.to_thread(process._process.wait)

    async def start(self, number: int) -> None:
        """Start one that was killed."""
        self.gateways[number].stop()
        await asyncio.to_thread(self.gateways[number].start)


@asynccontextmanager
async def fleet(
    folder: Path,
    stores: Sequence[str],
    providers: Mapping[str, Any],
    port: int = 0,
    environment: Mapping[str, str] | None = None,
    written: Mapping[str, Any] | None = None,
) -> AsyncIterator[Fleet]:
    """A gateway for each address of the one store, the last of them by no proxy; browsers know them all by `port`.

    `written` goes over their settings.
    """
    gateways: list[RealGateway] = []
    proxy = port or free_ports(1)[0]
    for number, url in enumerate(stores):
        home = folder / f"replica-{number}"
        home.mkdir(parents=True)
        document: dict[str, Any] = {"store": url, "providers": dict(providers), **(written or {})}
        if gateways:
            document["keys"] = {"file": str(gateways[0].key_file)}
        one = RealGateway(scene_settings("one-host", [proxy, *free_ports(3)]), home, document, environment)
        one.ring = gateways[0].ring if gateways else one.ring
        one.cookie = "none needed"
        gateways.append(one)
    store = open_store(stores[-1], gateways[0].ring.deployment, time.time, silent)
    limits = httpx.Limits(max_connections=700, max_keepalive_connections=100)
    async with httpx.AsyncClient(trust_env=False, limits=limits) as http:
        try:
            await asyncio.gather(*[asyncio.to_thread(one.start) for one in gateways])
            yield Fleet(gateways, store, http)
        finally:
            for one in gateways:
                with contextlib.suppress(Exception):
                    await asyncio.to_thread(one.stop)
            await store.close()
