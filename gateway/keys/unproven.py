"""What a token says of itself before anything about it is proven.

MUST NOT be believed. It is for the one case in which what a token has to prove depends on what it claims: a provider
with an issuer for each tenant. The caller holds the claim against a rule of its own, and then verifies the token
against the outcome.
"""

from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any

from gateway.keys.jwks import MAX_TOKEN
from gateway.keys.strict_json import parse_object


def unproven_claims(token: str) -> Mapping[str, Any]:
    """The claims as they stand there; none where it is no token that could be proven afterwards."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3:
        return {}
    try:
        return parse_object(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (NotBase64, ValueError):
        return {}
