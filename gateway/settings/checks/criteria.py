"""Criteria: whoever is let in is named. Nothing written must never mean everybody."""

from collections.abc import Iterator, Mapping

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
    """A group in a form that no provider gives it fits nobody, in silence."""
    several = len(settings.providers) > 1
    forms = {
        name: several if one.qualify_groups is None else one.qualify_groups
        for name, one in settings.providers.items()
    }
    for path, rule in all_rules(settings):
        for where, criteria in _of_rule((*path, "allow"), rule):
            yield from _unwritten(where, criteria, whose(rule), forms)
    for name, provider in settings.providers.items():
        if provider.allow is not None:
            yield from _unwritten(("providers", name, "allow"), provider.allow, "", {name: forms[name]})


def _unwritten(path: YamlPath, criteria: Criteria, who: str, forms: Mapping[str, bool]) -> Iterator[Fault]:
    """`forms` are the providers in question, each with whether its groups are written `provider:group`."""
    for index, group in enumerate(criteria.groups):
        owner, colon, rest = group.partition(":")
        named = bool(colon) and owner in forms
        if forms and all(forms.values()) and not named:
            instead = f"write {' or '.join([f'{name}:GROUP' for name in list(forms)[:2]])}"
            yield Fault(
                (*path, "groups", index), f"{who}a group without its provider fits nobody here", instead
            )
        elif named and not forms[owner]:
            what = f"{who}groups of {owner} are written without the provider here, so that this fits nobody"
            yield Fault(
                (*path, "groups", index), what, f"write {rest}, or qualify_groups: true at the provider"
            )
