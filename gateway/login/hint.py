"""The hint: which providers the login page is asked to offer, as `provider=corp,partner` in its address.

The check writes it, because the check alone knows the rule: it has seen the client's network, and the policy that the
proxy named. The login page believes it as far as it goes. Whoever forges one only chooses among the providers that
are configured, as the login page lets everybody do.
"""

from collections.abc import Collection, Iterable


def write_hint(providers: Iterable[str]) -> str:
    """Names of providers in one text; a name is `[a-z][a-z0-9-]*`, so that nothing in it needs an escape."""
    return ",".join(providers)


def read_hint(text: str, configured: Collection[str]) -> tuple[str, ...]:
    """The configured providers that a hint names, each once, in its order; others are dropped.

    Of more names than there are providers the rest is not looked at.
    """
    asked = text.split(",", len(configured))
    return tuple(dict.fromkeys([name for name in asked if name in configured]))
