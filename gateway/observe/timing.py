"""Durations counted in buckets, as a histogram of Prometheus keeps them, without a lock.

One thread alone may write (the event loop, which answers the checks); any may read.
"""

from bisect import bisect_left

# 50 µs to 1 s: a check from the cache at one end, a store that is about to be given up at the other.
BUCKETS = (
    0.000_05,
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.002_5,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
)
"""Upper bounds in seconds, each of them inclusive."""


class Timing:
    """One series. `buckets[i]` durations are over `BUCKETS[i-1]` and at most `BUCKETS[i]`; the last over all bounds."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        return sum(self.buckets)

    def add(self, other: "Timing") -> None:
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)]
        self.total += other.total
