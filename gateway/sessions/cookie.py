"""The session cookie: a ticket that exists nowhere else, and the reading and writing of cookies (RFC 6265).

    value = "v1." kid "." base64url(issued(4) || secret(32)) "." base64url(HMAC-SHA256(…)[:16])

The HMAC drops junk without asking the store, and dates the ticket, so that the absolute limit holds whatever the
browser says. Confidentiality never depends on it: the session's key is derived from the secret.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from urllib.parse import urlsplit

from gateway.errors import Unsealable
from gateway.identity.presented import Head
from gateway.keys.hashing import mac
from gateway.keys.keyring import Keyring
from gateway.settings.model import Settings

SECRET = 32
MAX_AGE = 400 * 86_400  # browsers cut longer ages to this (RFC 6265bis section 5.5)
FAMILIAR = 90 * 86_400
"""Seconds for which a browser stays familiar to an account that does not sign in there."""
_VERSION = "v1"
_PURPOSE = "cookie/v1"
_BLANK = b" \t"


@dataclass(frozen=True, slots=True)
class CookieSpec:
    """How a cookie is called and where it goes; `max_age` in seconds. Without `domain` it stays on its host."""

    name: str
    domain: str | None
    secure: bool
    max_age: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the cookie carries: 256 bits, and the moment of their issue in Unix seconds."""

    kid: str
    issued: int
    secret: bytes = field(repr=False)


def session_cookie(settings: Settings) -> CookieSpec:
    """The session's cookie: on one host where there is one, else on the configured parent domain."""
    own = urlsplit(settings.public_url)
    alone = all(urlsplit(origin).hostname == own.hostname for origin in settings.hosts)
    limits = settings.sessions
    return _spec(
        limits.cookie_name,
        # `__Host-` cannot be planted by a sibling subdomain (cookie tossing), so it is taken wherever it can be.
        domain=None if alone else limits.cookie_domain,
        host_only=alone,
        secure=own.scheme == "https",
        max_age=limits.absolute,
    )


def attempt_cookie(settings: Settings) -> CookieSpec:
    """The cookie that binds logins to their browser: always on the gateway's own host alone.

    It lasts as long as a session that such a login begins, so that a second login finds the first one's browser.
    """
    return _of_own_host(settings, "login", settings.login.attempt_lifetime + settings.sessions.absolute)


def last_used_cookie(settings: Settings) -> CookieSpec:
    """The cookie with the name of the provider that was used last, on the gateway's own host alone."""
    return _of_own_host(settings, "provider", MAX_AGE)


def device_cookie(settings: Settings) -> CookieSpec:
    """The cookie by which a browser is familiar to the accounts that signed in there, on the gateway's own host alone."""
    return _of_own_host(settings, "device", FAMILIAR)


def own_cookies(settings: Settings) -> tuple[str, ...]:
    """The names that no application may see: whoever holds one of these has something that its person has."""
    return tuple([spec(settings).name for spec in (session_cookie, attempt_cookie, device_cookie)])


def language_cookie(settings: Settings) -> CookieSpec:
    """The cookie with the language that somebody chose, on the gateway's own host alone."""
    return _of_own_host(settings, "language", MAX_AGE)


def _of_own_host(settings: Settings, suffix: str, max_age: float) -> CookieSpec:
    return _spec(
        f"{settings.sessions.cookie_name}-{suffix}",
        domain=None,
        host_only=True,
        secure=urlsplit(settings.public_url).scheme == "https",
        max_age=max_age,
    )


def _spec(name: str, *, domain: str | None, host_only: bool, secure: bool, max_age: float) -> CookieSpec:
    # Prefixes demand `Secure` (RFC 6265bis section 4.1.3): plain http, which is for loopback only, goes without.
    prefix = ("__Host-" if host_only else "__Secure-") if secure else ""
    return CookieSpec(prefix + name, domain, secure, min(int(max_age), MAX_AGE))


def cookie_values(head: Head, name: str) -> tuple[str, ...]:
    """Every value of the cookie, over all `Cookie` lines, in order; latin-1, quotes kept.

    Names are exact. Lines are split at semicolons and nowhere else: a comma belongs to a value.
    """
    return values_of(head.all(b"cookie"), name)


def values_of(lines: tuple[bytes, ...], name: str) -> tuple[str, ...]:
    """As `cookie_values`, of the lines themselves."""
    wanted = name.encode("latin-1")
    return tuple(
        [
            value.strip(_BLANK).decode("latin-1")
            for line in lines
            if wanted in line
            for pair in line.split(b";")
            if wanted in pair
            for left, equals, value in (pair.partition(b"="),)
            if equals and left.strip(_BLANK) == wanted
        ]
    )


def without_cookies(lines: tuple[bytes, ...], names: tuple[str, ...]) -> bytes:
    """The `Cookie` line for the application: one line without the named cookies, empty when nothing is left.

    Ours go in every spelling and at every place; all other pairs stay byte for byte.
    """
    ours = [name.encode("latin-1") for name in names]
    cleaned = [_cleaned(line, ours) for line in lines]
    return b"; ".join([line for line in cleaned if line])


def _cleaned(line: bytes, ours: list[bytes]) -> bytes:
    if not any([name in line for name in ours]):  # noqa: C419 (a list is quicker than a generator, every check runs it)
        return line
    pairs = line.split(b";")
    # A pair without `=` goes too: some parsers take it for a cookie without a value.
    kept = [pair for pair in pairs if pair.partition(b"=")[0].strip() not in ours]
    if len(kept) == len(pairs):
        return line
    return b"; ".join([pair.strip(_BLANK) for pair in kept if pair.strip(_BLANK)])


def issue_ticket(
    ring: Keyring, spec: CookieSpec, now: float, random: Callable[[int], bytes]
) -> tuple[str, Ticket]:
    """A new ticket, and the cookie's value for it."""
    ticket = Ticket(ring.active, int(now), random(SECRET))
    body = urlsafe_b64encode(ticket.issued.to_bytes(4, "big") + ticket.secret).decode("ascii")
    signed = f"{_VERSION}.{ticket.kid}.{body}"
    return f"{signed}.{_tag(ring, spec, ticket.kid, signed).decode('ascii')}", ticket


def read_ticket(ring: Keyring, spec: CookieSpec, head: Head, now: float) -> Ticket | None:
    """The request's ticket; `None` for none, for two, for junk, for a forgery, and past the absolute limit.

    Two values of one cookie are no session: one of them may have been planted, and which one an application's own
    parser would take is anybody's guess.
    """
    ticket = ticket_of(ring, spec, head.all(b"cookie"))
    return ticket if ticket and now < ticket.issued + spec.max_age else None


def ticket_of(ring: Keyring, spec: CookieSpec, lines: tuple[bytes, ...]) -> Ticket | None:
    """As `read_ticket`, of the `Cookie` lines themselves; the absolute limit is left to whoever asks."""
    values = values_of(lines, spec.name)
    return _parse_ticket(ring, spec, values[0]) if len(values) == 1 else None


def _parse_ticket(ring: Keyring, spec: CookieSpec, value: str) -> Ticket | None:
    if len(value) > 256:
        return None
    signed, _, tag = value.rpartition(".")
    parts = signed.split(".")
    if len(parts) != 3 or parts[0] != _VERSION:
        return None
    try:
        expected = _tag(ring, spec, parts[1], signed)
    except Unsealable:  # a kid that we never had, or have dropped
        return None
    # Encoded text is compared with encoded text, so that no second spelling of the same bytes passes.
    if not compare_digest(expected, tag.encode("latin-1")):
        return None
    raw = urlsafe_b64decode(parts[2])
    return Ticket(parts[1], int.from_bytes(raw[:4], "big"), raw[4:])


def _tag(ring: Keyring, spec: CookieSpec, kid: str, signed: str) -> bytes:
    # The name is part of the message: a value of one of our cookies means nothing in another.
    message = f"{spec.name}\0{signed}".encode("latin-1")
    return urlsafe_b64encode(mac(ring, _PURPOSE, message, kid)[:16]).rstrip(b"=")


def set_cookie(spec: CookieSpec, value: str) -> str:
    """The value of a `Set-Cookie` header that stores `value`."""
    return _line(spec, value, spec.max_age)


def clear_cookie(spec: CookieSpec) -> str:
    """The value of a `Set-Cookie` header that deletes the cookie: browsers match name, domain and path."""
    return _line(spec, "", 0)


def _line(spec: CookieSpec, value: str, max_age: int) -> str:
    domain = f"; Domain={spec.domain}" if spec.domain else ""
    secure = "; Secure" if spec.secure else ""
    return f"{spec.name}={value}; Max-Age={max_age}; Path=/{domain}{secure}; HttpOnly; SameSite=Lax"
