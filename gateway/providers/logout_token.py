"""The logout token: by which a provider tells that one of its sessions is over (Back-Channel Logout 1.0, section 2.6).

It is signed with the keys that sign ID tokens, for the same audience. What tells the two apart is the event that a
logout token must name, the nonce that it must not have, and its `typ`, which most providers do not send.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import ProviderLied, TokenInvalid, UnknownKey
from gateway.keys.jwks import KeySet, Profile, verify
from gateway.providers.claims import Claims, provider_sid, seconds, subject, text
from gateway.providers.id_token import SKEW
from gateway.providers.provider import LoggedOut

EVENT = "http://schemas.openid.net/event/backchannel-logout"
FRESH = 120
"""Seconds after its `iat` for which a token is taken; for so long its `jti` has to be remembered."""
LONGEST_ID = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLogout:
    """What we know about a logout token before we read it."""

    provider: str
    issuer: str
    client_id: str
    algorithms: tuple[str, ...]

    @property
    def profile(self) -> Profile:
        return Profile(
            typ=frozenset({"", "jwt", "logout+jwt"}),
            algorithms=self.algorithms,
            issuer=self.issuer,
            audience=self.client_id,
            required=("iss", "aud", "iat", "jti", "events"),
            leeway=SKEW,
        )


def check_logout_token(token: str, keys: KeySet, expected: ExpectedLogout, now: float) -> LoggedOut:
    """What a good token says is over. Raises `UnknownKey` (newer keys may help) or `ProviderLied`."""
    try:
        claims = verify(token, keys, expected.profile, now)
    except UnknownKey:
        raise
    except TokenInvalid as invalid:
        raise ProviderLied(expected.provider, f"logout_token: {invalid.check}") from None
    # Section 2.4: it is forbidden, so that no ID token is ever taken for a logout token.
    _require("nonce" not in claims, expected, "nonce")
    events = claims["events"]
    _require(isinstance(events, Mapping) and isinstance(events.get(EVENT), Mapping), expected, "events")
    _require(now - seconds(claims["iat"]) <= FRESH, expected, "iat")
    token_id = text(claims["jti"])
    _require(bool(token_id) and len(token_id) <= LONGEST_ID, expected, "jti")
    return LoggedOut(token_id, _sid(claims, expected), _subject(claims, expected))


def _sid(claims: Claims, expected: ExpectedLogout) -> str:
    sid = provider_sid(claims)
    # One that we cannot read is refused, not passed over: without it, the token would mean all of the person's
    # sessions.
    _require(bool(sid) or "sid" not in claims, expected, "sid")
    return sid


def _subject(claims: Claims, expected: ExpectedLogout) -> str:
    if "sub" in claims:
        return subject(expected.provider, claims)
    _require("sid" in claims, expected, "neither sub nor sid")
    return ""


def _require(held: bool, expected: ExpectedLogout, check: str) -> None:
    if not held:
        raise ProviderLied(expected.provider, f"logout_token: {check}")
