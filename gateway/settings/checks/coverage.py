"""Whether one rule fits all that another fits. Says yes only where it is sure."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from gateway.settings.checks.patterns import REGEX
from gateway.settings.model import RuleSettings
from gateway.settings.units import Network

T = TypeVar("T")


def covers(wide: RuleSettings, narrow: RuleSettings) -> bool:
    """A matcher that is left out fits everything; one that is written must cover each value of the other's."""
    return (
        (not wide.hosts or _each(narrow.hosts, wide.hosts, host_within))
        and (not wide.paths or _each(narrow.paths, wide.paths, _path_within))
        and (not wide.methods or _each(narrow.methods, wide.methods, _method_within))
        and (not wide.networks or _each(narrow.networks, wide.networks, _network_within))
    )


def _each(narrow: Sequence[T], wide: Sequence[T], within: Callable[[T, T], bool]) -> bool:
    return bool(narrow) and all(any(within(one, other) for other in wide) for one in narrow)


def host_within(one: str, other: str) -> bool:
    """`app.example.com` is within itself and `*.example.com`; `*.a.example.com` within `*.example.com`."""
    return one == other or (other.startswith("*.") and one.endswith(other[1:]))


def _path_within(one: str, other: str) -> bool:
    if other in {one, "/**"}:
        return True
    stem = other.removesuffix("**")
    if stem == other or "*" in stem or one.startswith(REGEX) or stem.startswith(REGEX):
        return False
    # `/admin/**` fits `/admin` too.
    return stem.endswith("/") and f"{one}/".startswith(stem)


def _method_within(one: str, other: str) -> bool:
    return one == other or (one == "HEAD" and other == "GET")


def _network_within(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]
