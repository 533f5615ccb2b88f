"""Where a question leads: its target and the rule that judges it, remembered.

Both follow from the configuration and from what was asked for alone, so they can be remembered for as long as the
process lives. The query takes part in neither, and is not kept.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from sys import getsizeof
from typing import NamedTuple, TypeAlias

from gateway.errors import Malformed
from gateway.forward_auth.contracts.contract import Question
from gateway.policy.hosts import Hosts
from gateway.policy.remembered import Remembered
from gateway.policy.rules import Rule, Rules
from gateway.policy.target import BAD_QUERY, Target, parse_target

Client: TypeAlias = IPv4Address | IPv6Address | None

_Key: TypeAlias = tuple[str, bytes, bytes, bytes, tuple[int, int] | None]

REMEMBERED = 4096
LONGEST = 256
"""Bytes of a path that is remembered."""
READINGS = 2
"""Other readings of a path that is remembered: a stranger can write one with fifty, each as long as the path."""
ROOM = 2_000_000
"""Bytes of a generation, as they are weighed below: some 1 700 places with short names."""


class Place(NamedTuple):
    """A target, and its rule: `None` where none fits. `refused`: what is wrong where no single rule can be told."""

    target: Target
    rule: Rule | None
    refused: tuple[str, str] = ("", "")

    def judge(self) -> Rule | None:
        """The rule. Raises `Malformed` (ambiguous_path, unknown_policy)."""
        if self.refused[0]:
            raise Malformed(*self.refused)
        return self.rule

    @property
    def is_light(self) -> bool:
        """Whether it takes no more room than a few times its path, so that it may be remembered."""
        return len(self.target.readings) <= READINGS

    @property
    def weight(self) -> int:
        """Bytes of its path in all readings. One wide character in a text makes all of them take four each."""
        raw, path, readings = self.target.raw, self.target.path, self.target.readings
        return len(raw) + getsizeof(path) + sum([getsizeof(reading) for reading in readings])


def _weigh(key: _Key, place: Place) -> int:
    """About how many bytes a place takes with its key, never less than it does."""
    _, host, path, method, _ = key
    return 900 + 2 * len(host) + 2 * len(path) + 4 * len(method) + place.weight


class Places:
    """All hosts, the rules, and the policies that a proxy names."""

    def __init__(self, hosts: Hosts, rules: Rules, policies: Mapping[str, Rules]) -> None:
        self._hosts = hosts
        self._rules = {"": rules, **policies}
        # An address costs more to look up than most rules do; only where a rule names networks it is part of the place.
        self._by_client = frozenset([name for name, some in self._rules.items() if some.ask_for_client()])
        self._remembered: Remembered[_Key, Place] = Remembered(REMEMBERED, ROOM, _weigh)

    def find(self, question: Question, client: Client) -> Place:
        """The place of a question. Raises `Malformed` or `UnknownHost` where it has no single meaning here."""
        policy = question.policy
        path, _, query = question.uri.partition(b"?")
        seen = client if policy in self._by_client else None
        if len(path) > LONGEST or (query and BAD_QUERY.search(query)):
            return self._find(policy, question.host, question.uri, question.method, seen)
        # The hash of an address is Python code; that of its number is not.
        number = (seen.version, int(seen)) if seen is not None else None
        key = policy, question.host, path, question.method, number
        place = self._remembered.get(key)
        if place is None:
            place = self._find(policy, question.host, path, question.method, seen)
            if place.is_light:
                self._remembered.add(key, place)
        return place

    def _find(self, policy: str, host: bytes, uri: bytes, method: bytes, client: Client) -> Place:
        target = parse_target(host, uri, method, self._hosts)
        rules = self._rules.get(policy)
        if rules is None:
            return Place(target, None, ("unknown_policy", policy))
        try:
            return Place(target, rules.match(target, client))
        except Malformed as error:
            return Place(target, None, (error.reason, error.detail))
