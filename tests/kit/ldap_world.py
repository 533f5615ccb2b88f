"""A domain without a service account, whose people's passwords are kept: the world of `directory_world`, by LDAP."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import NAMESPACE_DNS, uuid5

from gateway.providers.ldap.entry import Entry
from gateway.providers.ldap.errand import Errand
from gateway.providers.ldap.filters import equals, escaped
from gateway.providers.ldap.provider import Ldap
from gateway.providers.ldap.refusals import Outcome
from gateway.providers.ldap.wire import Found, Search
from gateway.settings.ldap import LdapProvider
from tests.kit.config_file import settings
from tests.kit.directory_world import DirectoryWorld
from tests.kit.fake_directory import YES, FakeDirectory, entry

T = TypeVar("T")

BASE = "DC=example,DC=com"
SECTION = {
    "type": "ldap",
    "urls": ["ldaps://one.example.com", "ldaps://two.example.com"],
    "base": BASE,
    "groups": "in-chain",
    "wanted_groups": ["staff", "board"],
    "relogin": True,
}
_BIRTH = 133_000_000_000_000_000


@dataclass
class Person:
    """`changed` is `pwdLastSet`, which goes on by itself with each new password."""

    password: str
    changed: int = _BIRTH
    groups: tuple[str, ...] = ("staff",)
    more: dict[str, str] = field(default_factory=dict)


class Domain:
    """People who may read themselves. `url` is whose people they are."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: dict[str, Person] = {}
        self.directory = FakeDirectory(answers=self._answer)
        for name in ("ann", "bob", "eve"):
            self.seen[name] = Person(f"{name}-pw")
            self._takes(name, f"{name}-pw")

    @property
    def people(self) -> dict[str, dict[str, str]]:
        """As `directory_world` reads who signs in by which password."""
        return {name: {"password": person.password} for name, person in self.seen.items()}

    def change_password(self, name: str, password: str, *, old_still_taken: bool = False) -> None:
        person = self.seen[name]
        old, person.password = person.password, password
        person.changed += 1
        self._takes(name, old if old_still_taken else password)

    def says(self, name: str, data: str) -> None:
        """The sub-code that somebody with the right password gets; "" for a yes."""
        message = (
            f"80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v3839"
        )
        outcome = Outcome(49, message) if data else YES
        self.directory.outcomes = {**self.directory.outcomes, **dict.fromkeys(_names(name), outcome)}

    def refused(self, name: str) -> int:
        """Wrong passwords that were counted."""
        return sum(self.directory.refused.count(one) for one in _names(name))

    def binds(self, name: str) -> int:
        return sum(one in _names(name) for one, _ in self.directory.binds)

    def _takes(self, name: str, password: str) -> None:
        self.directory.passwords |= dict.fromkeys(_names(name), password)

    def _answer(self, search: Search) -> Found:
        for name, person in self.seen.items():
            if "objectClass=group" in search.filter and escaped(_dn(name)) in search.filter:
                return Found(
                    YES, tuple([entry(f"CN={one},{BASE}", sAMAccountName=one) for one in person.groups])
                )
            found = _entry(name, person)
            asked = (f"(sAMAccountName={name})", equals("objectGUID", found.values("objectGUID")[0]))
            if search.base == found.dn or any(one in search.filter for one in asked):
                return Found(YES, (found,))
        return Found(YES)


class LdapWorld(DirectoryWorld):
    """`section` are keys of the provider beside those of `SECTION`."""

    def __init__(self, limits: dict[str, Any] | None = None, **section: Any) -> None:
        super().__init__(limits)
        read = settings(providers={"corp": SECTION | section}).providers["corp"]
        assert isinstance(read, LdapProvider)
        self.section: Any = read
        self.domain = Domain(read.home)
        self.api: Any = self.domain
        self.restart()

    def restart(self, **section: Any) -> None:
        """`section` are keys that the operator has changed."""
        if section:
            self.section = self.section.model_copy(update=section)
        super().restart()
        for replica in self.replicas:
            made = Ldap(self.section, "corp", several=False, dial=self.domain.directory.dial)
            made._workers = _AtOnce()
            replica.catalog._providers["corp"] = made


class _AtOnce:
    """In the place of threads, of which virtual time knows nothing."""

    async def run(self, question: Callable[[Errand], T], seconds: float) -> T:
        await asyncio.sleep(0.1)
        return question(Errand("corp", seconds, lambda: 0.0))

    async def close(self) -> None:
        """There are none."""


def _dn(name: str) -> str:
    return f"CN={name.title()},{BASE}"


def _names(name: str) -> tuple[str, str]:
    """What somebody is bound by."""
    return f"{name}@example.com", _dn(name)


def _entry(name: str, person: Person) -> Entry:
    usual = {
        "objectGUID": uuid5(NAMESPACE_DNS, name).bytes_le,
        "sAMAccountName": name,
        "displayName": f"{name.title()} Example",
        "userAccountControl": "512",
        "pwdLastSet": str(person.changed),
    }
    return entry(_dn(name), **{**usual, **person.more})
