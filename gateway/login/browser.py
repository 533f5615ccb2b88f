"""The browser that a login belongs to: one random secret in a cookie, on the gateway's own host alone.

One secret serves all attempts of a browser, so that twenty tabs need one cookie and not twenty. On https the cookie
carries the `__Host-` prefix: no sibling subdomain can plant one and so finish its own login in somebody else's
browser (login CSRF, RFC 9700 section 4.7.1).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.identity.presented import Head
from gateway.login.attempt import digest, is_secret, new_secret
from gateway.sessions.cookie import CookieSpec, cookie_values, set_cookie


@dataclass(frozen=True, slots=True)
class Browser:
    """`mark` names the browser in the store and in attempts; it cannot be turned back into the cookie."""

    secret: str = field(repr=False)

    @property
    def mark(self) -> str:
        return digest("browser", self.secret)


def known_browser(spec: CookieSpec, head: Head) -> Browser | None:
    """The browser by its cookie; `None` for none, for junk, and for two (one of them may be planted)."""
    values = cookie_values(head, spec.name)
    return Browser(values[0]) if len(values) == 1 and is_secret(values[0]) else None


def browser_of(spec: CookieSpec, head: Head, random: Callable[[int], bytes]) -> Browser:
    """The known browser, or a new one."""
    return known_browser(spec, head) or Browser(new_secret(random))


def browser_cookie(spec: CookieSpec, browser: Browser) -> str:
    """The `Set-Cookie` value that makes the browser known, or keeps it known for another while."""
    return set_cookie(spec, browser.secret)
