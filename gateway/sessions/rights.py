"""What may override every session of a person: one small record each, in the store.

`epoch` changes when all of a person's sessions are ended. A session carries the epoch that it was begun in, and is over
when there is another one: so ten thousand sessions end with one write, and so does one that is being begun at that
moment. `disabled` keeps the person out until it is taken back, or a year has passed. `since` ends the sessions of logins
before it and leaves those after it alone, for where a directory has refused a password that was kept.

No record means epoch 0 and not disabled: nobody has ended anything for as long as a session can live. A record that
does not open is a fault, for it may say that somebody is disabled; `set_disabled` writes it anew.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from gateway.errors import StoreFault, Unsealable
from gateway.keys.keyring import Keyring
from gateway.keys.seal import Sealer
from gateway.keys.strict_json import parse_object
from gateway.sessions.records import SLACK
from gateway.storage.store import Store

VERSION = 1
YEAR = 366 * 86_400.0
TRIES = 10
"""Writers of one record at the same moment that are waited for."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A directory has refused a kept password, and nobody has judged yet what that means. Times in Unix seconds.

    `at` is the latest refusal, one of `refusals` in a row; before `until` no session of the person tries again.
    `proven`: when the refused password was last seen to be good. `excused`: how often it was found to be the operator's
    fault since.
    """

    at: int
    until: int
    refusals: int = 1
    proven: int = 0
    excused: int = 0


@dataclass(frozen=True, slots=True)
class Right:
    """`epoch` is in milliseconds since 1970, by the clock of whoever wrote it, and 0 where there is no record.

    Logins before `since` (Unix seconds) are over, by the reason `why`. `newest` is the latest login by a password that is
    kept, 0 where there was none.
    """

    epoch: int = 0
    disabled: bool = False
    since: int = 0
    why: str = ""
    newest: int = 0
    suspicion: Suspicion | None = None

    def ends(self, epoch: int) -> bool:
        """Whether a session is over that was begun in `epoch`."""
        # Another one, and not a later one: a session may carry the epoch of a record that has run out, and whoever
        # writes the next record may have a clock that is behind the one of then.
        return self.disabled or self.epoch not in {0, epoch}

    def over(self, epoch: int, signed_in: int) -> str:
        """Why a session is over that was begun in `epoch` by a login of `signed_in`; "" where it is not."""
        if self.disabled:
            return "disabled"
        if self.ends(epoch):
            return "revoked"
        return (self.why or "revoked") if signed_in < self.since else ""


class Rights:
    """Reads and writes the records. `lifetime` is the longest absolute limit of a session, in seconds."""

    def __init__(
        self,
        store: Store,
        ring: Keyring,
        deployment: str,
        lifetime: float,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._sealer = Sealer(ring, "rights/v1", random)
        self._deployment = deployment
        self._lifetime = lifetime + SLACK
        self._clock = clock

    async def of(self, people: Sequence[str]) -> list[Right]:
        """The rights of people, by the store's names for them. Raises `StoreFault`, also where they do not open."""
        found = await self._store.get_many([rights_key(person) for person in people])
        return [self.opened(person, raw) for person, raw in zip(people, found, strict=True)]

    def opened(self, person: str, raw: bytes | None) -> Right:
        """The rights of a person out of what stood under their `rights_key`. Raises `StoreFault` as `of` does."""
        if raw is None:
            return Right()
        key = rights_key(person)
        try:
            plain = parse_object(self._sealer.open(raw, self._aad(key)))
            version, right = plain["v"], _right(plain)
        except (Unsealable, KeyError, TypeError, ValueError):
            raise StoreFault("the rights of a person do not open: forged, or of a key that is gone") from None
        if version != VERSION:
            raise StoreFault("the rights of a person were written by a newer release")
        return right

    async def change(self, person: str, change: Callable[[Right], Right]) -> Right:
        """Write what `change` makes of the rights of a person, on top of whatever others have written meanwhile."""
        return await self._write(person, lambda raw: change(self.opened(person, raw)))

    async def end_sessions(self, person: str) -> Right:
        """Begin a new epoch: every session that was begun before is over."""
        return await self._write(person, lambda raw: self._next(self.opened(person, raw)))

    async def set_disabled(self, person: str, *, disabled: bool) -> Right:
        """Keep a person out for a year, their sessions ended, or let them in again; whatever the record said before."""

        def changed(raw: bytes | None) -> Right:
            try:
                before = self.opened(person, raw)
            except StoreFault:
                before = Right()
            return replace(self._next(before), disabled=disabled)

        return await self._write(person, changed)

    def _next(self, right: Right) -> Right:
        # Not a bare counter: where the record had run out, one that began at 1 again would be below what sessions
        # carry that were begun before.
        return replace(right, epoch=max(right.epoch + 1, int(self._clock() * 1000)))

    async def _write(self, person: str, change: Callable[[bytes | None], Right]) -> Right:
        key = rights_key(person)
        for _ in range(TRIES):
            raw = await self._store.get(key)
            right = change(raw)
            if await self._store.replace(key, raw, self._seal(key, right), self._ttl(right)):
                return right
        raise StoreFault("the rights of a person are written by too many at once")

    def _ttl(self, right: Right) -> float:
        # An epoch matters to sessions that are older; who is kept out is not to be let in by the calendar so soon.
        return max(self._lifetime, YEAR) if right.disabled else self._lifetime

    def _seal(self, key: str, right: Right) -> bytes:
        plain = {"v": VERSION, "epoch": right.epoch, **_beside(right)}
        return self._sealer.seal(json.dumps(plain, separators=(",", ":")).encode(), self._aad(key))

    def _aad(self, key: str) -> bytes:
        return f"{self._deployment}|{key}".encode()


def _right(plain: Mapping[str, Any]) -> Right:
    suspicion = plain.get("suspicion")
    return Right(
        epoch=int(plain["epoch"]),
        disabled=plain.get("disabled", False) is not False,
        since=int(plain.get("since", 0)),
        why=str(plain.get("why", "")),
        newest=int(plain.get("newest", 0)),
        suspicion=Suspicion(*[int(number) for number in suspicion]) if suspicion else None,
    )


def _beside(right: Right) -> dict[str, Any]:
    """What differs from the defaults, beside the epoch."""
    members = {
        "disabled": right.disabled,
        "since": right.since,
        "why": right.why,
        "newest": right.newest,
        "suspicion": astuple(right.suspicion) if right.suspicion else (),
    }
    return {name: value for name, value in members.items() if value}


def rights_key(person: str) -> str:
    """Where the rights of a person stand."""
    return f"rights:{{{person}}}"
