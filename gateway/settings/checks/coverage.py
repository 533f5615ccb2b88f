"""Which earlier rules of a list fit all that a rule fits. Says yes only where it is sure.

Rules are not held against each other in pairs, of which ten thousand rules have fifty million. For each value of a
matcher, the rules that hold it are the bits of one number, bit 0 for the first rule. A rule looks up the few values
that could contain its own, and is held against all others in a handful of operations on such numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeAlias, TypeVar

from gateway.settings.checks.patterns import REGEX
from gateway.settings.model import RuleSettings
from gateway.settings.units import Network

Value = TypeVar("Value")
Bits: TypeAlias = int
"""A set of rules: bit 0 is the first rule of the list."""
Leading: TypeAlias = tuple[int, int, int]
"""A network: version, length of its prefix, and the bits of that prefix as a number."""

_MANY = 16
"""Holders of one value from which on their number is kept. It is as long as the list, so not every value has one."""


class Coverage:
    """All rules of one list, by the values of their matchers."""

    def __init__(self, rules: Sequence[RuleSettings]) -> None:
        self._hosts = Matcher([rule.hosts for rule in rules], hosts_around)
        self._paths = Matcher([rule.paths for rule in rules], _paths_around)
        self._methods = Matcher([rule.methods for rule in rules], _methods_around)
        networks = [tuple([_leading(network) for network in rule.networks]) for rule in rules]
        self._networks = Matcher(networks, _networks_around)

    def before(self, position: int) -> Bits:
        """The rules in front of the one at `position` that fit all that it fits; 0 for none."""
        found = (1 << position) - 1
        for matcher in (self._paths, self._hosts, self._methods, self._networks):
            found &= matcher.covering(position)
            if not found:
                break
        return found


def first(bits: Bits) -> int:
    """The position of the first rule in a set that is not empty."""
    return (bits & -bits).bit_length() - 1


class Matcher(Generic[Value]):
    """One matcher of all rules: `written` has its values in each rule, `around` every value that contains a value."""

    def __init__(
        self, written: Sequence[Sequence[Value]], around: Callable[[Value], Iterable[Value]]
    ) -> None:
        self._written = written
        self._around = around
        self._left_out = _bits([position for position, values in enumerate(written) if not values])
        self._few: dict[Value, list[int]] = {}
        for position, values in enumerate(written):
            for value in values:
                self._few.setdefault(value, []).append(position)
        self._many = {value: _bits(rows) for value, rows in self._few.items() if len(rows) >= _MANY}

    def covering(self, position: int) -> Bits:
        """A matcher that is left out fits everything; one that is written must contain each value of the other's."""
        values = self._written[position]
        if not values:
            return self._left_out
        found = self._containing(values[0])
        for value in values[1:]:
            found &= self._containing(value)
        return found | self._left_out

    def _containing(self, value: Value) -> Bits:
        found = 0
        for wider in self._around(value):
            if wider in self._few:
                found |= self._many.get(wider) or _bits(self._few[wider])
        return found


def _bits(positions: Sequence[int]) -> Bits:
    """The set of these positions, which ascend."""
    if not positions:
        return 0
    row = bytearray(positions[-1] // 8 + 1)
    for position in positions:
        row[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(row, "little")


def hosts_around(host: str) -> Iterator[str]:
    """`app.example.com` is within itself and `*.example.com`; `*.a.example.com` within `*.example.com`."""
    yield host
    for suffix in suffixes(host):
        yield f"*{suffix}"


def suffixes(host: str) -> Iterator[str]:
    """What begins at a dot of the host, the dot included: `.example.com` and `.com`."""
    dot = host.find(".")
    while dot != -1:
        yield host[dot:]
        dot = host.find(".", dot + 1)


def _paths_around(path: str) -> Iterator[str]:
    yield path
    yield "/**"
    if path.startswith(REGEX):
        return
    # `/admin/**` fits `/admin` too. What follows a star is not known, so no place begins there.
    plain = f"{path}/".partition("*")[0]
    slash = plain.find("/")
    while slash != -1:
        yield f"{plain[: slash + 1]}**"
        slash = plain.find("/", slash + 1)


def _methods_around(method: str) -> tuple[str, ...]:
    return ("HEAD", "GET") if method == "HEAD" else (method,)


def _networks_around(network: Leading) -> Iterator[Leading]:
    version, length, bits = network
    return ((version, shorter, bits >> (length - shorter)) for shorter in range(length + 1))


def _leading(network: Network) -> Leading:
    rest = network.max_prefixlen - network.prefixlen
    return network.version, network.prefixlen, int(network.network_address) >> rest
