"""An outage of the store: one alarm when it begins, and one line when it is over, however many calls fail in between.

It is over when something that failed has worked again and nothing has failed for `CALM` seconds since. That other calls
work is no proof: a Redis with a full disk, or one that became a replica, goes on reading and refuses every write.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.errors import StoreFault
from gateway.observe.events import Alarm, Emit, StoreRecovered

CALM = 5.0
FORGOTTEN = 60.0
"""Seconds after which a failure of something that nobody has asked for since says nothing any more."""

LONGEST = 300


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is known of an outage: the store's address, since when (Unix seconds), and the last error."""

    store: str
    since: float
    last_error: str


@dataclass(slots=True)
class _Outage:
    since: float
    began: float
    failed: float
    last_error: str
    count: int = 0
    verbs: set[str] = field(default_factory=set)
    mended: float | None = None


class Outages:
    """Hears of every call of a store. `clock` is Unix time, `ticks` a monotonic clock for durations."""

    def __init__(
        self, store: str, emit: Emit, clock: Callable[[], float], ticks: Callable[[], float]
    ) -> None:
        self._store = store
        self._emit = emit
        self._clock = clock
        self._ticks = ticks
        self._outage: _Outage | None = None

    @property
    def trouble(self) -> Trouble | None:
        """The outage, until something that failed has worked again."""
        outage = self._outage
        if outage is None or outage.mended is not None:
            return None
        return Trouble(self._store, outage.since, outage.last_error)

    def failed(self, verb: str, fault: StoreFault) -> None:
        now, cause = self._ticks(), cause_of(fault)
        outage = self._outage
        if outage is None:
            outage = self._outage = _Outage(self._clock(), now, now, cause)
            sentence = (
                f"store {self._store} fails: {cause}; what needs it is answered with 503 until it works"
            )
            self._emit(Alarm("store_unavailable", sentence))
        elif fault.__cause__ is not None:
            # A fault without a cause is that of a breaker: it has asked nobody, and knows nothing new.
            outage.last_error = cause
        outage.failed, outage.mended = now, None
        outage.count += 1
        outage.verbs.add(verb)

    def worked(self, verb: str) -> None:
        outage = self._outage
        if outage is None:
            return
        now = self._ticks()
        if outage.mended is None and (verb in outage.verbs or now - outage.failed >= FORGOTTEN):
            outage.mended = now
        if outage.mended is not None and now - outage.failed >= CALM:
            self._outage = None
            self._emit(StoreRecovered(self._store, outage.mended - outage.began, outage.count))


def cause_of(fault: Exception) -> str:
    """Kind and text of what failed. `StoreFault` is written for the log; what others say may quote anything."""
    kind = type(fault.__cause__ or fault).__name__
    return f"{kind}: {fault}"[:LONGEST] if isinstance(fault, StoreFault) else type(fault).__name__
