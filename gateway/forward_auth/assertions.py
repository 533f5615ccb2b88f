"""Signed assertions, kept for a moment: a page of a hundred parts costs one signature and not a hundred."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from gateway.identity.assertion import TYP, assertion_claims
from gateway.identity.identity import Identity
from gateway.keys.jwks import sign
from gateway.keys.keyring import Keyring
from gateway.sessions.session import Session, log_name

REUSE = 60.0
"""Seconds for which a signed assertion is handed out again, at most a fifth of its lifetime."""
CAPACITY = 10_000


class Signed(NamedTuple):
    """An assertion in compact form, to be handed out again until `fresh_until` (Unix seconds)."""

    token: str
    fresh_until: float


class Assertions:
    """Signs who somebody is, for one audience, by the active key of `ring`.

    `issuer` is the public address of the gateway; `lifetime` and `idle` (the idle limit of sessions) in seconds.
    At most `capacity` assertions are kept, those that were used last.
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
        self._kept: OrderedDict[tuple[str, int, str, str], Signed] = OrderedDict()

    def get(self, session: Session, identity: Identity, audience: str) -> Signed:
        """The assertion for this version of the session: a fresh one that was signed before, else a new one."""
        now = self._clock()
        key = (session.id, session.version, identity.key, audience)
        signed = self._kept.get(key)
        if signed is None or now >= signed.fresh_until:
            signed = self._sign(session, identity, audience, now)
            self._kept[key] = signed
        self._kept.move_to_end(key)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return signed

    def _sign(self, session: Session, identity: Identity, audience: str, now: float) -> Signed:
        claims = assertion_claims(
            identity,
            session=log_name(session.id),
            issuer=self._issuer,
            audience=audience,
            now=now,
            lifetime=self._lifetime,
            session_end=min(session.absolute_end, session.seen + self._idle),
        )
        token = sign(self._ring, claims, TYP)
        return Signed(token, min(now + self._reuse, claims["exp"]))
