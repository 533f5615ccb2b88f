"""Which tokens of the providers the rules hand through, and which headers there are for it.

Both follow from all rules together: a header that stands on one answer stands on every answer, or a client could write
it itself where it is left out.
"""

from collections.abc import Iterator, Mapping

from gateway.settings.access import RuleSettings
from gateway.settings.model import Settings

TOKENS = ("access_token", "id_token")


def passed_tokens(settings: Settings) -> frozenset[str]:
    """The kinds of tokens (`access_token`, `id_token`) that some rule hands through; empty where none does."""
    return frozenset([token for rule in _rules(settings) for token in rule.pass_token])


def kept_tokens(settings: Settings) -> Mapping[str, frozenset[str]]:
    """Which kinds have to be kept of a login, by provider: those of rules that may judge it."""
    kept: dict[str, set[str]] = {}
    for rule in _rules(settings):
        if rule.pass_token:
            for name in rule.providers or settings.providers:
                kept.setdefault(name, set()).update(rule.pass_token)
    return {name: frozenset(kinds) for name, kinds in kept.items()}


def identity_headers(settings: Settings) -> Mapping[str, str]:
    """The name of each header that every 200 carries, by its key in `headers:`."""
    passed = passed_tokens(settings)
    names = settings.headers.model_dump(exclude={"encoding"})
    return {key: name for key, name in names.items() if name and (key not in TOKENS or key in passed)}


def _rules(settings: Settings) -> Iterator[RuleSettings]:
    yield from settings.rules
    for policy in settings.policies.values():
        yield from policy.rules
