"""Rate limits by the generic cell rate algorithm (ITU-T I.371): one number a bucket, its next arrival."""

import sqlite3
from collections.abc import Sequence

from gateway.storage.store import Bucket

_TOLERANCE = 1e-6
"""Seconds. Unix time in a double is good to a quarter of this, so that a burst of 3 in 1 s admits the third."""


def count(db: sqlite3.Connection, now: float, buckets: Sequence[Bucket], at: float) -> float:
    """Take from all buckets or from none; `at` is the caller's time, `now` the store's (for the sweep alone)."""
    arrivals = [_arrival(db, bucket, at) for bucket in buckets]
    wait = max(
        (arrival - at - bucket.period for bucket, arrival in zip(buckets, arrivals, strict=True)), default=0.0
    )
    if wait > _TOLERANCE:
        return wait
    for bucket, arrival in zip(buckets, arrivals, strict=True):
        db.execute(
            "INSERT OR REPLACE INTO bucket VALUES (?, ?, ?)", (bucket.key, arrival, now + bucket.period + 1)
        )
    return 0.0


def _arrival(db: sqlite3.Connection, bucket: Bucket, at: float) -> float:
    found = db.execute("SELECT arrival FROM bucket WHERE k = ?", (bucket.key,)).fetchone()
    stored = max(found[0], at) if found else at
    # A full bucket is one period ahead. Two are no replica's skew but a clock that was set back, and that must not
    # lock anybody out until it catches up: the bucket begins anew.
    if stored > at + 2 * bucket.period:
        stored = at
    # A cost below 0 gives back; what is given back beyond what was taken is no credit.
    return float(max(stored + bucket.period / bucket.burst * bucket.cost, at))
