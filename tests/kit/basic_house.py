"""The verify listener with rules that read HTTP Basic, over a directory that counts what it is asked.

house = await open_basic_house()
answer = await house.ask("forward-auth", "/api/x", headers=[basic("ann", "ann's")])
"""

from base64 import b64encode
from dataclasses import replace
from typing import Any

from gateway.forward_auth.basic import Basic
from gateway.forward_auth.check import Check
from gateway.login.passwords import Passwords
from gateway.sessions.rights import Rights
from gateway.settings.credentials import takes_authorization
from tests.kit.password_provider import PasswordDirectory
from tests.kit.verify_house import IDENTITIES, WRITTEN, VerifyHouse

PROVIDERS = {
    **WRITTEN["providers"],
    "local": {"type": "users-file", "file": "people.yaml"},
}
RULES = [
    {"name": "api", "paths": ["/api/**"], "accept": ["session", "basic"], "allow": "authenticated"},
    {"name": "only", "paths": ["/only/**"], "accept": "basic", "allow": "authenticated"},
    {"name": "perhaps", "paths": ["/perhaps/**"], "accept": ["session", "basic"], "allow": "optional"},
    {
        "name": "vault",
        "paths": ["/vault/**"],
        "accept": ["session", "basic"],
        "allow": "authenticated",
        "freshness": "strict",
    },
    {
        "name": "handed",
        "paths": ["/handed/**"],
        "accept": ["session", "basic"],
        "pass_authorization": True,
        "allow": "authenticated",
    },
    {
        "name": "ops",
        "paths": ["/ops/**"],
        "accept": ["session", "basic"],
        "allow": {"groups": ["ops"]},
    },
    *WRITTEN["rules"],
]


class BasicHouse(VerifyHouse):
    """`directory` is asked through the service that limits, gates and admits; `admitted` says whom `allow:` lists."""

    def __init__(self, **changes: Any) -> None:
        self.admitted = True
        super().__init__(**{"providers": PROVIDERS, "rules": RULES, **changes})

    def _check(self) -> Check:
        settings = self.settings
        self.directory = PasswordDirectory(name="local")
        self.passwords = Passwords(
            providers={"local": self.directory},
            limits=settings.login.passwords,
            store=self.store,
            admits=lambda _: self.admitted,
            clock=self.clock,
            key=b"k" * 32,
        )
        deployment, lifetime = self.ring.deployment, settings.sessions.absolute
        self.rights = Rights(self.store, self.ring, deployment, lifetime, self.clock, self.random)
        self.basic = Basic(
            self.passwords,
            self.rights,
            self.bus,
            self.events.append,
            "local",
            self.clock,
            self.clock,
            self.random,
        )
        check = super()._check()
        return replace(check, schemes={"basic": self.basic}, takes=takes_authorization(settings))


async def open_basic_house(**changes: Any) -> BasicHouse:
    """A house with `alice` and `admin` signed in by cookie."""
    house = BasicHouse(**changes)
    for who in IDENTITIES:
        await house.sign_in(who)
    return house


def basic(name: str, password: str) -> tuple[bytes, bytes]:
    """The header line of a credential."""
    return authorization(b"Basic " + b64encode(f"{name}:{password}".encode()))


def authorization(value: bytes) -> tuple[bytes, bytes]:
    return b"authorization", value
