"""Credentials in `Authorization`: where they are checked, and under which rules they mean anything."""

from collections.abc import Iterator

from gateway.settings.checks.naming import all_rules, whose
from gateway.settings.credentials import password_providers
from gateway.settings.fault import Fault
from gateway.settings.model import Settings


def basic_has_a_provider(settings: Settings) -> Iterator[Fault]:
    """HTTP Basic is checked at one provider that takes passwords: a password is not offered to one after the other."""
    known = password_providers(settings)
    for path, rule in all_rules(settings):
        if "basic" not in rule.accept:
            continue
        name = rule.basic.provider if rule.basic else known[0] if len(known) == 1 else ""
        if not known:
            what = "asks for a name and a password, and no provider takes them"
            yield Fault(
                (*path, "accept"), f"{whose(rule)}{what}", "add one of type users-file, ldap or ad-api"
            )
        elif not name:
            what = "does not say which of several providers takes the password"
            yield Fault((*path, "accept"), f"{whose(rule)}{what}", f"add basic: {{provider: {known[0]}}}")
        elif name not in known:
            what = "is no provider that takes a name and a password"
            yield Fault((*path, "basic", "provider"), f"{whose(rule)}{what}", f"write {' or '.join(known)}")
        elif rule.providers and name not in rule.providers:
            what = f"takes passwords of {name}, whose logins the rule does not look at"
            yield Fault((*path, "accept"), f"{whose(rule)}{what}", f"add {name} to providers:")


def keys_of_credentials_are_used(settings: Settings) -> Iterator[Fault]:
    for path, rule in all_rules(settings):
        if rule.basic is not None and "basic" not in rule.accept:
            yield Fault(
                (*path, "basic"), f"{whose(rule)}is never asked", "add basic to accept:, or remove it"
            )
        if rule.pass_authorization and set(rule.accept) == {"session"}:
            yield Fault(
                (*path, "pass_authorization"),
                f"{whose(rule)}says what is so anyway: the rule reads no Authorization, so the application gets it",
                "remove it, or add basic or bearer to accept:",
            )


def credentials_find_somebody_who_looks(settings: Settings) -> Iterator[Fault]:
    for path, rule in all_rules(settings):
        if rule.allow == "public" and "accept" in rule.model_fields_set:
            yield Fault(
                (*path, "accept"),
                f"{whose(rule)}a public rule looks at no credential",
                "write allow: optional where those who bring one are to be known, or leave the key out",
            )
        if rule.pass_token and "session" not in rule.accept:
            yield Fault(
                (*path, "pass_token"),
                f"{whose(rule)}only a session has tokens of the provider, and the rule looks at none",
                "add session to accept:, or leave the key out",
            )
