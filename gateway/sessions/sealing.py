"""How a session is kept: under a name, and with a key, that only the ticket in the cookie yields.

    sid      base32(HKDF-SHA256(T, salt = "gateway/ticket/v1", info = "sid", 16 bytes))
    key      HKDF-SHA256(ikm = T || server secret, salt = sid, info = "sess-enc/v1")
    aad      "sess/v1" | deployment | sid | kind      (the sealer puts the kid in front)

So a copy of the store opens nothing, not even together with the server's keys; and a sealed part cannot be moved to
another session, another kind or another deployment. Payloads are JSON with a version: a newer one is unreadable here,
never guessed at.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Literal, TypeAlias

from gateway.errors import Unsealable
from gateway.identity.identity import Identity
from gateway.keys.base32 import base32_of_128
from gateway.keys.derivation import hkdf
from gateway.keys.keyring import Keyring
from gateway.keys.seal import Sealer
from gateway.keys.strict_json import parse_object
from gateway.sessions.cookie import Ticket
from gateway.sessions.session import Grant, Grants

VERSION = 1
Kind: TypeAlias = Literal["identity", "grant"]

_MEMBERS = {shape: frozenset([member.name for member in fields(shape)]) for shape in (Identity, Grant)}


def session_id(ticket: Ticket) -> str:
    """The session's id, which cannot be turned back into the ticket."""
    raw = hkdf(ticket.secret, salt=b"gateway/ticket/v1", purpose=b"sid", length=16)
    return base32_of_128(raw)


def record_key(sid: str) -> str:
    """Where the record stands; the braces keep all keys of a session on one node of a cluster."""
    return f"s:{{{sid}}}"


def activity_key(sid: str) -> str:
    """Where the moment of the last activity stands."""
    return f"a:{{{sid}}}"


def chain_key(sid: str) -> str:
    """Where the chain of its refresh tokens stands, if it has any (`tokens.chains`)."""
    return f"t:{{{sid}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """The payload of the field `identity`: what every check reads. Times in Unix seconds.

    `browser` and `epochs` as in `Session`; an epoch of 0 is left out.
    """

    identities: tuple[Identity, ...]
    created: int
    absolute_end: int
    browser: str = ""
    epochs: Mapping[str, int] = field(default_factory=dict)


class Sealing:
    """Turns the two fields of a session that only its ticket opens into bytes and back."""

    def __init__(self, ring: Keyring, deployment: str, random: Callable[[int], bytes]) -> None:
        self._sealer = Sealer(ring, "sess-enc/v1", random)
        self._place = f"sess/v1|{deployment}|"

    def seal_logins(self, ticket: Ticket, sid: str, logins: Logins) -> bytes:
        identities = [_plain(identity) for identity in logins.identities]
        payload = {"created": logins.created, "absolute_end": logins.absolute_end, "identities": identities}
        if logins.browser:
            payload["browser"] = logins.browser
        if logins.epochs:
            payload["epochs"] = dict(logins.epochs)
        return self._seal(ticket, sid, "identity", payload)

    def open_logins(self, ticket: Ticket, sid: str, sealed: bytes) -> Logins:
        """Raises `Unsealable` for bytes that are not this session's, or of a newer release."""
        payload = self._open(ticket, sid, "identity", sealed)
        try:
            return Logins(
                identities=tuple([Identity(**_known(Identity, entry)) for entry in payload["identities"]]),
                created=int(payload["created"]),
                absolute_end=int(payload["absolute_end"]),
                browser=str(payload.get("browser", "")),
                epochs={name: int(epoch) for name, epoch in payload.get("epochs", {}).items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Unsealable("a session's logins of another shape") from None

    def seal_grants(self, ticket: Ticket, sid: str, grants: Grants) -> bytes:
        return self._seal(ticket, sid, "grant", {"grants": [_plain(grant) for grant in grants.values()]})

    def open_grants(self, ticket: Ticket, sid: str, sealed: bytes) -> Grants:
        """Raises `Unsealable` as `open_logins` does."""
        payload = self._open(ticket, sid, "grant", sealed)
        try:
            grants = [Grant(**_known(Grant, entry)) for entry in payload["grants"]]
        except (KeyError, TypeError):
            raise Unsealable("a session's grants of another shape") from None
        return {grant.provider: grant for grant in grants}

    def _seal(self, ticket: Ticket, sid: str, kind: Kind, payload: Mapping[str, Any]) -> bytes:
        plaintext = json.dumps({"v": VERSION, **payload}, separators=(",", ":"))
        return self._sealer.seal(
            plaintext.encode(), self._aad(sid, kind), binding=ticket.secret, salt=sid.encode("ascii")
        )

    def _open(self, ticket: Ticket, sid: str, kind: Kind, sealed: bytes) -> Mapping[str, Any]:
        plaintext = self._sealer.open(
            sealed, self._aad(sid, kind), binding=ticket.secret, salt=sid.encode("ascii")
        )
        try:
            payload = parse_object(plaintext)
        except ValueError:
            raise Unsealable("a sealed payload that is no JSON object") from None
        if payload.get("v") != VERSION:
            raise Unsealable("a sealed payload of another version")
        return payload

    def _aad(self, sid: str, kind: Kind) -> bytes:
        return f"{self._place}{sid}|{kind}".encode()


def _plain(value: Identity | Grant) -> dict[str, Any]:
    """What differs from the defaults: most members of most people are empty, and every byte is kept a million times."""
    return {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) != _default(f)}


def _default(member: Field[Any]) -> Any:
    return None if member.default is MISSING else member.default


def _known(shape: type[Identity | Grant], entry: Mapping[str, Any]) -> dict[str, Any]:
    """The members that this release knows; lists become tuples again."""
    names = _MEMBERS[shape]
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in entry.items()
        if name in names
    }
