"""Finds the rules whose host and path fit a place, in order, without looking at the others.

Two dictionaries, one in the other: first by host (exact, each suffix, all), then by the leading segments of the path
that every path of a pattern shares. A lookup asks once per label and segment, so its cost does not grow with the
number of rules, save for those that stand at the same place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from sys import getsizeof
from typing import Generic, TypeVar

from gateway.policy.hosts import suffixes
from gateway.policy.patterns import PathPattern
from gateway.policy.remembered import Remembered

T = TypeVar("T")

_EVERY_HOST = "*"

REMEMBERED = 2048
LONGEST = 256
"""Characters of a beginning that is remembered."""
MOST = 64
"""Candidates that are remembered at one place: where there are more, to look at them is what costs."""
ROOM = 1_000_000
"""Bytes of a generation, as they are weighed below. There is an index for the rules, and for each policy."""

_ORDER = attrgetter("order")


@dataclass(frozen=True, slots=True)
class Candidate(Generic[T]):
    """Something that may fit a place; `pattern` still has to be asked, unless it is `None`."""

    order: int
    pattern: PathPattern | None
    value: T


@dataclass(frozen=True, slots=True)
class Places(Generic[T]):
    """Candidates of one host. `paths` holds whole paths, `prefixes` leading segments, as `/a/b`."""

    paths: dict[str, list[Candidate[T]]] = field(default_factory=dict)
    prefixes: dict[str, list[Candidate[T]]] = field(default_factory=dict)

    def add(self, order: int, pattern: PathPattern | None, value: T) -> None:
        if pattern is None:
            self.prefixes.setdefault("", []).append(Candidate(order, None, value))
        elif pattern.literal:
            self.paths.setdefault(pattern.prefix, []).append(Candidate(order, None, value))
        else:
            asked = None if pattern.whole else pattern
            self.prefixes.setdefault(pattern.prefix, []).append(Candidate(order, asked, value))


def _weigh(key: tuple[str, str], found: list[Candidate[T]]) -> int:
    """About how many bytes an entry takes, never less than it does. A text takes up to four for each character."""
    host, beginning = key
    return 400 + getsizeof(host) + getsizeof(beginning) + 8 * len(found)


class RuleIndex(Generic[T]):
    """The index. `deepest` is the number of segments in the longest prefix: no path is cut up further than that.

    Save for patterns that are one path, all paths with the same beginning have the same candidates; so those are
    remembered by their host and that beginning.
    """

    def __init__(self, hosts: dict[str, Places[T]]) -> None:
        self.hosts = hosts
        self.deepest = max(
            [prefix.count("/") for places in hosts.values() for prefix in places.prefixes], default=0
        )
        self._whole = frozenset([path for places in hosts.values() for path in places.paths])
        self._remembered: Remembered[tuple[str, str], list[Candidate[T]]] = Remembered(
            REMEMBERED, ROOM, _weigh
        )

    @classmethod
    def of(cls, rows: Sequence[tuple[Sequence[str], Sequence[PathPattern], T]]) -> "RuleIndex[T]":
        """From (host patterns, path patterns, value) in order; an empty list fits everything."""
        hosts: dict[str, Places[T]] = {}
        for order, (names, patterns, value) in enumerate(rows):
            for name in names or (_EVERY_HOST,):
                places = hosts.setdefault(name, Places())
                for pattern in patterns or (None,):
                    places.add(order, pattern, value)
        return cls(hosts)

    def candidates(self, host: str, path: str) -> list[Candidate[T]]:
        """All that has to be looked at for a place, in order."""
        if path in self._whole:
            return self._found(host, path)
        beginning = self._beginning(path)
        if len(beginning) > LONGEST:
            return self._found(host, path)
        key = host, beginning
        found = self._remembered.get(key)
        if found is None:
            found = self._found(host, path)
            if len(found) <= MOST:
                self._remembered.add(key, found)
        return found

    def _beginning(self, path: str) -> str:
        """The first `deepest` segments."""
        slash = 0
        for _ in range(self.deepest):
            slash = path.find("/", slash + 1)
            if slash == -1:
                return path
        return path[:slash]

    def _found(self, host: str, path: str) -> list[Candidate[T]]:
        found = self._lists(host, path)
        if len(found) == 1:
            return found[0]
        return sorted([candidate for row in found for candidate in row], key=_ORDER)

    def _lists(self, host: str, path: str) -> list[list[Candidate[T]]]:
        found = []
        prefixes = self._prefixes(path)
        for places in self._places(host):
            if path in places.paths:
                found.append(places.paths[path])
            found += [places.prefixes[prefix] for prefix in prefixes if prefix in places.prefixes]
        return found

    def _places(self, host: str) -> list[Places[T]]:
        keys = (host, *[f"*{suffix}" for suffix in suffixes(host)], _EVERY_HOST)
        return [self.hosts[key] for key in keys if key in self.hosts]

    def _prefixes(self, path: str) -> list[str]:
        """The path cut before each of its slashes, and the path itself: "", "/a", "/a/b"."""
        cuts = [""]
        slash = 0
        while slash != -1 and len(cuts) <= self.deepest:
            slash = path.find("/", slash + 1)
            cuts.append(path if slash == -1 else path[:slash])
        return cuts
