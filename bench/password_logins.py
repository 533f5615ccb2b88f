"""Whole logins by name and password at a real gateway: the form is read, filled in and sent, as a browser does."""

import asyncio
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx

from bench.cores import cpu_seconds
from bench.gateways import Wanted
from bench.lab import Lab
from bench.logins import Door
from gateway.keys.password_hash import PasswordHash, hash_password
from tests.kit.password_form import Fields

PASSWORD = "correct horse battery staple"  # noqa: S105 (of people who are nobody)
BROWSERS = 4
"""Logins at the same time; a users file tries two hashes at once."""


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds of the gateway for one login, of one hash alone, and logins in a second of the clock."""

    login: float
    hashing: float
    rate: float


async def sign_in_all(lab: Lab, store: str, count: int) -> Spent:
    """Each of them somebody else, of a file whose hashes cost what `gateway users hash` makes them cost."""
    people = _file(lab.made("people") / "people.yaml", count + 1)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        with lab.fresh_gateway(Wanted(store=store, people=str(people))) as gateway:
            door, numbers = Door.of(gateway), iter(range(count))
            await _sign_in(door, f"p-{count}", http)  # the file is read, once
            spent, begun = cpu_seconds([gateway.server.pid]), time.perf_counter()

            async def browse() -> None:
                for number in numbers:
                    await _sign_in(door, f"p-{number}", http)

            await asyncio.gather(*[browse() for _ in range(BROWSERS)])
            wall = time.perf_counter() - begun
            each = (cpu_seconds([gateway.server.pid]) - spent) / count
    return Spent(each, _hashing(), count / wall)


def _file(file: Path, count: int) -> Path:
    """Each has a salt of their own, or the file is refused."""
    users = {f"p-{number}": {"password": hash_password(PASSWORD, os.urandom(16))} for number in range(count)}
    file.write_text(json.dumps({"users": users}))
    file.chmod(0o600)
    return file


def _hashing() -> float:
    """In a process of nothing else, on the load generator's cores."""
    hashed = PasswordHash.parse(hash_password(PASSWORD, os.urandom(16)))
    begun = time.process_time()
    for _ in range(3):
        hashed.fits(PASSWORD)
    return (time.process_time() - begun) / 3


async def _sign_in(door: Door, name: str, http: httpx.AsyncClient) -> None:
    """From the form to the session's cookie. Raises `RuntimeError` where there is none."""
    wanted = urlencode({"rd": f"http://{door.host}/report"})
    page = await door.get(http, f"/auth/login?{wanted}")
    fields = Fields(page.text)
    cookie = page.headers.get("set-cookie", "").partition(";")[0]
    typed = {**fields.values, "username": name, "password": PASSWORD}
    end = await http.post(
        f"{door.address}{door.base}/auth/login",
        data=typed,
        headers={
            "host": door.host,
            "origin": f"http://{door.host}",
            "sec-fetch-site": "same-origin",
            "cookie": cookie,
        },
    )
    http.cookies.clear()  # each login is another browser's
    if end.status_code != 303 or "gw=" not in end.headers.get("set-cookie", ""):
        raise RuntimeError(f"a login did not end: {end.status_code} {end.text[:300]}")
