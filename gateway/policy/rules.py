"""Ordered rules: the first whose host, path, method and network fit decides; where none fits, the answer is no.

A path that an application may read in several ways is judged in all of them. Where they meet different rules nobody
knows which of these would have to decide, and the request is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from gateway.errors import Malformed
from gateway.policy.criteria import Criteria
from gateway.policy.letter_case import fold, has_case
from gateway.policy.networks import Network, plain_address, plain_network
from gateway.policy.patterns import PathPattern, compile_pattern
from gateway.policy.rule_index import RuleIndex
from gateway.policy.target import Target
from gateway.settings.access import PolicySettings, RuleSettings

Client: TypeAlias = IPv4Address | IPv6Address | None
"""The client's address; `None` where nobody trustworthy told it."""


class Access(Enum):
    """What a rule asks of a person."""

    PUBLIC = "public"
    OPTIONAL = "optional"
    AUTHENTICATED = "authenticated"
    CRITERIA = "criteria"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule, compiled.

    `index` is its place, from 0. Empty `hosts`, `paths`, `methods` and `networks` fit everything; a written list has
    to fit. `hosts` are canonical, exact or `*.suffix`. `strict`: its sessions are never taken from memory. `tokens`: those
    of the provider that the application gets (access_token, id_token). `schemes`: those of an Authorization header that
    is read here (basic, bearer); under any other rule it belongs to the application. `cookie`: sessions count too.
    `basic`: the provider that HTTP Basic is checked at. `passes_on`: the application gets what was read.
    """

    name: str
    index: int
    access: Access
    criteria: tuple[Criteria, ...] = ()
    providers: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    paths: tuple[PathPattern, ...] = ()
    methods: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    strict: bool = False
    tokens: frozenset[str] = frozenset()
    schemes: frozenset[str] = frozenset()
    cookie: bool = True
    basic: str = ""
    passes_on: bool = False

    def misfit(self, host: str, path: str, method: str, client: Client) -> str:
        """The first matcher that does not fit: host, path, method or network; "" where all do."""
        if self.hosts and not any(_host_fits(pattern, host) for pattern in self.hosts):
            return "host"
        if self.paths and not any(pattern.matches(path) for pattern in self.paths):
            return "path"
        return self.misfit_beside_place(method, client)

    def misfit_beside_place(self, method: str, client: Client) -> str:
        """As `misfit`, where host and path are known to fit."""
        if self.methods and method not in self.methods:
            return "method"
        return "network" if self.networks and not _inside(self.networks, client) else ""


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules in order, and an index so that ten thousand cost as much as ten.

    `folded` are the same rules for paths in one case, `None` where case counts or no path is written. `mixed` says
    that a pattern has capitals: then a path without any may meet another rule in its folded form, too.
    """

    rules: tuple[Rule, ...]
    index: RuleIndex[Rule]
    folded: "Rules | None" = None
    mixed: bool = False

    @classmethod
    def of(cls, written: Sequence[RuleSettings], *, case_sensitive: bool = False) -> "Rules":
        """From the configuration. Raises `SettingsFault` where a path pattern is none."""
        plain = cls._of([_compiled(i, rule) for i, rule in enumerate(written)])
        patterns = [path for rule in written for path in rule.paths]
        if case_sensitive or not patterns:
            return plain
        mixed = any(has_case(pattern) for pattern in patterns)
        folded = cls._of([_folded(rule) for rule in plain.rules]) if mixed else plain
        return cls(plain.rules, plain.index, folded, mixed)

    @classmethod
    def _of(cls, rules: Sequence[Rule]) -> "Rules":
        return cls(tuple(rules), RuleIndex.of([(rule.hosts, rule.paths, rule) for rule in rules]))

    def ask_for_client(self) -> bool:
        """Whether a rule names networks, so that the client's address counts."""
        return any(rule.networks for rule in self.rules)

    def match(self, target: Target, client: Client) -> Rule | None:
        """The rule that judges a target in every one of its readings; `None` where none does.

        Raises `Malformed` ("ambiguous_path") where two readings meet different rules.
        """
        found = self._first(target.host, target.path, target.method, client)
        # Nearly every path has one reading: no capitals, nothing encoded.
        if target.readings or (self.folded and (self.mixed or fold(target.path) != target.path)):
            for path, rules in self.other_readings(target):
                other = rules._first(target.host, path, target.method, client)  # noqa: SLF001 (of this class)
                if _place(other) != _place(found):
                    raise Malformed("ambiguous_path", f"{_called(found)} or {_called(other)}")
        return found

    def other_readings(self, target: Target) -> Iterator[tuple[str, "Rules"]]:
        """Each other path for which an application may take the target, and the rules to hold it against."""
        for path in target.readings:
            yield path, self
        if self.folded is None:
            return
        for path in (target.path, *target.readings):
            folded = fold(path)
            if self.mixed or folded != path:
                yield folded, self.folded

    def _first(self, host: str, path: str, method: str, client: Client) -> Rule | None:
        for candidate in self.index.candidates(host, path):
            if candidate.pattern is None or candidate.pattern.matches(path):
                rule = candidate.value
                if not rule.misfit_beside_place(method, client):
                    return rule
        return None


def compile_policies(written: Mapping[str, PolicySettings]) -> dict[str, Rules]:
    """The policies that a proxy names itself, by their names."""
    return {
        name: Rules.of(policy.rules, case_sensitive=policy.case_sensitive_paths)
        for name, policy in written.items()
    }


def _compiled(index: int, written: RuleSettings) -> Rule:
    access, criteria = _access(written)
    return Rule(
        name=written.name or f"rule-{index + 1}",
        index=index,
        access=access,
        criteria=criteria,
        providers=written.providers,
        hosts=tuple([host.lower().replace("[", "").replace("]", "") for host in written.hosts]),
        paths=tuple([compile_pattern(path) for path in written.paths]),
        # HEAD is GET without the body (RFC 9110 section 9.3.2); the reverse would open more than was written.
        methods=frozenset(written.methods) | ({"HEAD"} if "GET" in written.methods else frozenset()),
        networks=tuple([plain_network(network) for network in written.networks]),
        strict=written.freshness == "strict",
        tokens=frozenset(written.pass_token),
        schemes=frozenset(written.accept) - {"session"},
        cookie="session" in written.accept,
        basic=written.basic.provider if written.basic else "",
        passes_on=written.pass_authorization,
    )


def _folded(rule: Rule) -> Rule:
    """The rule for paths in one case; the rule itself where that changes none of its patterns."""
    paths = tuple([pattern.folded() for pattern in rule.paths])
    return rule if paths == rule.paths else replace(rule, paths=paths)


def _place(rule: Rule | None) -> int:
    """Where a rule stands; a rule and its folded form stand at one place."""
    return -1 if rule is None else rule.index


def _called(rule: Rule | None) -> str:
    return "no rule" if rule is None else rule.name


def _access(written: RuleSettings) -> tuple[Access, tuple[Criteria, ...]]:
    if isinstance(written.allow, str):
        return Access(written.allow), ()
    blocks = written.allow if isinstance(written.allow, tuple) else (written.allow,)
    return Access.CRITERIA, tuple([Criteria.of(block) for block in blocks])


def _host_fits(pattern: str, host: str) -> bool:
    # The dot after the star stays in the suffix, so `evilexample.com` is not `*.example.com`.
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _inside(networks: tuple[Network, ...], client: Client) -> bool:
    # A client that nobody vouches for is in no network: an address that does not parse must never be a way into one
    # (CVE-2024-47070).
    if client is None:
        return False
    address = plain_address(client)
    return any(address in network for network in networks)
