"""Whole logins at a real gateway, by a browser that is no more than its requests, at a scripted provider."""

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import httpx

from bench.cores import cpu_seconds
from bench.gateways import Gateway, Wanted
from bench.lab import Lab
from tests.kit.scripted_provider import ScriptedProvider, serve

BROWSERS = 8
"""Logins at the same time."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where browsers meet the gateway: an address that is reached without a proxy, and the name that it goes by."""

    address: str
    host: str
    base: str

    @classmethod
    def of(cls, gateway: Gateway) -> "Door":
        parts = urlsplit(str(gateway.settings.public_url))
        return cls(f"http://{gateway.settings.server.bind}", parts.netloc, parts.path)

    async def get(self, http: httpx.AsyncClient, path: str, cookie: str = "") -> httpx.Response:
        lines = {"host": self.host, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        return await http.get(
            f"{self.address}{self.base}{path}", headers=lines | ({"cookie": cookie} if cookie else {})
        )


async def log_in_all(lab: Lab, store: str, count: int) -> tuple[float, float]:
    """CPU seconds of the gateway for one login, and logins in a second of the clock."""
    provider = ScriptedProvider(time.time, client_secret="", algorithm="ES256")
    async with serve(provider) as issuer, httpx.AsyncClient(trust_env=False, timeout=30) as http:
        with lab.fresh_gateway(Wanted(store=store, issuer=issuer)) as gateway:
            door, numbers = Door.of(gateway), iter(range(count))
            await log_in(door, provider, http)  # discovery and keys, once
            spent, begun = cpu_seconds([gateway.server.pid]), time.perf_counter()

            async def browse() -> None:
                for _ in numbers:
                    await log_in(door, provider, http)

            await asyncio.gather(*[browse() for _ in range(BROWSERS)])
            wall = time.perf_counter() - begun
            return (cpu_seconds([gateway.server.pid]) - spent) / count, count / wall


async def log_in(door: Door, provider: ScriptedProvider, http: httpx.AsyncClient) -> None:
    """From the page that was asked for to the session's cookie. Raises `RuntimeError` where there is none."""
    wanted = urlencode({"rd": f"http://{door.host}/report"})
    start = await door.get(http, f"/auth/test?{wanted}")
    if start.status_code != 303:
        raise RuntimeError(f"a login did not begin: {start.status_code} {start.text[:300]}")
    back = provider.sign_in(start.headers["location"])
    binding = start.headers["set-cookie"].partition(";")[0]
    end = await door.get(http, f"/auth/test/callback?{urlencode(back)}", binding)
    http.cookies.clear()  # each login is another browser's
    if end.status_code != 303 or "gw=" not in end.headers.get("set-cookie", ""):
        raise RuntimeError(f"a login did not end: {end.status_code} {end.text[:300]}")
