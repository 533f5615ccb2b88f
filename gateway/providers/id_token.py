"""The ID token: what it must say before anything in it is believed (OpenID Connect Core 3.1.3.7 and 12.2)."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import ProviderLied, TokenInvalid, UnknownKey
from gateway.keys.jwks import KeySet, Profile, verify
from gateway.providers.claims import Claims, seconds, subject

SKEW = 60

# An at_hash, or a c_hash, is the left half of the hash that the signature algorithm uses (Core sections 3.1.3.6 and
# 3.3.2.11), so its length names the hash: 16, 24 or 32 bytes. Any other length is neither.
_HALVES: Mapping[int, Callable[[bytes], Any]] = {22: hashlib.sha256, 32: hashlib.sha384, 43: hashlib.sha512}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What we know about a token before we read it.

    `nonce` is that of the departure; `None` is for a refresh alone, where the specification has none. `code` is the
    one that was redeemed for the token; "" where there was none.
    """

    provider: str
    issuer: str
    client_id: str
    algorithms: tuple[str, ...]
    nonce: str | None = field(repr=False)
    max_age: int | None = None
    code: str = field(default="", repr=False)

    @property
    def profile(self) -> Profile:
        return Profile(
            # No provider is made to send a `typ`; one that says "access token" or "logout token" is believed.
            typ=frozenset({"", "jwt"}),
            algorithms=self.algorithms,
            issuer=self.issuer,
            audience=self.client_id,
            required=("iss", "sub", "aud", "exp", "iat"),
            leeway=SKEW,
        )


def check_id_token(token: str, keys: KeySet, expected: Expected, access_token: str, now: float) -> Claims:
    """The claims of a good token. Raises `UnknownKey` (newer keys may help) or `ProviderLied`."""
    try:
        claims = verify(token, keys, expected.profile, now)
    except UnknownKey:
        raise
    except TokenInvalid as invalid:
        raise ProviderLied(
            expected.provider, f"id_token: {invalid.check}", *_mismatch(invalid, expected)
        ) from None
    subject(expected.provider, claims)
    _check_party(claims, expected)
    _check_nonce(claims, expected)
    _check_age(claims, expected, now)
    _check_hash(claims, expected, "at_hash", access_token)
    if expected.code:
        _check_hash(claims, expected, "c_hash", expected.code)
    return claims


def _mismatch(invalid: TokenInvalid, expected: Expected) -> tuple[str, str]:
    """What was seen and what was expected, and what the operator can do about it.

    The token came from the provider itself, so that no browser can have made these up.
    """
    match invalid.check:
        case "alg":
            wanted = f"expected one of {', '.join(expected.algorithms)}"
            remedy = "choose one of these for the ID tokens of this client at the provider"
        case "iss":
            wanted = f"expected {expected.issuer!r}"
            remedy = "let the provider name itself in its tokens as in its discovery document"
        case "aud":
            wanted = f"expected {expected.client_id!r}"
            remedy = f"write the client_id that the provider knows (providers.{expected.provider})"
        case _:
            return "", ""
    return (f"{invalid.seen}, {wanted}", remedy) if invalid.seen else ("", "")


def _check_party(claims: Claims, expected: Expected) -> None:
    """Rules 3 to 5: a token for several audiences names the one that it was issued to, and that must be us."""
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != expected.client_id:
        raise ProviderLied(expected.provider, "id_token: azp")


def _check_nonce(claims: Claims, expected: Expected) -> None:
    if expected.nonce is None:
        return
    nonce = claims.get("nonce")
    # An empty expectation would be met by an empty claim (CVE-2026-61687): it is nobody's nonce.
    if not expected.nonce or not isinstance(nonce, str) or not _same(nonce, expected.nonce):
        raise ProviderLied(expected.provider, "id_token: nonce")


def _check_age(claims: Claims, expected: Expected, now: float) -> None:
    if expected.max_age is None:
        return
    authenticated = seconds(claims.get("auth_time"))
    if not authenticated or now - authenticated > expected.max_age + SKEW:
        raise ProviderLied(expected.provider, "id_token: auth_time")


def _check_hash(claims: Claims, expected: Expected, name: str, hashed: str) -> None:
    """From the token endpoint a hash may be missing; one that is there binds the token to what it came with."""
    stated = claims.get(name)
    if stated is None:
        return
    half = _HALVES.get(len(stated)) if isinstance(stated, str) else None
    if half is None or not _same(stated, _left_half(half(hashed.encode()).digest())):
        raise ProviderLied(expected.provider, f"id_token: {name}")


def _left_half(digest: bytes) -> str:
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")


def _same(one: str, other: str) -> bool:
    """In constant time; half a surrogate pair, which JSON can spell, is compared and not choked on."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
