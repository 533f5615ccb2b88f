"""People of a file: for the smallest installation, and for the day on which nothing else answers.

A name that is not in the file takes as long as one that is: it is tried against a hash that nobody's password has, of
the same cost. Hashes are tried in two threads at most, each of which takes the memory that a hash costs (64 MiB).

What a session keeps of the entry is a fingerprint of the salt: it is new with every hash, and says nothing of the
password. So a changed password ends the sessions of the old one, and nobody who opened them could guess at it.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from gateway.errors import NotAllowed, PasswordRefused, ProviderRefused, ProviderUnavailable
from gateway.identity.identity import Identity
from gateway.keys.password_hash import PasswordHash, stand_in
from gateway.observe.events import Alarm, Emit
from gateway.providers.account import LONGEST, Account, Spellings
from gateway.providers.provider import Refreshed, SignedIn
from gateway.providers.reading import Reading
from gateway.providers.users_source import UsersSource
from gateway.sessions.session import Grant
from gateway.settings.password_sections import UsersFileProvider
from gateway.settings.provider_section import ClaimPaths
from gateway.settings.users_file import User, Users

T = TypeVar("T")

THREADS = 2
_ROOM = "give the process room for two hashes (64 MiB each, as `gateway users hash` makes them), or make them anew"
_REMEDY = "mend the file; `gateway users check` says what is wrong with it"


class UsersFile:
    """One file. `several` says that there are other providers. Making one reads nothing.

    `fits` tries a password against a hash, in a thread.
    """

    domains: tuple[str, ...] = ()

    def __init__(
        self,
        section: UsersFileProvider,
        name: str,
        *,
        several: bool,
        emit: Emit,
        timer: Callable[[], float] = time.monotonic,
        fits: Callable[[PasswordHash, str], bool] = PasswordHash.fits,
    ) -> None:
        self.name = name
        self.title = section.title or name
        # With the name in it: ann of one file is not ann of another.
        self.issuer = f"users-file:{name}"
        self._recheck = section.recheck
        self._reading = Reading.of(section, name, self.issuer, ClaimPaths(), several=several)
        self._spellings = Spellings()
        self._fits = fits
        self._emit = emit
        self._source = UsersSource(Path(section.file), timer)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"users-{name}")

    def account(self, typed: str, domain: str) -> Account:  # noqa: ARG002 (a file has no domains)
        """The name in one spelling; `PasswordRefused` for what is none."""
        found = self._spellings.read(typed)
        if found is None:
            raise PasswordRefused(self.name, "name_malformed")
        return found

    async def check_password(self, account: Account, password: str, now: int) -> SignedIn:
        """Raises `PasswordRefused`, and `ProviderUnavailable` where there never was a file that is good."""
        user, fits = await self._aside(partial(self._try, account.name, password))
        if user is None or not fits:
            raise PasswordRefused(self.name)
        return SignedIn(self._identity(account.name, user, now), self._grant(account.name, user, now))

    async def recheck(self, grant: Grant, identity: Identity, now: int) -> Refreshed:
        """Who is not in the file any more, or has another password there, is out; groups are those of now."""
        user = (await self._aside(self._users)).people.get(grant.account)
        if user is None or _stamp(grant.account, user) != grant.stamp:
            reason = "refresh_dead" if user else "account_disabled"
            raise ProviderRefused(self.name, "not as it was", reason=reason, terminal=True)
        renewed = self._grant(grant.account, user, now)
        try:
            return Refreshed(renewed, self._identity(grant.account, user, identity.authenticated_at))
        except NotAllowed:
            return Refreshed(renewed, barred=True)

    async def close(self) -> None:
        """Let go of the threads; a hash that is being tried is nobody's any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _try(self, name: str, password: str) -> tuple[User | None, bool]:
        """Whoever has the name, and whether the password is theirs. One hash is tried, whatever comes of it."""
        users = self._users()
        user = users.people.get(name)
        tried = user.password if user else stand_in(users.cost)
        try:
            fits = self._fits(tried, password[:LONGEST])
        except MemoryError:
            raise ProviderUnavailable(self.name, "no memory to try a hash", remedy=_ROOM) from None
        return user, fits and 0 < len(password) <= LONGEST

    def _users(self) -> Users:
        found = self._source.users()
        if found is None:
            raise ProviderUnavailable(self.name, "its file is not there, or broken", remedy=_REMEDY)
        return found

    async def _aside(self, work: Callable[[], T]) -> T:
        # A hash takes a tenth of a second, and a disk may take any time: neither holds up anybody else.
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            while self._source.news:
                self._emit(Alarm("users_file", self._source.news.popleft()))

    def _identity(self, key: str, user: User, at: int) -> Identity:
        claims = {
            "username": user.name,
            "name": user.shown,
            "email": user.email,
            # The operator wrote it there; nobody else vouches for anything in the file.
            "email_verified": bool(user.email),
            "groups": list(user.groups),
        }
        return self._reading.identity([claims], ("", key), at)

    def _grant(self, key: str, user: User, now: int) -> Grant:
        return Grant(
            provider=self.name,
            begun=now,
            expires=now + max(1, int(self._recheck)),
            account=key,
            stamp=_stamp(key, user),
            recheck=True,
        )


def _stamp(key: str, user: User) -> str:
    """Another one whenever the password was hashed anew; of the hash itself nothing goes in."""
    return hashlib.sha256(b"users-file\0" + key.encode() + b"\0" + user.password.salt).hexdigest()[:32]
