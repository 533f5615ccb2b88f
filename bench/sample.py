"""What one run of the load generator found, and how far several runs are apart."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several values, the least and the greatest of them."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One run. `cpu_us` is user and system time of all measured processes, in microseconds for one request.

    Latencies in milliseconds, as the client saw them. `beside` is the same CPU time of processes that are not
    counted: the Redis behind a gateway.
    """

    requests: int
    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    beside: Mapping[str, float] = field(default_factory=dict)


def spread_of(values: Iterable[float]) -> Spread:
    known = list(values)
    return Spread(statistics.median(known), min(known), max(known))
