"""Clients that redirect logins return to, and what such a login is bound to (RFC 7636, RFC 8252, RFC 9700).

A return address is compared byte for byte with the registered ones, and the code in it is worth nothing without the
secret behind the challenge: a token is never in an address.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from re import ASCII
from re import compile as pattern
from urllib.parse import urlencode

from gateway.errors import (
    GatewayError,
    Malformed,
    NotAllowed,
    ProviderFault,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
    StoreFault,
)

_CHALLENGE = pattern(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256
_VERIFIER = pattern(r"[A-Za-z0-9._~-]{43,128}", ASCII)  # RFC 7636 section 4.1
_STATE = pattern(r"[!-~]{0,128}")


@dataclass(frozen=True, slots=True)
class ForClient:
    """A redirect login on behalf of a client: where it ends, and what its code is bound to.

    `state` goes back as it came (RFC 6749 section 4.1.1).
    """

    client: str
    address: str
    challenge: str = field(repr=False)
    state: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Clients:
    """The registered ones: return addresses by name."""

    addresses: Mapping[str, tuple[str, ...]]

    def knows(self, client: str, address: str) -> bool:
        """Whether the client is registered, and this address with it."""
        return address in self.addresses.get(client, ())

    def read(self, query: Mapping[str, str]) -> ForClient:
        """What the start of a login says; `Malformed` (client, return_address, code_challenge, state) for what is not fit.

        None of it leads to a redirect: an address that is not registered is nobody's.
        """
        client, address = query.get("client", ""), query.get("rd", "")
        if client not in self.addresses:
            raise Malformed("client")
        if not self.knows(client, address):
            raise Malformed("return_address")
        challenge = query.get("code_challenge", "")
        # Left out, the method means `plain` (RFC 7636 section 4.3), which proves nothing to whoever sees the address.
        if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
            raise Malformed("code_challenge")
        state = query.get("state", "")
        if not _STATE.fullmatch(state):
            raise Malformed("state")
        return ForClient(client, address, challenge, state)


def with_code(wanted: ForClient, code: str, issuer: str) -> str:
    """The return address with the code, the client's state, and who we are (RFC 9207)."""
    return _answered(wanted, {"code": code}, issuer)


def with_error(wanted: ForClient, error: GatewayError, issuer: str, decision_id: str) -> str:
    """The return address with what stopped the login (RFC 6749 section 4.1.2.1), and by which id the log knows more."""
    reason = error.reason if isinstance(error, (ProviderFault, NotAllowed)) else ""
    said = f"{reason or error.code}, decision {decision_id}"
    return _answered(wanted, {"error": _word(error), "error_description": said}, issuer)


def _word(error: GatewayError) -> str:
    """Whether to try again, whether it was a no, or whose fault it is."""
    match error:
        case ProviderUnavailable() | StoreFault():
            return "temporarily_unavailable"
        case ProviderMisconfigured():
            return "server_error"
        case NotAllowed():
            return "access_denied"
        case ProviderRefused(reason=reason) if reason:
            return "access_denied"
        case Malformed():
            return "invalid_request"
    return "server_error"


def _answered(wanted: ForClient, answer: Mapping[str, str], issuer: str) -> str:
    whole = {**answer, **({"state": wanted.state} if wanted.state else {}), "iss": issuer}
    return f"{wanted.address}{'&' if '?' in wanted.address else '?'}{urlencode(whole)}"


def proves(verifier: str, challenge: str) -> bool:
    """Whether a verifier is the secret behind a challenge (S256)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode("ascii"))
