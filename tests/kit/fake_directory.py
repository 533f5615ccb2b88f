"""A directory of one test: entries and answers by hand, behind links that note what was said over them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.errors import ProviderUnavailable
from gateway.providers.ldap.entry import Entry
from gateway.providers.ldap.errand import Errand
from gateway.providers.ldap.refusals import Outcome
from gateway.providers.ldap.wire import Found, Search
from gateway.settings.ldap_address import LdapAddress

YES = Outcome(0)
WRONG = Outcome(49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v3839")


def entry(dn: str, **attributes: str | bytes | list[str]) -> Entry:
    """An entry, of texts or bytes; `_` in a name stands for `-`."""

    def values(written: str | bytes | list[str]) -> tuple[bytes, ...]:
        items = written if isinstance(written, list) else [written]
        return tuple([one.encode() if isinstance(one, str) else one for one in items])

    return Entry(dn, {name.lower().replace("_", "-"): values(value) for name, value in attributes.items()})


@dataclass
class FakeDirectory:
    """`passwords` by name, `answers` to searches by a function of the search; `down` are hosts that do not answer.

    `silent`: hosts that take a connection and answer nothing on it. `me` is the answer to who am I. `refused` are those
    whose password was wrong.
    """

    passwords: dict[str, str] = field(default_factory=dict)
    answers: Callable[[Search], Found] = lambda _: Found(YES)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    me: str | None = None
    down: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    dialled: list[str] = field(default_factory=list)
    binds: list[tuple[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    searches: list[Search] = field(default_factory=list)
    open: int = 0

    def dial(self, address: LdapAddress, errand: Errand) -> "FakeLink":
        errand.patience(1.0)
        self.dialled.append(address.host)
        if address.host in self.down:
            raise ProviderUnavailable("corp", f"{address} is down")
        self.open += 1
        return FakeLink(self, address.host)


@dataclass
class FakeLink:
    directory: FakeDirectory
    host: str
    closed: bool = False
    broken: bool = False

    def serve(self, errand: Errand) -> None:
        errand.attach(self)

    def bind(self, name: str, password: str) -> Outcome:
        self._asked()
        self.directory.binds.append((name, password))
        if self.directory.passwords.get(name) == password:
            return self.directory.outcomes.get(name, YES)
        self.directory.refused.append(name)
        return WRONG

    def search(self, search: Search) -> Found:
        self._asked()
        self.directory.searches.append(search)
        return self.directory.answers(search)

    def who_am_i(self) -> str | None:
        self._asked()
        return self.directory.me

    def abandon(self) -> None:
        self.broken = True

    def close(self) -> None:
        if not self.closed:
            self.directory.open -= 1
        self.closed = True

    def _asked(self) -> None:
        assert not self.closed
        if self.broken or self.host in self.directory.silent:
            raise ProviderUnavailable("corp", f"{self.host} does not answer")
