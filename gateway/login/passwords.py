"""Names and passwords: the one service behind the form, the JSON login and HTTP Basic.

    one canonical name → limits of the account and of the address → gate → provider → is welcome here

Laws:

1. A name is counted in its one spelling, so that writing it differently brings no new tries (CVE-2025-24806,
   CVE-2026-47203), and before the directory is asked, so that ours is the limit that is met first.
2. Names that nobody has take the same way as names that somebody has: counted, asked about, refused by the provider.
3. Without a store nobody can count, and so nobody signs in: `StoreFault`.
4. Over everybody there is a bound on concurrency and none on the number (CVE-2026-77561).
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from hashlib import sha256
from hmac import digest
from typing import NamedTuple

from gateway.errors import (
    Limited,
    Malformed,
    NotAllowed,
    PasswordRefused,
    ProviderUnavailable,
    StoreFault,
)
from gateway.identity.identity import Identity
from gateway.login.gate import Gate
from gateway.login.way import Client
from gateway.providers.account import LONGEST, Account
from gateway.providers.provider import ChecksPasswords, SignedIn
from gateway.settings.login import PasswordLimits
from gateway.storage.store import Bucket, Store

MARK = 12
"""Characters of an account's mark in the log."""


class Caller(Enum):
    """Who asks, as far as that changes what is counted."""

    PERSON = "person"
    SCRIPT = "script"
    """It comes again by itself, every minute."""
    PROVEN = "proven"
    """A script with the very credential that was right before. It does not guess, so its tries are counted apart from
    those of the account: else whoever guesses at that could shut it out."""


class _Counted(NamedTuple):
    """One try, as it was counted; `caller` is the one as whose it was."""

    account: Account
    mine: Bucket
    address: Bucket
    caller: Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """Checks passwords. `key` makes names of accounts into names that say nothing; `clock` is in Unix seconds.

    `admits` says whether the provider's `allow:` lists a person. `gates` has one for each provider; they are made here.
    """

    providers: Mapping[str, ChecksPasswords]
    limits: PasswordLimits
    store: Store
    admits: Callable[[Identity], bool]
    clock: Callable[[], float]
    key: bytes = field(repr=False)
    gates: dict[str, Gate[SignedIn]] = field(default_factory=dict, repr=False)

    async def check(
        self,
        provider: str,
        typed: str,
        domain: str,
        password: str,
        client: Client,
        caller: Caller = Caller.PERSON,
    ) -> SignedIn:
        """Who has signed in at `provider`, by a name as it was typed and the domain that was chosen ("" for none).

        Raises `PasswordRefused`, `Limited`, `NotAllowed`, a `ProviderFault` or `StoreFault`; `Malformed` for a
        provider that there is not. A caller that is cancelled cancels no check that is under way.
        """
        asked = self.providers.get(provider)
        if asked is None:
            raise Malformed("provider_unknown")
        counted = await self._counted(asked, typed, domain, password, client, caller)
        gate = self.gates.setdefault(provider, Gate(provider, self.limits.at_once, self.limits.deadline))
        try:
            signed_in = await gate.pass_through(lambda: self._ask(asked, counted, password))
        except ProviderUnavailable as fault:
            await self._unanswered(counted, fault)
            raise
        if not self.admits(signed_in.identity):
            raise NotAllowed(signed_in.identity.key, "is not among those whom `allow:` lists")
        return signed_in

    def mark(self, provider: str, typed: str, domain: str) -> str:
        """A short name for an account that joins lines of the log and says nothing; "" for what is no name.

        What was typed is not logged: people type passwords into the field above. A line of the same account that
        ended well has both the mark and the person.
        """
        asked = self.providers.get(provider)
        try:
            return self._name(provider, asked.account(typed, domain))[:MARK] if asked else ""
        except PasswordRefused:
            return ""

    async def close(self, patience: float) -> None:
        """Let checks land that are under way, for at most `patience` seconds."""
        for gate in self.gates.values():
            await gate.close(patience)

    async def _counted(
        self,
        asked: ChecksPasswords,
        typed: str,
        domain: str,
        password: str,
        client: Client,
        caller: Caller,
    ) -> _Counted:
        """What was counted of the account. Of what no directory is asked about the address counts."""
        address = self._address(client)
        try:
            account = asked.account(typed, domain)
            check_usable(asked.name, password)
        except PasswordRefused:
            await self._count(address)
            raise
        mine = self._account(asked.name, account)
        if caller is Caller.PROVEN:
            apart = replace(mine, key=f"{mine.key}:proven")
            with contextlib.suppress(Limited):
                await self._count(apart, address)
                return _Counted(account, apart, address, caller)
            caller = Caller.SCRIPT
        await self._count(mine, address)
        return _Counted(account, mine, address, caller)

    async def _ask(self, asked: ChecksPasswords, counted: _Counted, password: str) -> SignedIn:
        mine, address = counted.mine, counted.address
        try:
            signed_in = await asked.check_password(counted.account, password, int(self.clock()))
        except PasswordRefused:
            if counted.caller is Caller.PROVEN:
                # It was right and is no longer. The other workers know it as right too: the rest of these tries goes, so
                # that the next of them meets the limit of the account, and not the directory's own.
                await self._settle(replace(mine, cost=mine.burst - 1))
            raise
        # A directory forgets wrong passwords after a right one, and so do we: whoever mistyped twice is not punished.
        # The address gets back this one try alone: whoever knows one password must not buy tries at others with it.
        # Nor must a script: it is right every minute, and would bring strangers new tries at its account each time.
        back = mine.burst if counted.caller is Caller.PERSON else 1
        await self._settle(replace(mine, cost=-back), replace(address, cost=-1))
        return signed_in

    async def _unanswered(self, counted: _Counted, fault: ProviderUnavailable) -> None:
        """Give back what was no try, so that nobody has to wait once an outage is over."""
        mine, address = replace(counted.mine, cost=-1), replace(counted.address, cost=-1)
        if not fault.ambiguous:
            # Nobody was asked for a verdict. Else the directory may have counted a try too.
            await self._settle(mine, address)
        elif counted.caller is Caller.PROVEN:
            # But who was right before does not guess.
            await self._settle(mine)

    async def _count(self, *buckets: Bucket) -> None:
        wait = await self.store.count(buckets, self.clock())
        if wait > 0:
            raise Limited(wait)

    async def _settle(self, *buckets: Bucket) -> None:
        """Give tries back, or take more of them, once the answer is known. No answer changes by it."""
        with contextlib.suppress(StoreFault):
            await self.store.count(buckets, self.clock())

    def _account(self, provider: str, account: Account) -> Bucket:
        name, limits = self._name(provider, account), self.limits
        # The braces keep it on one node of a cluster with that of the address, so that both are taken in one step.
        return Bucket(f"limit:{{passwords}}:account:{name}", limits.per_account, limits.account_period)

    def _address(self, client: Client) -> Bucket:
        limits = self.limits
        return Bucket(
            f"limit:{{passwords}}:address:{client.prefix}", limits.per_address, limits.address_period
        )

    def _name(self, provider: str, account: Account) -> str:
        # Keyed: whoever reads the store or the log learns no name by trying a list of them.
        return digest(self.key, f"{provider}\0{account.counted}".encode(), sha256).hex()


def check_usable(provider: str, password: str) -> None:
    """Return for a password that a directory may be asked about; else `PasswordRefused`.

    An empty one is an unauthenticated bind, which succeeds (RFC 4513 section 5.1.2); behind a NUL some library stops
    reading; half a surrogate, which JSON can spell, is no text.
    """
    half = any("\ud800" <= character <= "\udfff" for character in password)
    if not 0 < len(password) <= LONGEST or "\0" in password or half:
        raise PasswordRefused(provider)
