"""A look at a directory before anybody depends on it: `gateway check --online`.

    each controller      whether it takes a connection, over TLS where there is to be any
    the service account  whether it may sign in and sees people under `base`; after a no it is tried nowhere else, for
                         each no counts, and a locked service account is locked for everybody who uses it
    people               how many there are, and whether that can be read of them which later looks judge by

No password but the service account's is sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from gateway.errors import ProviderFault, ProviderRefused
from gateway.providers.comparison import Finding
from gateway.providers.ldap import standing
from gateway.providers.ldap.entry import Entry
from gateway.providers.ldap.errand import Errand
from gateway.providers.ldap.filters import anybody
from gateway.providers.ldap.refusals import SIZE_LIMIT_EXCEEDED, SUCCESS, failed, refused_service
from gateway.providers.ldap.service import Dial
from gateway.providers.ldap.wire import Link, Search
from gateway.providers.ldap.workers import Workers
from gateway.providers.strongest import Lines
from gateway.settings.fault import Fault
from gateway.settings.ldap import LdapProvider
from gateway.settings.ldap_address import LdapAddress, read_ldap_address
from gateway.settings.units import format_duration

MOST = 1000
"""People who are counted; Active Directory gives no more in one answer."""

_PEOPLE = "(&(objectCategory=person)(objectClass=user))"
_LATER = (
    "look whether it is up, whether this machine may reach it, and whether scheme and port belong together"
)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What a directory showed, in (name, value) lines, and what does not fit."""

    lines: Lines
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Survey:
    """What is known so far. `people` is `None` until somebody has shown them."""

    provider: str
    section: LdapProvider
    dial: Dial
    answered: list[LdapAddress] = field(default_factory=list)
    silent: list[Fault] = field(default_factory=list)
    refused: ProviderRefused | None = None
    people: tuple[Entry, ...] | None = None

    async def ask(self, address: LdapAddress, place: int, workers: Workers) -> None:
        try:
            people = await workers.run(partial(self._visit, address, self._asks), self.section.timeout)
        except ProviderRefused as refused:
            self.refused = refused
        except ProviderFault as fault:
            path = ("providers", self.provider, "urls", place)
            self.silent.append(Fault(path, fault.detail, fault.remedy or _LATER))
            return
        else:
            self.people = people if self.people is None else self.people
        self.answered.append(address)

    def lines(self) -> Iterator[tuple[str, str]]:
        for address in self.answered:
            secured = address.tls or self.section.starttls
            yield "controller", f"{address} answers, {'over' if secured else 'without'} TLS"
        if self.section.bind_dn is None:
            yield "account", f"none: people search themselves, and {self._later}"
        elif self.people is not None:
            yield "account", f"{self.section.bind_dn} signs in"
            yield "people", f"{len(self.people)}{' or more' if len(self.people) == MOST else ''}"

    @property
    def _later(self) -> str:
        if not self.section.relogin:
            return "nobody looks at their account again"
        return f"are signed in again every {format_duration(self.section.recheck)} by their kept password"

    def findings(self) -> Iterator[Finding]:
        for fault in self.silent:
            yield Finding(fault, breaks=not self.answered)
        if self.refused is not None:
            yield self._finding("", self.refused.detail, self.refused.remedy)
        elif self.people == ():
            mend = (
                "compare base and filter with where people stand, and with what the service account may read"
            )
            yield self._finding("base", "nobody is found under it", mend)
        elif self.people:
            yield from self._unreadable(self.people)

    @property
    def _asks(self) -> bool:
        """Whether the service account is to sign in."""
        return self.section.bind_dn is not None and self.refused is None

    def _visit(self, address: LdapAddress, asks: bool, errand: Errand) -> tuple[Entry, ...] | None:
        link = self.dial(address, errand)
        try:
            return self._everybody(link) if asks else None
        finally:
            link.close()

    def _everybody(self, link: Link) -> tuple[Entry, ...]:
        section = self.section
        secret = section.bind_password.get_secret_value() if section.bind_password else ""
        outcome = link.bind(section.bind_dn or "", secret)
        if outcome.code != SUCCESS:
            raise refused_service(self.provider, outcome)
        wanted = (section.key, *((standing.CONTROL, standing.CHANGED) if section.active else ()))
        asked = anybody(section.filter) if section.filter else _PEOPLE
        found = link.search(Search(section.base, asked, wanted, limit=MOST))
        if found.outcome.code not in {SUCCESS, SIZE_LIMIT_EXCEEDED}:
            raise failed(self.provider, "a search for people", found.outcome)
        return found.entries

    def _unreadable(self, people: tuple[Entry, ...]) -> Iterator[Finding]:
        key, state = self.section.key, f"{standing.CONTROL} and {standing.CHANGED}"
        if not any(one.name_for_ever(key) for one in people):
            yield self._finding("key", f"{key} can be read of nobody", "let the service account read it")
        if self.section.active and not any(standing.is_readable(one) for one in people):
            yield self._finding(
                "bind_dn", f"{state} can be read of nobody", "let the service account read them"
            )

    def _finding(self, key: str, what: str, instead: str) -> Finding:
        path = ("providers", self.provider, key) if key else ("providers", self.provider)
        return Finding(Fault(path, what, instead))


async def survey(provider: str, section: LdapProvider, dial: Dial, workers: Workers) -> Surveyed:
    """One controller after the other, each within the provider's `timeout`. Raises nothing."""
    it = _Survey(provider, section, dial)
    for place, url in enumerate(section.urls):
        if address := read_ldap_address(url):
            await it.ask(address, place, workers)
    return Surveyed(tuple(it.lines()), tuple(it.findings()))
