"""What a list of sessions shows of one: sealed under the server's key alone, since whoever lists has no ticket.

So it says who, since when and from where, and holds nothing that opens the session. A copy of the store does not
show it; a copy of the store together with the keys does.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gateway.errors import Unsealable
from gateway.keys.keyring import Keyring
from gateway.keys.seal import Sealer
from gateway.keys.strict_json import parse_object

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Times in Unix seconds. `subject` and `provider` are those of the latest login, `device` and `network` its own.

    `people` are the persons of the session as the store calls them, each with their epoch when it was begun; `logins`
    its logins at providers.
    """

    created: int
    absolute_end: int
    provider: str
    subject: str
    device: str = ""
    network: str = ""
    people: Mapping[str, int] = field(default_factory=dict)
    logins: tuple[str, ...] = ()

    @property
    def lists(self) -> tuple[str, ...]:
        """The names under which the session is listed."""
        return (*self.people, *self.logins)


class EntrySealing:
    """Turns the field `meta` of a session's record into bytes and back."""

    def __init__(self, ring: Keyring, deployment: str, random: Callable[[int], bytes]) -> None:
        self._sealer = Sealer(ring, "sess-meta/v1", random)
        self._deployment = deployment

    def seal(self, sid: str, entry: Entry) -> bytes:
        plain = {name: value for name, value in asdict(entry).items() if value}
        payload = json.dumps({"v": VERSION, **plain}, separators=(",", ":"))
        return self._sealer.seal(payload.encode(), self._aad(sid))

    def open(self, sid: str, sealed: bytes) -> Entry:
        """Raises `Unsealable` for bytes that are not this session's, or of a newer release."""
        plaintext = self._sealer.open(sealed, self._aad(sid))
        try:
            payload = parse_object(plaintext)
            if payload.get("v") != VERSION:
                raise Unsealable("an entry of another version")
            return _entry(payload)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Unsealable("an entry of another shape") from None

    def _aad(self, sid: str) -> bytes:
        return f"sess/v1|{self._deployment}|{sid}|meta".encode()


def _entry(payload: Mapping[str, Any]) -> Entry:
    names = {member.name for member in fields(Entry)}
    known = {name: value for name, value in payload.items() if name in names}
    people = {str(name): int(epoch) for name, epoch in payload.get("people", {}).items()}
    return Entry(**{**known, "people": people, "logins": tuple(payload.get("logins", ()))})
