"""When a session's provider tokens are due for a refresh, and when failing to refresh them ends it.

Before the soft mark a token is left alone. Between the marks it is refreshed beside the request, which does not
wait. After the hard mark the request waits for the refresh, though not for long.
"""

import hashlib
from collections.abc import Iterable
from enum import Enum

from gateway.sessions.session import Grant, Session

AHEAD = 120.0
AHEAD_SHARE = 0.2
JITTER = 0.1
HARD = 5.0

BACKOFF_FIRST = 5.0
BACKOFF_MOST = 60.0
TRIES = 3

WAIT = 2.5
"""Seconds that a request waits for a refresh: below the time that proxies give a check."""


class Due(Enum):
    """What a request has to do about a refresh."""

    FRESH = "fresh"
    SOFT = "soft"
    HARD = "hard"


def plan(session: Session, now: float) -> Due:
    """Whether to refresh now. During the pause after a failed try nothing is due."""
    end = session.token_end
    # The first comparison is the one that nearly every check ends at: no mark is earlier than this.
    if not end or now < end - AHEAD * (1 + JITTER) or now < session.next_try:
        return Due.FRESH
    early = ahead(session)
    if now < end - early:
        return Due.FRESH
    # Of a short life, too, there is a time in which nobody has to wait.
    return Due.HARD if now >= end - min(HARD, early / 2) else Due.SOFT


def fresh_until(session: Session) -> float:
    """The moment before which `plan` says FRESH and the token has not ended; infinity without a token to refresh."""
    end = session.token_end
    return min(max(end - ahead(session), session.next_try), end) if end else float("inf")


def ahead(session: Session) -> float:
    """Seconds before the token's end at which it is refreshed: two minutes, or a fifth of a short life.

    Give or take a tenth, the same for one version of one session everywhere: so that those who signed in together
    do not refresh together.
    """
    life = session.token_end - session.token_begun if session.token_begun else AHEAD / AHEAD_SHARE
    digest = hashlib.sha256(f"{session.id}:{session.version}".encode()).digest()
    jitter = (digest[0] / 255 * 2 - 1) * JITTER
    return min(AHEAD, AHEAD_SHARE * max(life, 0)) * (1 + jitter)


def token_times(grants: Iterable[Grant]) -> tuple[int, int]:
    """End and begin of the token that ends first among those that a refresh could prolong; zeros where there is none."""
    return min([(g.expires, g.begun) for g in grants if g.renewable and g.expires], default=(0, 0))


def is_due(grant: Grant, now: float) -> bool:
    """Whether this grant, of those in a session that is due, wants a refresh."""
    # Where nothing can be done at the token's end, nothing is: the session lives by its own limits.
    if not grant.renewable or not grant.expires:
        return False
    return now >= grant.expires - min(AHEAD, AHEAD_SHARE * _life(grant)) * (1 + JITTER)


def next_try(fails: int, now: float, retry_after: float | None) -> float:
    """When to try again after a failure that `fails` others came before; a provider that names a time is heard."""
    pause = min(BACKOFF_FIRST * 2.0 ** min(fails, 10), BACKOFF_MOST)
    return now + max(pause, retry_after or 0.0)


def asking_time(deadline: float) -> float:
    """Seconds that a refresh may take: two requests of `deadline` seconds each, and a second to write it down."""
    return 2 * deadline + 1


def lease_time(deadline: float) -> float:
    """Seconds of a lease: a refresh, and what the store and a busy machine may take away from it before."""
    return asking_time(deadline) + 4


def exhausted(fails: int, token_end: float, now: float, outage_grace: float) -> bool:
    """Whether failing ends the session: enough tries in a row, and the grace past the token's end gone by."""
    return fails >= TRIES and now >= token_end + outage_grace


def _life(grant: Grant) -> float:
    return max(grant.expires - grant.begun, 0) if grant.begun else AHEAD / AHEAD_SHARE
