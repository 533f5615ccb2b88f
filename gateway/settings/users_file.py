"""The file of a `users-file` provider: who there is, with a hash of each password.

YAML, `users: {ann: {password: $argon2id$…, name: …, email: …, groups: […]}}`, or lines as in a file of htpasswd,
`ann:$argon2id$…`. A name stands in it once, whatever its spelling: else one person's password would open what belongs
to the other.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.keys.password_hash import USUAL, Cost, PasswordHash
from gateway.providers.account import Spellings
from gateway.settings.document import read_document
from gateway.settings.fault import Fault, YamlPath, did_you_mean
from gateway.settings.origins import Origins

_KEYS = ("password", "name", "email", "groups")
_MAKE = "make one with `gateway users hash`"
_LINES = re.compile(r"[^\s\"'{\[][^:\n]*:\S")
_FOLDED = Spellings()


@dataclass(frozen=True, slots=True)
class User:
    """Somebody in the file. `name` as written; `shown`, `email` and `groups` are what is told of the person."""

    name: str
    password: PasswordHash = field(repr=False)
    shown: str = ""
    email: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Users:
    """The people by their canonical names. With `faults` there are none; `notes` are worth a look.

    Both are lines with file and line in front. `cost` is that of most hashes.
    """

    people: Mapping[str, User]
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cost: Cost = USUAL


def read_users(text: str, file: str) -> Users:
    """Read the text of a file; never raises, whatever the text."""
    found = _Reader()
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    if _LINES.match(first):
        lines = found.read_lines(text)
    else:
        document = read_document(text)
        lines = document.lines
        found.faults += document.faults
        if not document.broken:
            found.read_mapping(document.data)
    if not found.people and not found.faults:
        # An editor that empties the file before it writes it anew, and a file of nobody, look the same.
        found.fault((), "names nobody", f"write users: with somebody in it; {_MAKE}")
    return found.users(Origins(file, lines))


class _Reader:
    """Collects people, faults and notes; a name and a salt have one owner each."""

    def __init__(self) -> None:
        self.people: dict[str, User] = {}
        self.faults: list[Fault] = []
        self._places: dict[str, YamlPath] = {}
        self._salts: dict[bytes, str] = {}

    def users(self, origins: Origins) -> Users:
        told = tuple([origins.describe(fault) for fault in sorted(self.faults, key=origins.order)])
        notes = tuple([origins.describe(note) for note in self._notes()])
        return Users({} if told else self.people, told, notes, self._cost())

    def fault(self, path: YamlPath, what: str, instead: str) -> None:
        self.faults.append(Fault(path, what, instead))

    def _cost(self) -> Cost:
        costs = Counter([user.password.cost for user in self.people.values()])
        return max(costs, key=lambda cost: costs[cost], default=USUAL)

    def _notes(self) -> Iterator[Fault]:
        usual = self._cost()
        for key, user in self.people.items():
            path = self._places[key]
            if user.password.is_weak:
                yield Fault(path, "has a hash that is cheap to guess at", f"{_MAKE}, of the same password")
            elif user.password.cost != usual:
                why = "has a hash of another cost than most, and so it can be told that there is this name"
                yield Fault(path, why, _MAKE)

    def read_lines(self, text: str) -> dict[YamlPath, int]:
        """`name:hash` on each line; a line that begins with # is a comment."""
        lines: dict[YamlPath, int] = {(): 1}
        for number, line in enumerate(text.split("\n"), 1):
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            name, colon, rest = stripped.partition(":")
            # A path of its own for each, so that the second of two equal names is shown at its own line.
            path: YamlPath = (name,) if colon and (name,) not in lines else (number,)
            lines[path] = number
            if not colon:
                self.fault(path, "is no name with a hash", "write name:$argon2id$…")
                continue
            self._add(path, name, {"password": rest})
        return lines

    def read_mapping(self, data: Any) -> None:
        if not isinstance(data, dict):
            self.fault((), "must be a mapping", "write users: and the people beneath it")
            return
        for key in data.keys() - {"users"}:
            self.fault((key,), "is not a key that belongs here", did_you_mean(key, ("users",)))
        people = data.get("users") or {}
        if not isinstance(people, dict):
            self.fault(("users",), "must be a mapping", "write a name, and what belongs to it beneath")
            return
        for name, written in people.items():
            self._add(("users", name), name, written)

    def _add(self, path: YamlPath, name: str, written: Any) -> None:
        if not isinstance(written, dict):
            self.fault(path, "must be a mapping", "write password: and the hash beneath the name")
            return
        key = self._key(path, name)
        user = self._user(path, name, written)
        if key and user:
            self.people[key] = user

    def _key(self, path: YamlPath, name: str) -> str:
        account = _FOLDED.read(name)
        # RFC 7617 section 2: with a colon in it, HTTP Basic would read another name and another password.
        if account is None or ":" in name:
            self.fault(
                path, "is no name that somebody can sign in with", "write it without colons and controls"
            )
            return ""
        if account.key in self._places:
            self.fault(
                path, "is the name of somebody above, in another spelling or twice", "keep one of the two"
            )
            return ""
        self._places[account.key] = path
        return account.key

    def _user(self, path: YamlPath, name: str, written: Mapping[str, Any]) -> User | None:
        before = len(self.faults)
        for key in written.keys() - set(_KEYS):
            self.fault((*path, key), "is not a key that belongs here", did_you_mean(key, _KEYS))
        password = self._password(path, written.get("password"), name)
        shown, email = self._text(path, written, "name"), self._text(path, written, "email")
        groups = self._groups(path, written.get("groups", []))
        if password is None or len(self.faults) > before:
            return None
        return User(name, password, shown, email, groups)

    def _password(self, path: YamlPath, written: Any, name: str) -> PasswordHash | None:
        where = (*path, "password")
        if not isinstance(written, str):
            self.fault(where, "is missing" if written is None else "must be text", _MAKE)
            return None
        try:
            found = PasswordHash.parse(written)
        except ValueError as error:
            self.fault(where, str(error), _MAKE)
            return None
        # What is kept of a password in a session is the salt of its hash. So no two hashes may share one.
        if self._salts.setdefault(found.salt, name) != name:
            self.fault(where, "has the salt of another hash", _MAKE)
            return None
        return found

    def _text(self, path: YamlPath, written: Mapping[str, Any], key: str) -> str:
        value = written.get(key) or ""
        if not isinstance(value, str):
            self.fault((*path, key), "must be text", "write it in quotes")
            return ""
        return value

    def _groups(self, path: YamlPath, written: Any) -> tuple[str, ...]:
        if isinstance(written, list) and all(isinstance(group, str) and group for group in written):
            return tuple(written)
        self.fault((*path, "groups"), "must be a list of names", "write [a, b]")
        return ()
