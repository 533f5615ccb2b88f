"""A directory that is a dictionary: for whatever asks about names and passwords.

directory = PasswordDirectory("corp", domains={"example": "EXAMPLE", "example.com": "EXAMPLE"})
directory.people["example\\alice"] = "right"
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.errors import GatewayError, PasswordRefused
from gateway.identity.identity import Identity
from gateway.providers.account import Account, Spellings
from gateway.providers.provider import SignedIn
from gateway.sessions.session import Grant


@dataclass
class PasswordDirectory:
    """`people` are passwords by `Account.key`. `asked` holds every question that came this far, in order.

    `answers` gives exceptions in place of answers, by account. Answers take `seconds`, and wait for `hold` where there
    is one.
    """

    name: str
    title: str = "Example Corp"
    domains: tuple[str, ...] = ()
    spellings: Spellings = field(default_factory=Spellings)
    people: dict[str, str] = field(default_factory=lambda: {"alice": "right", "bob": "blue"})
    answers: Mapping[str, GatewayError] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    seconds: float = 0.0

    @property
    def issuer(self) -> str:
        return f"directory:{self.name}"

    def account(self, typed: str, domain: str) -> Account:
        account = self.spellings.read(typed, domain)
        if account is None:
            raise PasswordRefused(self.name, "name_malformed")
        return account

    async def check_password(self, account: Account, password: str, now: int) -> SignedIn:
        self.asked.append((account.key, password))
        if self.hold is not None:
            await self.hold.wait()
        await asyncio.sleep(self.seconds)
        if account.key in self.answers:
            raise self.answers[account.key]
        if self.people.get(account.key) != password:
            raise PasswordRefused(self.name)
        identity = Identity(
            provider=self.name,
            issuer=self.issuer,
            subject=f"id-of-{account.key}",
            user=account.name,
            authenticated_at=now,
        )
        return SignedIn(identity, Grant(provider=self.name, begun=now))
