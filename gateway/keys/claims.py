"""What a token must claim, per use: a fixed profile, and the checks in the order of the specification.

The clock is an argument, so the library's own time checks stay off. Confusing two uses of one key is what `typ`, the
issuer and the audience prevent together (RFC 8725 sections 3.8 to 3.12).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from gateway.errors import TokenInvalid

MAX_LEEWAY = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One use of signed tokens. `leeway` in seconds, at most a minute.

    `typ` lists the values that may stand in the header, lower-case and without `application/`; an empty string among
    them lets the header leave it out. `None` says that this use has no `typ` (ID tokens).
    """

    typ: frozenset[str] | None
    algorithms: tuple[str, ...]
    issuer: str
    audience: str
    required: tuple[str, ...] = ("iss", "aud", "exp", "iat")
    leeway: int = 30

    def __post_init__(self) -> None:
        if not 0 <= self.leeway <= MAX_LEEWAY:
            raise ValueError(f"a leeway of 0 to {MAX_LEEWAY} seconds")


def check_typ(header: Mapping[str, Any], profile: Profile) -> None:
    """RFC 8725 section 3.11; media types compare without case and without `application/` (RFC 7515 section 4.1.9)."""
    if profile.typ is None:
        return
    typ = header.get("typ", "")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in profile.typ:
        raise TokenInvalid("typ")


def check_claims(claims: Mapping[str, Any], profile: Profile, now: float) -> None:
    """RFC 7519 section 4.1 and OpenID Connect Core section 3.1.3.7; raises `TokenInvalid` at the first that fails."""
    for name in profile.required:
        if claims.get(name) in (None, "", []):
            raise TokenInvalid(f"{name} is missing")
    if "iss" in claims and claims["iss"] != profile.issuer:
        raise TokenInvalid("iss", f"{claims['iss']!r:.200}")
    if "aud" in claims and profile.audience not in _audiences(claims["aud"]):
        raise TokenInvalid("aud", f"{claims['aud']!r:.200}")
    if "sub" in claims and not isinstance(claims["sub"], str):
        raise TokenInvalid("sub")
    _check_times(claims, profile.leeway, now)


def _audiences(aud: Any) -> list[str]:
    if isinstance(aud, str):
        return [aud]
    if isinstance(aud, list) and all(isinstance(entry, str) for entry in aud):
        return aud
    raise TokenInvalid("aud")


def _check_times(claims: Mapping[str, Any], leeway: int, now: float) -> None:
    if "exp" in claims and now >= _seconds(claims, "exp") + leeway:
        raise TokenInvalid("exp")
    if "nbf" in claims and now < _seconds(claims, "nbf") - leeway:
        raise TokenInvalid("nbf")
    if "iat" in claims and now < _seconds(claims, "iat") - leeway:
        raise TokenInvalid("iat")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims[name]
    # JSON's `true` is an int to Python, and 1e999 an infinity: neither is a time.
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TokenInvalid(name)
    return value
