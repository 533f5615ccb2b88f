"""Walking all rules of a configuration, and naming them in messages."""

from collections.abc import Iterator

from gateway.settings.fault import YamlPath, show_path
from gateway.settings.model import RuleSettings, Settings

RuleAt = tuple[YamlPath, RuleSettings]


def rule_lists(settings: Settings) -> Iterator[list[RuleAt]]:
    """The rules by host, then those of each policy; each list is judged on its own."""
    yield _at(("rules",), settings.rules)
    for name, policy in settings.policies.items():
        yield _at(("policies", name, "rules"), policy.rules)


def _at(parent: YamlPath, rules: tuple[RuleSettings, ...]) -> list[RuleAt]:
    return [((*parent, index), rule) for index, rule in enumerate(rules)]


def all_rules(settings: Settings) -> Iterator[RuleAt]:
    """Every rule with its path."""
    for rules in rule_lists(settings):
        yield from rules


def label(path: YamlPath, rule: RuleSettings) -> str:
    """How another rule is named in a sentence: `rule admins (rules[2])`, or `rules[2]` for one without a name."""
    return f"rule {rule.name} ({show_path(path)})" if rule.name else show_path(path)


def whose(rule: RuleSettings) -> str:
    """`rule admins: `, in front of a sentence about the rule whose path the message begins with; else nothing."""
    return f"rule {rule.name}: " if rule.name else ""
