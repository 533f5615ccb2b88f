"""The refresh token: the ticket of a session and a counter, which only the gateway can have put together.

    token = "grt1." kid "." base64url(issued(4) || secret(32) || counter(4)) "." base64url(HMAC-SHA256(…)[:16])

It opens its session as the cookie does, and no more than that: the two have tags of different keys, so neither can be
made out of the other. The successor of a token is a function of it, so nothing of either is stored.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from re import ASCII
from re import compile as pattern

from gateway.errors import BadCredential, Unsealable
from gateway.keys.hashing import mac
from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import SECRET, Ticket

VERSION = "grt1"
_PURPOSE = "refresh-token/v1"
_TAG = 16
# 4 + 32 + 4 bytes are 54 characters, the last of which has four bits that say nothing: they are compared by the tag,
# which is made over the text and not over the bytes.
_FORM = pattern(r"grt1\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{54}\.[A-Za-z0-9_-]{22}", ASCII)


@dataclass(frozen=True, slots=True)
class Presented:
    """A genuine refresh token, taken apart."""

    ticket: Ticket
    counter: int


def refresh_token(ring: Keyring, ticket: Ticket, counter: int) -> str:
    """The token with this number in the life of a session. `Unsealable` where its key is gone from the ring."""
    raw = ticket.issued.to_bytes(4, "big") + ticket.secret + counter.to_bytes(4, "big")
    signed = f"{VERSION}.{ticket.kid}.{_encoded(raw)}"
    return f"{signed}.{_tag(ring, ticket.kid, signed)}"


def read_refresh_token(ring: Keyring, text: str) -> Presented:
    """What a token holds; `BadCredential` for junk and forgeries, which say nothing about any session."""
    if not _FORM.fullmatch(text):
        raise BadCredential("not of the form of a refresh token")
    signed, _, tag = text.rpartition(".")
    _, kid, body = signed.split(".")
    try:
        expected = _tag(ring, kid, signed)
    except Unsealable:
        raise BadCredential("a refresh token of a key that is gone") from None
    if not hmac.compare_digest(expected, tag):
        raise BadCredential("a refresh token that is not ours")
    raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    ticket = Ticket(kid, int.from_bytes(raw[:4], "big"), raw[4 : 4 + SECRET])
    return Presented(ticket, int.from_bytes(raw[4 + SECRET :], "big"))


def token_id(ticket: Ticket, counter: int) -> str:
    """The `jti` of the access token that comes with a refresh token: the same whenever that is asked for again."""
    message = b"access-token-id\0" + counter.to_bytes(4, "big")
    return hmac.digest(ticket.secret, message, sha256)[:16].hex()


def _tag(ring: Keyring, kid: str, signed: str) -> str:
    return _encoded(mac(ring, _PURPOSE, signed.encode("ascii"), kid)[:_TAG])


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
