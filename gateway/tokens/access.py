"""The access token: who somebody is, signed, for programs that send it with each request (RFC 9068, RFC 6750).

It is good by its claims alone, for half an hour. What can end it before, the person's epoch and the end of its session,
is asked by whoever takes it (`forward_auth.bearer`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.errors import TokenInvalid
from gateway.identity.identity import Identity
from gateway.keys.claims import Profile
from gateway.keys.jwks import sign_access, token_keys, verify
from gateway.keys.keyring import Keyring
from gateway.sessions.session import Session, log_name

TYP = "at+jwt"
"""RFC 9068 section 2.1: an ID token, an assertion or a logout token never passes for one, nor it for them."""
LEEWAY = 30
"""Seconds by which the clock of whoever issued a token may be ahead. It ends by the clock of whoever reads it, without."""
LONGEST = 8_000
"""Bytes of a token that is looked at. Ours are some hundreds."""
MOST_GROUPS = 4_000
"""Bytes of all groups together, as JSON; beyond, a token would fit no header on its way."""
FIRST_PARTY = "gateway"
"""The `client_id` of a client that has no name here: RFC 9068 demands one."""

_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "provider", "idp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a good token says. `session` is the `log_name` of its session, `epoch` that of the person at its begin.

    `issued` and `ends` in Unix seconds; it is taken until `ends`.
    """

    id: str
    identity: Identity
    session: str
    client: str
    epoch: int
    issued: int
    ends: int


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Makes and reads access tokens. `issuer` is the public address; `lifetime` and `idle` in seconds."""

    ring: Keyring
    issuer: str
    audience: str
    lifetime: float
    idle: float

    def ends(self, session: Session, issued: int) -> int:
        """When a token for this session would end: with the session at the latest."""
        return int(min(issued + self.lifetime, session.absolute_end, session.seen + self.idle))

    def issue(self, session: Session, issued: int, token_id: str, client: str = "") -> str:
        """A token for the latest login of a session. The same arguments make the same claims."""
        claims = self._claims(session, issued, token_id, client or FIRST_PARTY)
        return sign_access(self.ring, claims, TYP)

    def _claims(self, session: Session, issued: int, token_id: str, client: str) -> dict[str, Any]:
        identity = session.latest
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": identity.key,
            "aud": self.audience,
            "iat": issued,
            "exp": self.ends(session, issued),
            "jti": token_id,
            "client_id": client,
            "sid": log_name(session.id),
            "provider": identity.provider,
            "idp": identity.issuer,
            "tenant": identity.tenant,
            "auth_time": identity.authenticated_at,
            "preferred_username": identity.user,
            "name": identity.name,
            "groups": list(identity.groups),
            "acr": identity.acr,
            "amr": list(identity.amr),
        }
        if identity.email:
            claims |= {"email": identity.email, "email_verified": identity.email_verified}
        if len(json.dumps(identity.groups)) > MOST_GROUPS:
            # Never cut: half a list reads like a whole one (and criteria that need a group say no).
            claims |= {"groups": [], "groups_left_out": True}
        if epoch := session.epochs.get(identity.provider, 0):
            claims["epoch"] = epoch
        return {name: value for name, value in claims.items() if value not in ("", [])}

    def reader(self) -> "AccessReader":
        """What verifies them."""
        algorithms = tuple(dict.fromkeys([key.algorithm for key in self.ring.tokens]))
        profile = Profile(
            typ=frozenset({TYP}),
            algorithms=algorithms,
            issuer=self.issuer,
            audience=self.audience,
            required=_REQUIRED,
            leeway=LEEWAY,
        )
        return AccessReader(self.ring, profile, self.lifetime)


class AccessReader:
    """Verifies access tokens by the keys of this deployment, and by none that signs anything else.

    None is good for longer than `lifetime` seconds after its issue, whatever it says: it may be of a time when that was
    longer, and for no longer is it noted that its session has ended.
    """

    def __init__(self, ring: Keyring, profile: Profile, lifetime: float) -> None:
        self._keys = token_keys(ring)
        self._profile = profile
        self._lifetime = lifetime

    def read(self, token: str, now: float) -> Access:
        """What a token says that is good at `now`; else `TokenInvalid`."""
        if len(token) > LONGEST:
            raise TokenInvalid("size")
        claims = verify(token, self._keys, self._profile, now)
        try:
            access = _access_of(claims)
        except (TypeError, ValueError):
            raise TokenInvalid("claims") from None
        ends = int(min(access.ends, access.issued + self._lifetime))
        # No leeway: it would let a request pass with an assertion that has ended, and by a session that has.
        if now >= ends:
            raise TokenInvalid("exp")
        return access if ends == access.ends else replace(access, ends=ends)


def _access_of(claims: Mapping[str, Any]) -> Access:
    """The claims as a value. We wrote them, so whatever is not as we write it is refused, and nothing is repaired."""
    provider, tenant = _text(claims, "provider"), _text(claims, "tenant")
    start = f"{provider}:{tenant}:" if tenant else f"{provider}:"
    subject = _text(claims, "sub")
    if not subject.startswith(start):
        raise ValueError("sub")
    identity = Identity(
        provider=provider,
        issuer=_text(claims, "idp"),
        subject=subject.removeprefix(start),
        user=_text(claims, "preferred_username"),
        authenticated_at=_number(claims, "auth_time"),
        tenant=tenant,
        email=_text(claims, "email"),
        email_verified=claims.get("email_verified") is True,
        name=_text(claims, "name"),
        groups=_texts(claims, "groups"),
        acr=_text(claims, "acr"),
        amr=_texts(claims, "amr"),
    )
    return Access(
        id=_text(claims, "jti"),
        identity=identity,
        session=_text(claims, "sid"),
        client=_text(claims, "client_id"),
        epoch=_number(claims, "epoch"),
        issued=_number(claims, "iat"),
        ends=_number(claims, "exp"),
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _number(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(name)
    return value


def _texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = claims.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise TypeError(name)
    return tuple(value)
