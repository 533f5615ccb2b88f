"""Which providers the login page offers, and what its address may say about it.

The rule that was met counts most (its hint), then the host that the person came from, then the domain of an address in
`login_hint=`. All of them only shorten the choice: who may pass is said by the check. And none of them adds to it, so
whoever forges one chooses among the providers that are configured, as everybody may.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.login.hint import read_hint
from gateway.login.way import Place
from gateway.providers.provider import ChecksPasswords, Provider
from gateway.settings.model import Settings

MAX_LOGIN_HINT = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """What the address of a login page asks for, as the request wrote it: any of it may be junk.

    `language` is that of our page, and so a word of ours.
    """

    return_to: str = ""
    providers: str = ""
    login_hint: str = field(default="", repr=False)
    language: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The providers in the order of the file; those of a host (exact or `*.suffix`), and that of an e-mail domain.

    `marks` are what stands in front of a title; "" for its first character.
    """

    providers: tuple[str, ...]
    hosts: Mapping[str, tuple[str, ...]]
    domains: Mapping[str, str]
    marks: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings, providers: Iterable[str]) -> "Selection":
        marks = {name: section.mark for name, section in settings.providers.items()}
        return cls(tuple(providers), settings.login.hosts, settings.login.domains, marks)

    def hinted(self, hint: str) -> tuple[str, ...]:
        """The providers that the rule asks for; none where it asks for no particular ones."""
        return read_hint(hint, self.providers)

    def offered(self, hinted: tuple[str, ...], return_to: str, login_hint: str) -> tuple[str, ...]:
        """The names to choose among, in the order of the file. `return_to` and `login_hint` are judged already."""
        wanted = hinted or self.providers
        of_host = self._of_host(urlsplit(return_to).hostname or "")
        # Where rule and host share no provider, the rule counts: with any other login it would ask again.
        wanted = tuple([name for name in wanted if name in of_host]) or wanted
        home = self.domains.get(login_hint.rpartition("@")[2].lower()) if "@" in login_hint else None
        return tuple([name for name in self.providers if name in ((home,) if home in wanted else wanted)])

    def options(
        self, names: Iterable[str], providers: Mapping[str, Provider]
    ) -> tuple[tuple[str, str, str], ...]:
        """Name, title and mark of each."""
        return tuple([(name, providers[name].title, self.marks.get(name, "")) for name in names])

    def _of_host(self, host: str) -> tuple[str, ...]:
        found = [self.hosts[pattern] for pattern in _patterns(host) if pattern in self.hosts]
        return found[0] if found else self.providers


def places_of(providers: Iterable[ChecksPasswords]) -> tuple[Place, ...]:
    """Where names and passwords are known, each domain of a provider by itself."""
    return tuple([Place(one.name, domain, one.title) for one in providers for domain in one.domains or ("",)])


def read_login_hint(text: str) -> str:
    """Who will sign in, for the provider alone: it is neither logged nor shown. "" where it is no such text."""
    fits = len(text) <= MAX_LOGIN_HINT and text.isprintable() and text == text.strip()
    return text if fits else ""


def _patterns(host: str) -> Iterator[str]:
    """The host itself, then every suffix above it, the nearest first."""
    yield host
    _, dot, above = host.partition(".")
    while dot:
        yield f"*.{above}"
        _, dot, above = above.partition(".")
