"""Signed assertions, kept for a moment: a page of a hundred parts costs one signature and not a hundred."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from gateway.identity.assertion import TYP, assertion_claims
from gateway.identity.identity import Identity
from gateway.keys.jwks import sign
from gateway.keys.keyring import Keyring
from gateway.sessions.session import Session, log_name

REUSE = 60.0
"""Seconds for which a signed assertion is handed out again, at most a fifth of its lifetime."""
CAPACITY = 2_000_000
"""Bytes: some 1 500 assertions of the usual size. A session beyond them has one signed at each reading of its record."""


_Key: TypeAlias = tuple[str, int, str, str]


class Signed(NamedTuple):
    """An assertion in compact form, to be handed out again until `fresh_until` (Unix seconds)."""

    token: str
    fresh_until: float

    @property
    def weight(self) -> int:
        """About how many bytes it takes with the way to it, never less than it does."""
        return 700 + len(self.token)


class Assertions:
    """Signs who somebody is, for one audience, by the active key of `ring`.

    `issuer` is the public address of the gateway; `lifetime` and `idle` (the idle limit of sessions) in seconds.
    Assertions are kept in `capacity` bytes, those that were used last.
    """

    def __init__(
        self,
        ring: Keyring,
        issuer: str,
        lifetime: float,
        idle: float,
        clock: Callable[[], float],
        capacity: int = CAPACITY,
    ) -> None:
        self._ring = ring
        self._issuer = issuer
        self._lifetime = lifetime
        self._idle = idle
        self._clock = clock
        self._capacity = capacity
        self._reuse = min(REUSE, lifetime / 5)
        self._kept: OrderedDict[_Key, Signed] = OrderedDict()
        self._weight = 0

    def get(self, session: Session, identity: Identity, audience: str) -> Signed:
        """The assertion for this version of the session: a fresh one that was signed before, else a new one."""
        now = self._clock()
        key = (session.id, session.version, identity.key, audience)
        signed = self._kept.get(key)
        if signed is None or now >= signed.fresh_until:
            signed = self._sign(session, identity, audience, now)
            self._keep(key, signed, now)
        else:
            self._kept.move_to_end(key)
        return signed

    def _keep(self, key: _Key, signed: Signed, now: float) -> None:
        known = self._kept.pop(key, None)
        self._weight += signed.weight - (known.weight if known else 0)
        self._kept[key] = signed
        # The one that was used longest ago is often past all use: so the memory shrinks by itself.
        while self._kept:
            oldest, signed = next(iter(self._kept.items()))
            if self._weight <= self._capacity and now < signed.fresh_until:
                return
            del self._kept[oldest]
            self._weight -= signed.weight

    def _sign(self, session: Session, identity: Identity, audience: str, now: float) -> Signed:
        claims = assertion_claims(
            identity,
            session=session.name or log_name(session.id),
            issuer=self._issuer,
            audience=audience,
            now=now,
            lifetime=self._lifetime,
            session_end=min(session.absolute_end, session.seen + self._idle),
        )
        token = sign(self._ring, claims, TYP)
        return Signed(token, min(now + self._reuse, claims["exp"]))
