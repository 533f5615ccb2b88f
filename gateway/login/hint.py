"""The hint: which providers the login page is asked to offer, as `provider=corp,partner` in its address.

`provider=again:corp` says besides that a login which is there already will not do, for example because the access token
that an application needs has ended: without it the login page would lead the person straight back. It demands nothing
of the new login, and so a forged one is worth a click on the sign-in button.

The check writes it, because the check alone knows the rule: it has seen the client's network, and the policy that the
proxy named. The login page believes it as far as it goes. Whoever forges one only chooses among the providers that
are configured, as the login page lets everybody do.
"""

from collections.abc import Collection, Iterable

_AGAIN = "again:"


def write_hint(providers: Iterable[str], *, again: bool = False) -> str:
    """Names of providers in one text; a name is `[a-z][a-z0-9-]*`, so that nothing in it needs an escape."""
    names = ",".join(providers)
    return f"{_AGAIN}{names}" if again and names else names


def wants_again(text: str) -> bool:
    """Whether the login has to be a new one, whoever is signed in."""
    return text.startswith(_AGAIN)


def read_hint(text: str, configured: Collection[str]) -> tuple[str, ...]:
    """The configured providers that a hint names, each once, in its order; others are dropped.

    Of more names than there are providers the rest is not looked at.
    """
    asked = text.removeprefix(_AGAIN).split(",", len(configured))
    return tuple(dict.fromkeys([name for name in asked if name in configured]))
