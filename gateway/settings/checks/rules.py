"""Rules: names, matchers, hosts, methods, providers, and whether each is ever reached."""

import re
from collections.abc import Iterator

from gateway.settings.addresses import read_address
from gateway.settings.checks.coverage import Coverage, first, hosts_around, suffixes
from gateway.settings.checks.naming import all_rules, label, rule_lists, whose
from gateway.settings.checks.origins import listed
from gateway.settings.fault import Fault, did_you_mean
from gateway.settings.model import RuleSettings, Settings

_DEFAULT_NAME = re.compile(r"rule-[0-9]+")
_METHOD = re.compile(r"(?!CONNECT\Z)[A-Z][A-Z0-9_-]{0,31}")  # what policy.target lets through
_MATCHERS = ("hosts", "paths", "methods", "networks", "providers")

# RFC 9110, RFC 5789, and WebDAV with its relatives (RFC 3253, 3648, 3744, 4791, 4918, 5323, 5842).
_METHODS = frozenset(
    """
    GET HEAD POST PUT PATCH DELETE OPTIONS TRACE QUERY
    PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK SEARCH REPORT ACL BIND UNBIND REBIND LINK UNLINK ORDERPATCH
    CHECKIN CHECKOUT UNCHECKOUT VERSION-CONTROL LABEL MERGE MKACTIVITY MKCALENDAR MKWORKSPACE UPDATE
    BASELINE-CONTROL MKREDIRECTREF UPDATEREDIRECTREF
    """.split()  # noqa: SIM905 - words read best as words
)


def names_are_distinct(settings: Settings) -> Iterator[Fault]:
    for rules in rule_lists(settings):
        first: dict[str, str] = {}
        for path, rule in rules:
            if rule.name is None:
                continue
            here = (*path, "name")
            if _DEFAULT_NAME.fullmatch(rule.name):
                yield Fault(here, "is what a rule without a name is called", "write another name")
            if rule.name in first:
                yield Fault(here, f"is the name of {first[rule.name]} too", "write another name")
            first.setdefault(rule.name, label(path, rule))


def matchers_say_something(settings: Settings) -> Iterator[Fault]:
    for path, rule in all_rules(settings):
        for key in _MATCHERS:
            if key in rule.model_fields_set and not getattr(rule, key):
                # Left out it means all; a list that somebody emptied must not come to mean that by accident.
                yield Fault(
                    (*path, key),
                    f"{whose(rule)}an empty list could mean all or none",
                    "leave the key out for all, or write its values",
                )


def hosts_are_listed(settings: Settings) -> Iterator[Fault]:
    hosts = {host.shown_host for host in listed(settings)}
    above = {suffix for host in hosts for suffix in suffixes(host)}
    for path, rule in all_rules(settings):
        for index, pattern in enumerate(rule.hosts):
            if not _is_asked(pattern, hosts, above):
                yield Fault(
                    (*path, "hosts", index),
                    f"{whose(rule)}{pattern} is not among the hosts, so that the rule would never fit",
                    "add it to hosts:, or write one that stands there",
                )


def _is_asked(pattern: str, hosts: set[str], above: set[str]) -> bool:
    """Whether a request can fit it: it is within one of `hosts`, or is a suffix `above` one of them."""
    asked = read_address(f"https://{pattern}")
    if asked is None:
        return False
    shown = asked.shown_host
    return not hosts.isdisjoint(hosts_around(shown)) or (asked.wild and shown[1:] in above)


def methods_are_methods(settings: Settings) -> Iterator[Fault]:
    for path, rule in all_rules(settings):
        for index, method in enumerate(rule.methods):
            if not _METHOD.fullmatch(method):
                yield Fault(
                    (*path, "methods", index),
                    f"{whose(rule)}this is no method",
                    "write it in upper case, as in GET or POST",
                )


def rare_methods_are_noted(settings: Settings) -> Iterator[Fault]:
    for path, rule in all_rules(settings):
        for index, method in enumerate(rule.methods):
            if _METHOD.fullmatch(method) and method not in _METHODS:
                yield Fault(
                    (*path, "methods", index),
                    f"{whose(rule)}no standard knows this method",
                    "check its spelling",
                )


def providers_exist(settings: Settings) -> Iterator[Fault]:
    known = tuple(sorted(settings.providers))
    for path, rule in all_rules(settings):
        who = whose(rule)
        for index, name in enumerate(rule.providers):
            if name not in settings.providers:
                hint = did_you_mean(name, known) if known else "add it to providers:"
                yield Fault((*path, "providers", index), f"{who}no provider has this name", hint)
        if rule.allow not in {"public", "optional"} and not known:
            yield Fault(
                (*path, "allow"),
                f"{who}asks for a login, and there is nowhere to log in",
                "add a section to providers:",
            )


def public_rules_pass_no_token(settings: Settings) -> Iterator[Fault]:
    for path, rule in all_rules(settings):
        if rule.pass_token and rule.allow == "public":
            yield Fault(
                (*path, "pass_token"),
                f"{whose(rule)}a public rule looks at no session, so it has no token to pass",
                "write allow: optional where a token is for those who are signed in, or leave the key out",
            )


def every_rule_is_reached(settings: Settings) -> Iterator[Fault]:
    for rules in rule_lists(settings):
        coverage = Coverage([rule for _, rule in rules])
        for position, (path, rule) in enumerate(rules):
            if before := coverage.before(position):
                earlier = rules[first(before)]
                yield Fault(
                    path,
                    f"{whose(rule)}is never reached, because {label(*earlier)} fits all that it fits",
                    "move it in front of that rule, or remove it",
                )


def open_doors_are_noted(settings: Settings) -> Iterator[Fault]:
    for path, rule in all_rules(settings):
        if rule.allow == "public" and not _narrowed(rule):
            where = f"on {', '.join(rule.hosts)}" if rule.hosts else "on every host"
            yield Fault(
                (*path, "allow"),
                f"{whose(rule)}lets everybody into every path {where} that no rule before it takes",
                "add paths: if less is meant",
            )


def passed_tokens_are_noted(settings: Settings) -> Iterator[Fault]:
    hosts = settings.hosts
    if len(hosts) == 1 and "*" not in hosts[0]:
        return
    for index, rule in enumerate(settings.rules):
        if rule.pass_token and not rule.hosts:
            yield Fault(
                ("rules", index, "pass_token"),
                f"{whose(rule)}passes the token on every host, to whatever application stands there",
                "add hosts: with those of the applications that need it",
            )


def _narrowed(rule: RuleSettings) -> bool:
    return bool(rule.paths or rule.methods or rule.networks)
