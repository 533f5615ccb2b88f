"""The whole gateway as `app.py` wires it, in this process: embedded store, movable clock, a provider on loopback.

    async with wired(tmp_path) as house:
        browser = house.browser()
        await browser.open(f"{APP}/report")

The browser reaches the login pages, the provider, and an application behind a small proxy that asks the verify
endpoint. `house.say` asks the verify endpoint directly, as a proxy would.
"""

import asyncio
import contextlib
import io
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from gateway.app import Application, Chance
from gateway.keys.keyring import Keyring
from gateway.settings.model import Settings
from tests.kit.browser import NAVIGATION, Browser
from tests.kit.clock import Clock
from tests.kit.scripted_provider import ScriptedProvider, serve
from tests.kit.verify_house import CLIENT, PROXY, as_bytes, family

AUTH, APP = "https://auth.example.com", "https://app.example.com"
COOKIE, BROWSER_COOKIE = "__Secure-gw", "__Host-gw-login"

WRITTEN: Mapping[str, Any] = {
    "public_url": AUTH,
    "hosts": [APP],
    "rules": [
        {"name": "public", "paths": ["/public/**"], "allow": "public"},
        {"name": "welcome", "paths": ["/welcome/**"], "allow": "optional"},
        {"name": "admin", "paths": ["/admin/**"], "allow": {"groups": ["admins"]}},
        {"name": "rest", "allow": "authenticated"},
    ],
    "policies": {"billing": {"rules": [{"name": "billing", "allow": {"groups": ["staff"]}}]}},
    "sessions": {"cookie_domain": "example.com"},
    "server": {"trusted_proxies": [f"{PROXY}/32"]},
    "log": {"level": "debug", "allows": "all", "denials": "all"},
}


class Wired:
    """One replica. Several may share `folder` and `ring`. `provider` is the first one, whose section is `corp`."""

    def __init__(
        self,
        folder: Path,
        provider: ScriptedProvider,
        clock: Clock,
        ring: Keyring,
        partner: ScriptedProvider | None = None,
        **changes: Any,
    ) -> None:
        self.provider, self.partner, self.clock, self.ring = provider, partner, clock, ring
        self.database = folder / "gateway.db"
        sections = {"corp": {**section_of(provider), **changes.pop("corp", {})}}
        if partner:
            sections["partner"] = section_of(partner)
        sections |= changes.pop("more", {})
        fixed = {"providers": sections, "store": f"sqlite:{self.database}"}
        self.settings = Settings.model_validate({**WRITTEN, **fixed, **changes})
        self.written = io.StringIO()
        with contextlib.redirect_stderr(self.written):
            self.application = Application(self.settings, ring, Chance(clock, secrets.token_bytes))
        self.apps = {listener.name: listener.app for listener in self.application.listeners}

    def browser(self, peer: str = CLIENT) -> Browser:
        """A fresh browser."""
        home = self.settings.public_url.removesuffix("/_gateway")
        issuers = [one.issuer for one in (self.provider, self.partner) if one]
        origins = {APP: Site(self), **{issuer: issuer for issuer in issuers}}
        origins |= {home: self.apps["bind"]} if home != APP else {}
        return Browser(origins, self.clock, peer=(peer, 50000))

    async def sign_in(self, browser: Browser | None = None) -> str:
        """Alice signs in: the `name=value` of her session cookie."""
        browser = browser or self.browser()
        last = await browser.open(f"{self.settings.public_url}/auth/corp?rd={APP}/public/done")
        assert last.status == 200, last.response.text
        cookie = next(one for one in browser.jar.cookies if one.name.endswith("gw"))
        return f"{cookie.name}={cookie.value}"

    async def say(
        self,
        uri: str,
        cookie: str = "",
        *,
        contract: str = "forward-auth",
        policy: str = "",
        login: bool = False,
        navigates: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """What the verify endpoint says of a request for `uri`; with `login` what nginx shows after a no."""
        lines = family(contract, b"GET", b"app.example.com", as_bytes(uri))
        extra = {
            **(NAVIGATION if navigates else {}),
            **({"cookie": cookie} if cookie else {}),
            **(headers or {}),
        }
        lines += [(name.encode(), value.encode()) for name, value in extra.items()]
        path = f"/verify/policy/{policy}/{contract}" if policy else f"/verify/{contract}"
        path += "/login" if login else ""
        transport = httpx.ASGITransport(self.apps["verify_bind"], client=(PROXY, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://verify") as client:
            return await client.get(path, headers=lines)

    async def get(self, listener: str, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """One request to a listener."""
        transport = httpx.ASGITransport(self.apps[listener], client=(CLIENT, 50000))
        async with httpx.AsyncClient(transport=transport, base_url=AUTH) as client:
            return await client.get(path, headers=headers)

    async def lines(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """The log's lines of one event, once there are `count`."""
        found: list[dict[str, Any]] = []
        for _ in range(500):
            every = [
                json.loads(line) for line in self.written.getvalue().splitlines() if line.startswith("{")
            ]
            found = [line for line in every if line["event"] == event]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(
            f"{len(found)} lines of {event}, not {count}:\n{self.written.getvalue()[-2000:]}"
        )

    def tokens_asked(self) -> int:
        """How often the provider's token endpoint was asked."""
        return self.provider.paths().count("/token")


def section_of(provider: ScriptedProvider) -> dict[str, Any]:
    """What gateway.yaml says of a provider."""
    return {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "client_secret": provider.client_secret,
        "anyone": True,
    }


class Site:
    """An application behind a proxy: asks the verify endpoint, shows its headers, passes a no on."""

    def __init__(self, house: Wired) -> None:
        self._house = house

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        uri = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        if uri == b"/_gateway" or uri.startswith(b"/_gateway/"):
            await self._house.apps["bind"](scope, receive, send)
            return
        sent = {name.decode(): value.decode() for name, value in scope["headers"]}
        cookie = sent.pop("cookie", "")
        asked = {name: value for name, value in sent.items() if name.startswith(("accept", "sec-"))}
        said = await self._house.say(uri.decode(), cookie, headers=asked)
        body = said.content
        if said.status_code == 200:
            identity = {name: value for name, value in said.headers.items() if name.startswith("x-auth-")}
            body = json.dumps(identity).encode()
        kept = [(n, v) for n, v in said.headers.raw if n not in {b"content-length", b"transfer-encoding"}]
        await send({"type": "http.response.start", "status": said.status_code, "headers": kept})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def wired(
    folder: Path, *, ring: Keyring | None = None, two: bool = False, **changes: Any
) -> AsyncIterator[Wired]:
    """Open a house with its provider, or with two (`corp` and `partner`), and take all down."""
    clock = Clock()
    async with contextlib.AsyncExitStack() as stack:
        providers = [ScriptedProvider(clock) for _ in range(2 if two else 1)]
        for provider in providers:
            await stack.enter_async_context(serve(provider))
        keys = ring or Keyring.generate(secrets.token_bytes, clock())
        house = Wired(folder, providers[0], clock, keys, *providers[1:], **changes)
        stack.push_async_callback(house.application.close)
        await house.application.open()
        yield house
