"""A directory by LDAP as a provider: names and passwords at the login, and a second look at intervals after it.

What is kept of the login is when the password was last set: another day means another password, and the session that it
began ends at the next look. The password itself is kept in the grant where the section says `relogin`, and nowhere else.
"""

import time
from collections.abc import Callable
from typing import Any

from gateway.errors import NotAllowed, PasswordRefused, ProviderLied
from gateway.identity.identity import Identity
from gateway.providers.account import LONGEST, Account, Spellings
from gateway.providers.claims import named_subject
from gateway.providers.ldap import standing
from gateway.providers.ldap.controllers import Controllers
from gateway.providers.ldap.directory import Directory, Person
from gateway.providers.ldap.second_look import SecondLook
from gateway.providers.ldap.service import Dial, Login, Service
from gateway.providers.ldap.survey import Surveyed, survey
from gateway.providers.ldap.workers import Workers
from gateway.providers.provider import Refreshed, SignedIn
from gateway.providers.reading import Reading
from gateway.providers.trust import trust_of
from gateway.sessions.session import Grant
from gateway.settings.ldap import LdapProvider
from gateway.settings.ldap_address import read_ldap_address

_GROUPS = "groups"
_KEY = "key"
_TRUSTED = "+trusted"
"""No attribute can be called so."""


class Ldap:
    """A section of type ldap. `dial` replaces the network, and `timer` the time (tests)."""

    def __init__(
        self,
        section: LdapProvider,
        name: str,
        *,
        several: bool,
        keeps: frozenset[str] = frozenset(),  # noqa: ARG002 (there are no tokens to keep)
        callback: str = "",  # noqa: ARG002 (nobody is sent back)
        dial: Dial | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._section = section
        self._name = name
        self._interval = max(int(section.recheck), 1)
        self._spellings = Spellings(section.spellings, section.usual_domain)
        paths = section.claims.model_copy(update={"email_verified": _TRUSTED} if section.trust_email else {})
        self._reading = Reading.of(section, name, section.home, paths, several=several)
        self._wanted = tuple([path for path in self._reading.wanted() if path not in {_GROUPS, _TRUSTED}])
        self._dial = dial or _dial(section, name)
        self._directory = self._connected(self._dial, timer)
        self._second_look = SecondLook(name, section, self._directory)
        self._workers = Workers(name, section.pool_size, timer)

    @property
    def name(self) -> str:
        return self._name

    @property
    def title(self) -> str:
        return self._section.title or self._name

    @property
    def issuer(self) -> str:
        return self._section.home

    @property
    def domains(self) -> tuple[str, ...]:
        """As `ChecksPasswords.domains`: with one domain there is nothing to choose."""
        canonical = tuple(dict.fromkeys(self._section.spellings.values()))
        return canonical if len(canonical) > 1 else ()

    def account(self, typed: str, domain: str) -> Account:
        account = self._spellings.read(typed, domain)
        if account is None:
            raise PasswordRefused(self._name, "name_malformed")
        return account

    async def check_password(self, account: Account, password: str, now: int) -> SignedIn:
        if not _can_be_sent(password):
            raise PasswordRefused(self._name)
        section = self._section
        person = await self._workers.run(
            lambda errand: self._directory.sign_in(errand, account, password, now), section.timeout
        )
        grant = self._grant(account.key, self._stamp(person), password, now)
        return SignedIn(self._identity(person, now), grant)

    async def find(self, account: Account) -> str:
        """As `FindsAccounts.find`; without a service account nobody can be found before they have signed in."""
        return await self._workers.run(
            lambda errand: self._directory.find(errand, account), self._section.timeout
        )

    async def recheck(self, grant: Grant, identity: Identity, now: int) -> Refreshed:
        """The account as it stands now. Raises as `SecondLook.take`."""
        if identity.issuer != self.issuer:
            raise ProviderLied(self._name, "issuer: the session belongs to another directory")
        if grant.password and not self._looks:
            # `relogin` was taken back: the session goes on as those do that begin now, without the password.
            return Refreshed(self._grant(grant.account, grant.stamp, "", now))
        person = await self._workers.run(
            lambda errand: self._second_look.take(errand, grant, identity.subject, now), self._section.timeout
        )
        renewed = self._grant(grant.account, grant.stamp or self._stamp(person), grant.password, now)
        try:
            return Refreshed(renewed, self._identity(person, identity.authenticated_at))
        except NotAllowed:
            return Refreshed(renewed, barred=True)

    async def survey(self) -> Surveyed:
        """A look at the directory before anybody depends on it. Raises nothing: what is missing is a finding."""
        return await survey(self._name, self._section, self._dial, self._workers)

    async def close(self) -> None:
        """Let go of the kept connections."""
        self._directory.close()
        await self._workers.close()

    def _connected(self, dial: Dial, timer: Callable[[], float]) -> Directory:
        section = self._section
        addresses = [address for url in section.urls if (address := read_ldap_address(url))]
        controllers = Controllers(addresses, timer)
        service = None
        if section.bind_dn and section.bind_password:
            login = Login(section.bind_dn, section.bind_password.get_secret_value())
            service = Service(self._name, login, controllers, dial, timer, section.pool_size)
        return Directory(self._name, section, self._wanted, controllers, dial, service)

    def _identity(self, person: Person, authenticated_at: int) -> Identity:
        ours: dict[str, Any] = {_GROUPS: person.groups, _TRUSTED: True, "amr": ["pwd"]}
        claims = dict(person.entry.claims(self._wanted, **ours))
        verified = self._reading.paths.email_verified
        if claims.get(verified) == "TRUE":  # a yes as RFC 4517 section 3.3.3 writes it
            claims[verified] = True
        subject = named_subject(self._name, {_KEY: person.key}, _KEY)
        return self._reading.identity([claims], ("", subject), authenticated_at)

    @property
    def _looks(self) -> bool:
        """Without a service account and a kept password nobody can look again: sessions live by their own limits."""
        return self._section.bind_dn is not None or self._section.relogin

    def _grant(self, account: str, stamp: str, password: str, now: int) -> Grant:
        return Grant(
            provider=self._name,
            begun=now,
            expires=now + self._interval if self._looks else 0,
            account=account,
            password=password if self._section.relogin else "",
            stamp=stamp,
            recheck=self._looks,
        )

    def _stamp(self, person: Person) -> str:
        return standing.stamp(person.entry, active=self._section.active)


def _can_be_sent(password: str) -> bool:
    """An empty one would sign in nobody in particular; NUL ends a text for many a reader; half a letter is none."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(password) <= LONGEST and "\0" not in password


def _dial(section: LdapProvider, name: str) -> Dial:
    # Here, so that who has no such section does not load the library.
    from gateway.providers.ldap.link import Ldap3Link, Terms  # noqa: PLC0415

    secured = section.starttls or any(url.startswith("ldaps:") for url in section.urls)
    terms = Terms(
        provider=name,
        starttls=section.starttls,
        trust=trust_of(name, section.ca_file) if secured else None,
        connect_timeout=section.connect_timeout,
        receive_timeout=section.receive_timeout,
    )
    return lambda address, errand: Ldap3Link(address, terms, errand)
