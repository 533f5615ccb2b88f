"""The whole gateway with first-party tokens on: people of a file, a provider with redirects, a client of its own.

async with token_house(tmp_path) as house:
    pair = (await house.sign_in_by_json()).json()
    answer = await house.say("/api/x", headers=bearer(pair))
"""

import json
import secrets
from base64 import urlsafe_b64encode
from contextlib import asynccontextmanager
from functools import lru_cache
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from gateway.keys.keyring import Keyring
from tests.kit.clock import Clock
from tests.kit.users_file import person, write_people
from tests.kit.verify_house import CLIENT
from tests.kit.wired import APP, AUTH, wired

SPA, EVIL = "https://spa.example.net", "https://evil.example"
ADDRESS = f"{SPA}/signed-in"
MOBILE = "com.example.app:/signed-in"
VERIFIER = "a-verifier-of-forty-three-characters-or-more"
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
RULES = [
    {"name": "public", "paths": ["/public/**"], "allow": "public"},
    {"name": "api", "paths": ["/api/**"], "allow": "authenticated", "accept": ["session", "bearer"]},
    {"name": "robots", "paths": ["/robots/**"], "allow": "authenticated", "accept": "bearer"},
    {
        "name": "vault",
        "paths": ["/vault/**"],
        "allow": "authenticated",
        "accept": ["session", "bearer"],
        "freshness": "strict",
    },
    {
        "name": "staff",
        "paths": ["/staff/**"],
        "allow": {"groups": ["people:staff"]},
        "accept": ["session", "bearer"],
    },
    {"name": "perhaps", "paths": ["/perhaps/**"], "allow": "optional", "accept": ["session", "bearer"]},
    {"name": "rest", "allow": "authenticated"},
]
TOKENS = {
    "enabled": True,
    "algorithm": "ES256",
    "origins": [SPA],
    "clients": {"spa": {"return_addresses": [ADDRESS]}, "app": {"return_addresses": [MOBILE]}},
}
JSON = {"content-type": "application/json"}


@lru_cache(8)
def token_ring(algorithm="ES256"):
    """One for all tests of a process: an RSA key takes a second to make."""
    return Keyring.generate(secrets.token_bytes, Clock()()).for_tokens(
        algorithm, secrets.token_bytes, Clock()()
    )


class TokenHouse:
    """A wired gateway, and the calls of a client that keeps no cookie. All else is the wired house's own."""

    def __init__(self, house):
        self.house = house

    def __getattr__(self, name):
        return getattr(self.house, name)

    async def post(self, path, body, headers=None, peer=CLIENT, method="POST"):
        """One call of a program; a body that is text is sent as it is."""
        content = body if isinstance(body, (str, bytes)) else json.dumps(body)
        transport = httpx.ASGITransport(self.house.apps["bind"], client=(peer, 50000))
        async with httpx.AsyncClient(transport=transport, base_url=AUTH) as client:
            # Pairs, where a line is to stand twice.
            lines = [*JSON.items(), *headers] if isinstance(headers, list) else {**JSON, **(headers or {})}
            return await client.request(method, path, content=content, headers=lines)

    async def sign_in_by_json(self, headers=None, **more):
        body = {"username": "ann", "password": "correct horse", **more}
        return await self.post("/auth/login", body, headers)

    async def refresh(self, token, headers=None):
        return await self.post("/auth/refresh", {"refresh_token": token}, headers)

    async def begin_for_client(self, browser=None, **changes):
        """The hop at which a redirect login for a client ends."""
        asked = {
            "client": "spa",
            "rd": ADDRESS,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "state": "s-1",
        } | changes
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return await (browser or self.house.browser()).open(f"{AUTH}/auth/corp?{query}")

    async def code(self):
        """A code as the client finds it in its address."""
        hop = await self.begin_for_client()
        return dict(parse_qsl(urlsplit(hop.location).query))["code"]

    async def redeem(self, code, **changes):
        body = {"code": code, "code_verifier": VERIFIER, "client": "spa", "rd": ADDRESS} | changes
        return await self.post("/auth/refresh", body)


@asynccontextmanager
async def token_house(folder, algorithm="ES256", tokens=None, **changes):
    """Open it, and take it down."""
    people = folder / "people.yaml"
    write_people(
        people, ann=person(name="Ann Example", email="ann@example.com", groups=["staff"]), bob=person()
    )
    section = {"type": "users-file", "file": str(people), "user": "people:{username}"}
    given = {
        "rules": RULES,
        "tokens": {**TOKENS, "algorithm": algorithm, **(tokens or {})},
        "more": {"people": section},
        "ring": token_ring(algorithm),
        "corp": {"user": "corp:{preferred_username}"},
        **changes,
    }
    async with wired(folder, **given) as house:
        yield TokenHouse(house)


def bearer(pair, scheme="Bearer"):
    """The header line of a pair, or of the text of a token."""
    token = pair if isinstance(pair, str) else pair["access_token"]
    return {"authorization": f"{scheme} {token}"}


__all__ = [
    "ADDRESS",
    "APP",
    "AUTH",
    "EVIL",
    "MOBILE",
    "SPA",
    "VERIFIER",
    "TokenHouse",
    "bearer",
    "token_house",
]
