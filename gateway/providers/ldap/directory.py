"""What a directory is asked: whether this is the password of that person, and what has become of them.

    sign in   the service account finds one entry, by whatever name was typed; a connection of its own is bound as that
              entry, once; the entry is read back on it. A yes that nobody stands behind is a no (RFC 4513 section 5.1.2:
              a bind without a password succeeds, as nobody)
    look      the service account reads the entry again, by the name that never changes
    prove     one more bind as an entry that was found, and nothing else

Without a service account people find themselves: bound as user@domain first, and then as the entry that was found, which
is the proof that it is theirs. Everything here waits, in a thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.errors import (
    PasswordRefused,
    ProviderFault,
    ProviderLied,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from gateway.providers.account import Account
from gateway.providers.ldap import standing
from gateway.providers.ldap.controllers import Controllers, worst
from gateway.providers.ldap.entry import Entry, key_bytes
from gateway.providers.ldap.errand import Errand, OutOfTime
from gateway.providers.ldap.filters import anybody, compared, equals, filled, person_filter
from gateway.providers.ldap.groups import GroupLookup
from gateway.providers.ldap.naming import NAMES, is_spelt
from gateway.providers.ldap.refusals import SIZE_LIMIT_EXCEEDED, SUCCESS, failed, refused_login
from gateway.providers.ldap.service import Dial, Service
from gateway.providers.ldap.wire import Link, Search, base_search
from gateway.settings.ldap import LdapProvider
from gateway.settings.ldap_address import LdapAddress

_NOBODY = "CN=gateway-nobody"


@dataclass(frozen=True, slots=True)
class Person:
    """An entry, the names of its groups, and the value of its key attribute as a text."""

    key: str
    entry: Entry
    groups: tuple[str, ...]


class Directory:
    """`attributes` are those that the claims are made of; `service` is `None` where people search themselves."""

    def __init__(
        self,
        provider: str,
        section: LdapProvider,
        attributes: tuple[str, ...],
        controllers: Controllers,
        dial: Dial,
        service: Service | None,
    ) -> None:
        self._provider = provider
        self._section = section
        self._controllers = controllers
        self._dial = dial
        self._service = service
        self._groups = GroupLookup(provider, section)
        state = (
            (*standing.OF_A_PERSON, standing.LOCKED_SINCE) if section.active else (standing.OPENLDAP_CHANGED,)
        )
        self._names = compared(section.filter, "name") if section.filter else NAMES
        self._attributes = tuple(
            dict.fromkeys((section.key, *self._names, *attributes, *self._groups.attributes, *state))
        )

    def sign_in(self, errand: Errand, account: Account, password: str, now: int) -> Person:
        """Who it is. Raises `PasswordRefused`, or a `ProviderFault`; nobody is asked again after a no."""
        if self._service is None:
            return self.by_themselves(errand, account, password)
        service = self._service
        entry = service.ask(errand, lambda link: self._called(link, account))
        # Who does not exist is bound as well, as nobody: the answer takes as long, and is the same.
        try:
            self._prove(errand, entry.dn if entry else f"{_NOBODY},{self._section.base}", password, entry)
        except PasswordRefused as refused:
            raise self._with_time(errand, refused, entry, now) from None
        if entry is None:
            raise PasswordRefused(self._provider, trace={"found": "0"})
        return service.ask(errand, lambda link: self._person(link, entry))

    def find(self, errand: Errand, account: Account) -> str:
        """The key of whom a name means; "" for nobody, and without a service account."""
        if self._service is None:
            return ""
        entry = self._service.ask(errand, lambda link: self._called(link, account))
        return entry.name_for_ever(self._section.key) if entry else ""

    def look(self, errand: Errand, key: str) -> Person | None:
        """The person with this key, `None` where there is none any more."""
        if self._service is None:
            raise ProviderMisconfigured(self._provider, "no service account", "add bind_dn and bind_password")
        return self._service.ask(errand, lambda link: self._again(link, key))

    @property
    def has_service(self) -> bool:
        """Whether somebody can look without the person."""
        return self._service is not None

    def close(self) -> None:
        if self._service is not None:
            self._service.close()

    # Finding

    def _filter(self, account: Account) -> str:
        section = self._section
        if section.filter:
            return filled(section.filter, {"name": account.name, "domain": account.domain})
        suffixes = [spelt for spelt, meant in section.spellings.items() if meant == account.domain]
        return person_filter(account.name, suffixes)

    def _called(self, link: Link, account: Account) -> Entry | None:
        """The person of a name, who must have it as it was typed."""
        entry = self._found(link, self._filter(account))
        if entry is None or is_spelt(entry, self._names, account.name):
            return entry
        if not any(entry.texts(name) for name in self._names):
            mend = "let the service account read it, or write its usual name in filter"
            raise ProviderMisconfigured(self._provider, f"{' or '.join(self._names)} cannot be read", mend)
        return None

    def _found(self, link: Link, text: str) -> Entry | None:
        """The only entry; two are as good as none, for nobody knows which of them is meant."""
        found = link.search(Search(self._section.base, text, self._attributes, limit=2))
        if found.outcome.code not in {SUCCESS, SIZE_LIMIT_EXCEEDED}:
            raise failed(self._provider, "a search for people", found.outcome)
        only = len(found.entries) == 1 and found.outcome.code == SUCCESS
        return found.entries[0] if only else None

    def _person(self, link: Link, entry: Entry) -> Person:
        key = entry.name_for_ever(self._section.key)
        if not key:
            raise ProviderMisconfigured(
                self._provider,
                f"{self._section.key} cannot be read",
                "let the service account read it, or write key",
            )
        return Person(key, entry, self._groups.read(link, entry))

    def _again(self, link: Link, key: str) -> Person | None:
        try:
            asked = equals(self._section.key, key_bytes(self._section.key, key))
        except ValueError:
            raise ProviderLied(
                self._provider, "key: the session names a person by another attribute"
            ) from None
        if self._section.filter:
            # Whom the operator's filter would not find today is as good as gone.
            asked = f"(&{asked}{anybody(self._section.filter)})"
        entry = self._found(link, asked)
        if entry is None:
            # Nobody is there, or nobody may be seen: the account's own rights may be what has changed.
            self._sees_the_base(link)
            return None
        return self._person(link, entry)

    def _sees_the_base(self, link: Link) -> None:
        found = link.search(base_search(self._section.base, ("objectClass",)))
        if found.outcome.code != SUCCESS or not found.entries:
            raise failed(self._provider, "a look at base", found.outcome)

    # Proving

    def by_themselves(self, errand: Errand, account: Account, password: str) -> Person:
        """Who it is, by nobody's sign-in but their own. Raises what `sign_in` raises."""
        with self._connection(errand) as link:
            self._bind(link, f"{account.name}@{account.domain}", password)
            entry = self._called(link, account)
            if entry is None:
                raise PasswordRefused(self._provider, trace={"found": "0"})
            self._bind(link, entry.dn, password)
            self._read_back(link, entry)
            return self._person(link, entry)

    def prove(self, errand: Errand, entry: Entry, password: str) -> None:
        """Whether this is the password of an entry that was found. Raises what `sign_in` raises."""
        self._prove(errand, entry.dn, password, entry)

    def _prove(self, errand: Errand, dn: str, password: str, entry: Entry | None) -> None:
        """Bind once, and see that the person stands behind the yes."""
        with self._connection(errand) as link:
            self._bind(link, dn, password)
            if entry is not None:
                self._read_back(link, entry)

    @contextmanager
    def _connection(self, errand: Errand) -> Iterator[Link]:
        """A new connection to the first controller that takes one. What is sent over it is sent to no other."""
        address, link = self._connected(errand)
        try:
            yield link
        except OutOfTime:
            raise
        except ProviderUnavailable:
            self._controllers.failed(address)
            raise
        finally:
            link.close()

    def _connected(self, errand: Errand) -> tuple[LdapAddress, Link]:
        seen: list[ProviderUnavailable] = []
        for address in self._controllers.in_order():
            try:
                return address, self._dial(address, errand)
            except OutOfTime:
                raise
            except ProviderUnavailable as fault:
                self._controllers.failed(address)
                seen.append(fault)
        raise worst(seen)

    def _bind(self, link: Link, name: str, password: str) -> None:
        try:
            outcome = link.bind(name, password)
        except ProviderUnavailable as lost:
            # It may have arrived, and have been counted: whoever limits tries has to know.
            raise ProviderUnavailable(
                self._provider, lost.detail, ambiguous=True, remedy=lost.remedy
            ) from None
        if outcome.code != SUCCESS:
            raise refused_login(self._provider, outcome)

    def _read_back(self, link: Link, entry: Entry) -> None:
        """Whether the connection is the person's: it must say so itself, and see them.

        Of Active Directory strangers read nothing, so that seeing is enough; elsewhere they may.
        """
        found = link.search(base_search(entry.dn, (self._section.key,)))
        seen = found.entries[0].name_for_ever(self._section.key) if len(found.entries) == 1 else ""
        if not seen or seen != entry.name_for_ever(self._section.key):
            raise self._nobody("the entry that signed in cannot be read back by it")
        if not self._section.active and _plain(link.who_am_i() or "") != _plain(f"dn:{entry.dn}"):
            raise self._nobody("the directory does not say that it is the entry that signed in (RFC 4532)")

    def _nobody(self, what: str) -> ProviderFault:
        return ProviderLied(self._provider, f"bind: {what}", remedy="let people read their own entry")

    def _with_time(
        self, errand: Errand, refused: PasswordRefused, entry: Entry | None, now: int
    ) -> PasswordRefused:
        """A lock that ends by itself, with the time until it does."""
        domain = self._section.groups_under
        if refused.reason != "account_locked" or entry is None or self._service is None:
            return refused
        try:
            lasts = self._service.ask(
                errand, lambda link: link.search(base_search(domain, (standing.LOCK_LASTS,)))
            )
        except ProviderFault:
            return refused
        # The entry was read before the bind, which may have been the one too many: then it says nothing yet.
        seconds = standing.locked_for(entry, lasts.entries[0] if lasts.entries else None, now)
        return PasswordRefused(self._provider, refused.reason, retry_after=seconds, trace=refused.trace)


def _plain(dn: str) -> str:
    """A DN without what means nothing: case, and blanks around its separators."""
    return ",".join(
        ["=".join([side.strip() for side in part.split("=", 1)]) for part in dn.casefold().split(",")]
    )
