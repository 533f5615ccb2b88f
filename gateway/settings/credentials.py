"""What the rules read of `Authorization`, all of them together.

A proxy that takes the header away from applications asks the gateway what is left of it, on every answer: so one rule that
takes something changes the answers under all of them.
"""

from collections.abc import Iterator

from gateway.settings.access import RuleSettings
from gateway.settings.model import Settings
from gateway.settings.password_sections import PasswordSection


def password_providers(settings: Settings) -> tuple[str, ...]:
    """Those that take a name and a password."""
    return tuple([name for name, one in settings.providers.items() if isinstance(one, PasswordSection)])


def reads_basic(settings: Settings) -> bool:
    """Whether some rule reads HTTP Basic."""
    return any("basic" in rule.accept for rule in _rules(settings))


def takes_authorization(settings: Settings) -> bool:
    """Whether some rule keeps what it reads of `Authorization` from the application."""
    return any(
        {"basic", "bearer"} & set(rule.accept) and not rule.pass_authorization for rule in _rules(settings)
    )


def _rules(settings: Settings) -> Iterator[RuleSettings]:
    yield from settings.rules
    for policy in settings.policies.values():
        yield from policy.rules
