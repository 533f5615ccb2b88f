"""When the token of an answer ends, out of whatever the API says about it.

Seen in the wild: seconds to live, Unix time in seconds, Unix time in milliseconds, ISO 8601 with and without a zone,
a claim in the token itself, and nothing. None of it is a promise, so all of it is bounded.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from gateway.keys.unproven import unproven_claims
from gateway.providers.claims import Claims, find, seconds
from gateway.providers.oauth import lifetime
from gateway.settings.api_answers import ApiToken

SHORTEST = 60
"""Seconds. What ends sooner, by its word or by a clock that is wrong, must not mean a login for every request."""

# 10^9 s is the year 2001, and 10^12 ms is the same: what is below the first is no moment at all.
_SECONDS, _MILLISECONDS, _ABSURD = 10**9, 10**12, 10**15
_LONGEST = 40


def token_end(body: Claims, rule: ApiToken, token: str, now: int) -> int:
    """Unix seconds. Of what lies ahead the first that is said counts, at most `max_ttl` from now."""
    stated = next((end for end in _stated(body, rule, token, now) if end > now), now + int(rule.default_ttl))
    return min(max(stated, now + SHORTEST), now + max(int(rule.max_ttl), SHORTEST))


def _stated(body: Claims, rule: ApiToken, token: str, now: int) -> Iterator[int]:
    for path in rule.expires_in:
        yield now + lifetime(find(body, path))
    for path in rule.expires_at:
        yield moment(find(body, path))
    if rule.jwt_exp and token:
        # Unproven, and not trusted for anything else: whoever could forge it has answered as the API.
        yield seconds(unproven_claims(token).get("exp"))


def moment(value: Any) -> int:
    """A moment in Unix seconds, 0 where it is none. Whole numbers tell seconds from milliseconds by their size."""
    if isinstance(value, str):
        text = value.strip()[:_LONGEST]
        if not (text.isascii() and text.isdigit()):
            return _iso(text)
        value = int(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _SECONDS < value < _ABSURD:
        return 0
    return int(value / 1000 if value > _MILLISECONDS else value)


def _iso(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return 0
