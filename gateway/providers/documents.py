"""What an OpenID provider publishes beside its tokens: the keys that prove them, and userinfo."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from gateway.errors import ProviderLied, TokenInvalid, UnknownKey
from gateway.keys.key_set import KeySet
from gateway.providers.claims import Claims
from gateway.providers.discovery import KEPT_SECONDS, Metadata, standing_object
from gateway.providers.oauth import Tokens
from gateway.providers.provider import Answer, Ask, Flow

T = TypeVar("T")


def by_its_keys(provider: str, metadata: Metadata, check: Callable[[KeySet], T], what: str) -> Flow[T]:
    """What `check` finds with the provider's keys, or with newer ones where these do not fit; else `ProviderLied`."""
    ask = Ask(metadata.jwks_uri, retry=True, keep=KEPT_SECONDS)
    try:
        return check(_keys(provider, (yield ask)))
    except UnknownKey:
        # A key may be newer than the kept set, and a set that is none may have been mended since.
        answer = yield replace(ask, renew=True)
    try:
        return check(_keys(provider, answer))
    except UnknownKey as unknown:
        raise ProviderLied(provider, f"{what}: {unknown.check}", unknown.seen) from None


def published_keys(provider: str, metadata: Metadata) -> Flow[KeySet]:
    """The key set as it stands; `ProviderLied` where it is none."""
    answer = yield Ask(metadata.jwks_uri, retry=True, keep=KEPT_SECONDS)
    try:
        return _keys(provider, answer)
    except UnknownKey as unknown:
        raise ProviderLied(provider, unknown.check) from None


def userinfo(provider: str, metadata: Metadata, tokens: Tokens, claims: Claims) -> Flow[Claims]:
    """More claims (OpenID Connect Core section 5.3) about the person of a verified ID token, whose `claims` these are."""
    bearer = {"authorization": f"Bearer {tokens.access_token}"}
    answer = yield Ask(metadata.userinfo_endpoint, headers=bearer, retry=True)
    found = standing_object(provider, "userinfo", answer)
    # Core section 5.3.2: without this check, one person's token could fetch another person's claims.
    if found.get("sub") != claims["sub"]:
        raise ProviderLied(provider, "userinfo: sub")
    return found


def _keys(provider: str, answer: Answer) -> KeySet:
    try:
        return KeySet.parse(standing_object(provider, "key set", answer))
    except TokenInvalid:
        raise UnknownKey("jwks") from None
