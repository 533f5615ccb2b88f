"""Names and passwords: the one service behind the form, the JSON login and HTTP Basic.

    one canonical name → limits of the account and of the address → gate → whom it means, and their limit → provider
                                                                         → is welcome here

Laws:

1. A name is counted in its one spelling, so that writing it differently brings no new tries (CVE-2025-24806,
   CVE-2026-47203), and before the directory is asked, so that ours is the limit that is met first. Names that only the
   directory knows to be one account are counted there, before it is asked about the password.
2. Names that nobody has take the same way as names that somebody has: counted, asked about, refused by the provider.
3. Without a store nobody can count, and so nobody signs in: `StoreFault`.
4. Over everybody there is a bound on concurrency and none on the number (CVE-2026-77561).
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import (
    Malformed,
    NotAllowed,
    PasswordRefused,
    ProviderBusy,
    ProviderFault,
    ProviderUnavailable,
)
from gateway.identity.identity import Identity
from gateway.login.gate import Gate
from gateway.login.tries import Caller, Taken, Tries
from gateway.login.way import Client
from gateway.providers.account import LONGEST, Account
from gateway.providers.provider import ChecksPasswords, FindsAccounts, SignedIn
from gateway.settings.login import PasswordLimits
from gateway.storage.store import Store

MARK = 12
"""Characters of an account's mark in the log."""


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
        account = await self._account(asked, typed, domain, password, client)
        taken = await self._tries.take(_counted(asked, account), client, caller)
        signed_in = await self._pass(asked, account, password, taken)
        if not self.admits(signed_in.identity):
            raise NotAllowed(signed_in.identity.key, "is not among those whom `allow:` lists")
        return signed_in

    def account(self, provider: str, typed: str, domain: str) -> str:
        """The account that was typed, as it is counted; "" for what is no name. It names a person: not for the log."""
        asked = self.providers.get(provider)
        try:
            return _counted(asked, asked.account(typed, domain)) if asked else ""
        except PasswordRefused:
            return ""

    def mark(self, provider: str, typed: str, domain: str) -> str:
        """A short name for an account that joins lines of the log and says nothing; "" for what is no name.

        What was typed is not logged: people type passwords into the field above. A line of the same account that
        ended well has both the mark and the person.
        """
        account = self.account(provider, typed, domain)
        return self._tries.name(account)[:MARK] if account else ""

    async def close(self, patience: float) -> None:
        """Let checks land that are under way, for at most `patience` seconds."""
        for gate in self.gates.values():
            await gate.close(patience)

    @property
    def _tries(self) -> Tries:
        return Tries(limits=self.limits, store=self.store, clock=self.clock, key=self.key)

    async def _account(
        self, asked: ChecksPasswords, typed: str, domain: str, password: str, client: Client
    ) -> Account:
        """Whom to ask about. Of what no directory is asked about the address counts."""
        try:
            account = asked.account(typed, domain)
            check_usable(asked.name, password)
        except PasswordRefused:
            await self._tries.take_address(client)
            raise
        return account

    async def _pass(self, asked: ChecksPasswords, account: Account, password: str, taken: Taken) -> SignedIn:
        begun = False

        def question() -> Coroutine[Any, Any, SignedIn]:
            nonlocal begun
            begun = True
            return self._ask(asked, account, password, taken)

        gate = self.gates.setdefault(asked.name, Gate(asked.name, self.limits.at_once, self.limits.deadline))
        try:
            return await gate.pass_through(question)
        except ProviderBusy:
            if not begun:
                await self._tries.give_back(taken)
            raise

    async def _ask(self, asked: ChecksPasswords, account: Account, password: str, taken: Taken) -> SignedIn:
        """It goes on when nobody waits for it any more, so what came of it is settled here and nowhere else."""
        tries = self._tries
        if isinstance(asked, FindsAccounts):
            taken = await self._meant(asked, account, taken)
        try:
            signed_in = await asked.check_password(account, password, int(self.clock()))
        except PasswordRefused:
            await tries.wrong(taken)
            raise
        except ProviderUnavailable as fault:
            await (tries.doubtful(taken) if fault.ambiguous else tries.give_back(taken))
            raise
        await tries.right(taken)
        return signed_in

    async def _meant(self, asked: FindsAccounts, account: Account, taken: Taken) -> Taken:
        """The try, counted at whom the name means as well."""
        try:
            found = await asked.find(account)
        except ProviderFault:
            await self._tries.give_back(taken)
            raise
        # Who is nobody is counted too, so that the way is the same.
        theirs = f"found\0{asked.issuer}\0{found}" if found else f"nobody\0{_counted(asked, account)}"
        return await self._tries.take_found(taken, theirs)


def _counted(asked: ChecksPasswords, account: Account) -> str:
    return f"{asked.name}\0{account.counted}"


def check_usable(provider: str, password: str) -> None:
    """Return for a password that a directory may be asked about; else `PasswordRefused`.

    An empty one is an unauthenticated bind, which succeeds (RFC 4513 section 5.1.2); behind a NUL some library stops
    reading; half a surrogate, which JSON can spell, is no text.
    """
    half = any("\ud800" <= character <= "\udfff" for character in password)
    if not 0 < len(password) <= LONGEST or "\0" in password or half:
        raise PasswordRefused(provider)
