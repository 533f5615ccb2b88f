"""Letter case of paths: rules that only a capital tells apart need an application that does so, too."""

from collections.abc import Iterator

from gateway.policy.letter_case import fold, has_case
from gateway.settings.checks.coverage import Coverage, first
from gateway.settings.checks.naming import RuleAt, label, rule_lists, whose
from gateway.settings.checks.patterns import REGEX
from gateway.settings.fault import Fault
from gateway.settings.model import RuleSettings, Settings


def rules_differ_in_more_than_case(settings: Settings) -> Iterator[Fault]:
    policies = settings.policies.values()
    sensitive = (settings.case_sensitive_paths, *[policy.case_sensitive_paths for policy in policies])
    for rules, apart in zip(rule_lists(settings), sensitive, strict=True):
        if not apart and any(has_case(path) for _, rule in rules for path in rule.paths):
            yield from _faults(rules)


def _faults(rules: list[RuleAt]) -> Iterator[Fault]:
    folded = Coverage([_folded(rule) for _, rule in rules])
    as_written = Coverage([rule for _, rule in rules])
    for position, (path, rule) in enumerate(rules):
        before = folded.before(position)
        # What an earlier rule fits letter by letter is said by another check.
        if before and not before & as_written.before(position):
            yield Fault(
                path,
                f"{whose(rule)}is never reached, because {label(*rules[first(before)])} fits all that it fits but for the "
                "case of letters, and such paths are refused",
                "write case_sensitive_paths: true if every application tells /Admin from /admin, or remove one of them",
            )


def _folded(rule: RuleSettings) -> RuleSettings:
    paths = [path if path.startswith(REGEX) else fold(path) for path in rule.paths]
    return rule.model_copy(update={"paths": tuple(paths)})
