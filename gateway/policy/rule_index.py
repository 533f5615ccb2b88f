"""Finds the rules whose host and path fit a place, in order, without looking at the others.

Two dictionaries, one in the other: first by host (exact, each suffix, all), then by the leading segments of the path
that every path of a pattern shares. A lookup asks once per label and segment, so its cost does not grow with the
number of rules, save for those that stand at the same place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Generic, TypeVar

from gateway.policy.hosts import suffixes
from gateway.policy.patterns import PathPattern

T = TypeVar("T")

_EVERY_HOST = "*"
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


@dataclass(frozen=True, slots=True)
class RuleIndex(Generic[T]):
    """The index. `deepest` is the number of segments in the longest prefix: no path is cut up further than that."""

    hosts: dict[str, Places[T]]
    deepest: int

    @classmethod
    def of(cls, rows: Sequence[tuple[Sequence[str], Sequence[PathPattern], T]]) -> "RuleIndex[T]":
        """From (host patterns, path patterns, value) in order; an empty list fits everything."""
        hosts: dict[str, Places[T]] = {}
        for order, (names, patterns, value) in enumerate(rows):
            for name in names or (_EVERY_HOST,):
                places = hosts.setdefault(name, Places())
                for pattern in patterns or (None,):
                    places.add(order, pattern, value)
        deepest = max(
            [prefix.count("/") for places in hosts.values() for prefix in places.prefixes], default=0
        )
        return cls(hosts, deepest)

    def candidates(self, host: str, path: str) -> list[Candidate[T]]:
        """All that has to be looked at for a place, in order."""
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
        every = self.hosts.get(_EVERY_HOST)
        if every is not None and len(self.hosts) == 1:
            return [every]
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
