"""Tries at passwords, as they are counted: of a name, of whomever it turns out to mean, and of an address prefix.

    name     ┐ in one step of the store, before the directory hears anything
    address  ┘
    found    once the directory has said whom the name means, and before it is asked about the password

Laws:

1. An account has one number of tries, whoever makes them. The last third of it is kept for browsers in which the account
   has signed in before (`login.familiar`): strangers cannot use it up, and so shut nobody out of their own form. It is
   a part of the same number: no browser, and no number of them, brings a directory one try more.
2. Two names of one account (sAMAccountName and the prefix of the UPN) meet in the count of whom they mean.
3. A name that means nobody takes the same steps.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from hashlib import sha256
from hmac import digest
from typing import NamedTuple

from gateway.errors import Limited, StoreFault
from gateway.login.way import Client
from gateway.settings.login import PasswordLimits
from gateway.storage.store import Bucket, Store


class Caller(Enum):
    """Who asks, as far as that changes what is counted."""

    PERSON = "person"
    KNOWN = "known"
    """A person in a browser in which the account has signed in before."""
    SCRIPT = "script"
    """It comes again by itself, every minute."""
    PROVEN = "proven"
    """A script with the very credential that was right before. It does not guess, so its tries are counted apart from
    those of the account: else whoever guesses at that could shut it out."""


class Taken(NamedTuple):
    """One try, as it was counted: the buckets that it was taken from, and the caller as whom."""

    account: tuple[Bucket, ...]
    address: Bucket
    caller: Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """`key` makes what is counted into names that say nothing; `clock` is in Unix seconds."""

    limits: PasswordLimits
    store: Store
    clock: Callable[[], float]
    key: bytes = field(repr=False)

    def name(self, counted: str) -> str:
        """A name for what is counted. Keyed: whoever reads the store or the log learns nothing by trying a list."""
        return digest(self.key, counted.encode(), sha256).hex()

    async def take_address(self, client: Client) -> None:
        """Count a try that reaches no directory; `Limited` where the address has none left."""
        await self._count(self._address(client))

    async def take(self, counted: str, client: Client, caller: Caller) -> Taken:
        """Count a try at a name, before anybody is asked; `Limited` where there is none left."""
        mine, address = self._account(counted), self._address(client)
        if caller is Caller.PROVEN:
            apart = replace(self._for_strangers(mine), key=f"{mine.key}:proven")
            with contextlib.suppress(Limited):
                await self._count(apart, address)
                return Taken((apart,), address, caller)
            caller = Caller.SCRIPT
        await self._count(self._for(caller, mine), address)
        return Taken((mine,), address, caller)

    async def take_found(self, taken: Taken, found: str) -> Taken:
        """Count the same try at whom the name means; `Limited` where other names of theirs have used them up."""
        if taken.caller is Caller.PROVEN:
            return taken
        theirs = self._account(found)
        try:
            await self._count(self._for(taken.caller, theirs))
        except Limited:
            # No password was looked at. But a place at the gate was taken and the directory searched, and without a try
            # of the address that would cost nobody anything.
            await self._settle(*[replace(bucket, cost=-1) for bucket in taken.account])
            raise
        return taken._replace(account=(*taken.account, theirs))

    async def right(self, taken: Taken) -> None:
        """A directory forgets wrong passwords after a right one, and so do we: who mistyped twice is not punished.

        The address gets back this one try alone: whoever knows one password must not buy tries at others with it. Nor
        must a script: it is right every minute, and would bring strangers new tries at its account each time.
        """
        back = self.limits.per_account if taken.caller in {Caller.PERSON, Caller.KNOWN} else 1
        account = [replace(bucket, cost=-back) for bucket in taken.account]
        await self._settle(*account, replace(taken.address, cost=-1))

    async def wrong(self, taken: Taken) -> None:
        """It was counted before. But what was right, and is no longer, is known as right to other workers too: the rest
        of these tries goes, so that the next of them meets the limit of the account, and not the directory's own.
        """
        if taken.caller is Caller.PROVEN:
            await self._settle(*[replace(bucket, cost=bucket.burst - 1) for bucket in taken.account])

    async def give_back(self, taken: Taken) -> None:
        """Nobody was asked for a verdict: nobody has to wait for it once an outage is over."""
        await self._settle(*[replace(bucket, cost=-1) for bucket in (*taken.account, taken.address)])

    async def doubtful(self, taken: Taken) -> None:
        """Nobody answered, and the directory may have counted it all the same. But who was right does not guess."""
        if taken.caller is Caller.PROVEN:
            await self._settle(*[replace(bucket, cost=-1) for bucket in taken.account])

    def _account(self, counted: str) -> Bucket:
        # The braces keep it on one node of a cluster with that of the address, so that both are taken in one step.
        key = f"limit:{{passwords}}:account:{self.name(counted)}"
        return Bucket(key, self.limits.per_account, self.limits.account_period)

    def _address(self, client: Client) -> Bucket:
        key = f"limit:{{passwords}}:address:{client.prefix}"
        return Bucket(key, self.limits.per_address, self.limits.address_period)

    def _for(self, caller: Caller, bucket: Bucket) -> Bucket:
        return bucket if caller is Caller.KNOWN else self._for_strangers(bucket)

    def _for_strangers(self, bucket: Bucket) -> Bucket:
        """The same bucket, in which tries come back as fast, as it looks to whoever may use two thirds of it."""
        burst = self.limits.for_strangers
        return replace(bucket, burst=burst, period=bucket.period / bucket.burst * burst)

    async def _count(self, *buckets: Bucket) -> None:
        wait = await self.store.count(buckets, self.clock())
        if wait > 0:
            raise Limited(wait)

    async def _settle(self, *buckets: Bucket) -> None:
        """Give tries back, or take more of them, once the answer is known. No answer changes by it."""
        with contextlib.suppress(StoreFault):
            await self.store.count(buckets, self.clock())
