"""Criteria: whoever is let in is named. Nothing written must never mean everybody."""

from collections.abc import Iterator

from gateway.policy.criteria import read_email
from gateway.settings.checks.naming import all_rules, whose
from gateway.settings.fault import Fault, YamlPath
from gateway.settings.model import Criteria, RuleSettings, Settings


def criteria_say_somebody(settings: Settings) -> Iterator[Fault]:
    for path, rule in all_rules(settings):
        for where, criteria in _of_rule((*path, "allow"), rule):
            yield from _faults(where, criteria, whose(rule))
        if rule.allow == ():
            yield Fault((*path, "allow"), f"{whose(rule)}an empty list lets nobody in", _WRITE)
    for name, provider in settings.providers.items():
        if provider.allow is not None:
            yield from _faults(("providers", name, "allow"), provider.allow, "")


_WRITE = "write users, emails, email_domains or groups, or the word authenticated"


def _of_rule(path: YamlPath, rule: RuleSettings) -> Iterator[tuple[YamlPath, Criteria]]:
    if isinstance(rule.allow, Criteria):
        yield path, rule.allow
    elif isinstance(rule.allow, tuple):
        yield from (((*path, index), criteria) for index, criteria in enumerate(rule.allow))


def _faults(path: YamlPath, criteria: Criteria, who: str) -> Iterator[Fault]:
    if not criteria.model_fields_set:
        yield Fault(path, f"{who}criteria without a list name nobody", _WRITE)
    for key in sorted(criteria.model_fields_set):
        values: tuple[str, ...] = getattr(criteria, key)
        if not values:  # a list that somebody emptied must not widen what the other lists allow
            yield Fault(
                (*path, key), f"{who}an empty list names nobody", "write its values, or leave the key out"
            )
        for index, value in enumerate(values):
            if found := _value_fault(key, value):
                yield Fault((*path, key, index), f"{who}{found[0]}", found[1])


def _value_fault(key: str, value: str) -> tuple[str, str] | None:
    if not value.strip() or value != value.strip():
        return "empty text, or blanks around it", "write the value without blanks around it"
    if key == "emails" and not read_email(value)[0]:
        return "this is no e-mail address", "write ann@example.com, or a whole domain under email_domains"
    if key == "email_domains" and not read_email(f"ann@{value}")[0]:
        return "this is no e-mail domain", "write example.com, without @ and *"
    return None


def groups_are_qualified(settings: Settings) -> Iterator[Fault]:
    names = tuple(settings.providers)
    if len(names) < 2:
        return
    qualified = tuple([f"{name}:" for name in names])
    for path, rule in all_rules(settings):
        for where, criteria in _of_rule((*path, "allow"), rule):
            for index, group in enumerate(criteria.groups):
                if not group.startswith(qualified):
                    yield Fault(
                        (*where, "groups", index),
                        f"{whose(rule)}a group without its provider fits nobody where there are several",
                        f"write {names[0]}:GROUP or {names[1]}:GROUP",
                    )
