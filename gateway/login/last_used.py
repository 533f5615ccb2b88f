"""Which provider a browser used last: the login page shows it first.

The cookie holds the name of a provider and no secret. Whoever plants another name moves a button to the top: it never
chooses by itself, and is dropped unless it is the name of a provider that is configured.
"""

from collections.abc import Collection
from dataclasses import dataclass

from gateway.identity.presented import Head
from gateway.sessions.cookie import CookieSpec, cookie_values, set_cookie


@dataclass(frozen=True, slots=True)
class LastUsed:
    """`providers` are the names that count."""

    spec: CookieSpec
    providers: Collection[str]

    def of(self, head: Head) -> str:
        """The provider of the request's browser; "" for none, for two, and for junk."""
        values = cookie_values(head, self.spec.name)
        return values[0] if len(values) == 1 and values[0] in self.providers else ""

    def cookie(self, provider: str) -> str:
        """The `Set-Cookie` value that remembers a provider."""
        return set_cookie(self.spec, provider)
