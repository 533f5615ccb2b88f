"""The assertion: what a signed token says about the person, for one application (RFC 7519).

It names its audience, so that an application which receives one cannot use it at another (the ALBeast flaw was
assertions without `aud`), and it ends with the session at the latest.
"""

from typing import Any

from gateway.identity.identity import Identity

TYP = "assertion+jwt"
"""The token's type (RFC 8725 section 3.11): an access token or an ID token never passes for one, nor it for them."""


def assertion_claims(
    identity: Identity,
    *,
    session: str,
    issuer: str,
    audience: str,
    now: float,
    lifetime: float,
    session_end: float,
) -> dict[str, Any]:
    """The claims, all times in Unix seconds. `session` is a hash of the session's id, never the id.

    Empty members are left out. `email` stands beside `email_verified`, which says whether the provider vouches.
    """
    claims = {
        "iss": issuer,
        "sub": identity.key,
        "aud": audience,
        "iat": int(now),
        "exp": int(min(now + lifetime, session_end)),
        "sid": session,
        "provider": identity.provider,
        "auth_time": identity.authenticated_at,
        "preferred_username": identity.user,
        "name": identity.name,
        "groups": list(identity.groups),
        "acr": identity.acr,
        "amr": list(identity.amr),
    }
    if identity.email:
        claims |= {"email": identity.email, "email_verified": identity.email_verified}
    return {name: value for name, value in claims.items() if value not in ("", [])}
