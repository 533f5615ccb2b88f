"""Events of the domain, frozen. Names read `noun.verb`; log, metrics and audit are subscribers.

No event carries a token, a cookie, a password or a query string.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias


@dataclass(frozen=True, slots=True)
class Event:
    """Root of all events; `name` is what the log line and the audit record are called."""

    name: ClassVar[str] = "event"


@dataclass(frozen=True, slots=True)
class DecisionMade(Event):
    """One answer of a verify endpoint. `seconds` is the time spent on it; `path` carries no query."""

    name = "decision.made"
    decision_id: str
    outcome: str  # allow | challenge | step_up | forbid | refused | limited | fault
    contract: str
    status: int
    method: str
    host: str
    path: str
    rule: str
    reason: str
    subject: str
    client: str
    seconds: float


@dataclass(frozen=True, slots=True)
class LoginFinished(Event):
    """A login came to an end. `outcome` is `ok` or the code of the error that ended it."""

    name = "login.finished"
    provider: str
    outcome: str
    subject: str
    client: str
    decision_id: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SessionBegun(Event):
    name = "session.begun"
    session: str  # a short hash of the session id: joins log lines, opens nothing
    subject: str
    provider: str


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    """`reason`: logout | replaced | idle | absolute | refresh_refused | refresh_exhausted | unreadable."""

    name = "session.ended"
    session: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefreshFinished(Event):
    """`outcome`: ok | transient | unknown | misconfigured | refused | conflict | gone | store_fault."""

    name = "refresh.finished"
    session: str
    provider: str
    outcome: str
    fails: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StoreCalled(Event):
    """One call of the store; `outcome` is `ok` or `error`."""

    name = "store.called"
    verb: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Alarm(Event):
    """Something only the operator can mend. `what` is a stable word, `detail` a sentence without secrets."""

    name = "operator.alarm"
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class HeaderOverflowed(Event):
    """An identity header was sent empty because its value, of `size` bytes, was over the cap."""

    name = "header.overflowed"
    header: str
    size: int
    rule: str
    decision_id: str


@dataclass(frozen=True, slots=True)
class LogLinesDropped(Event):
    """The log could not keep up: so many events have no line."""

    name = "log.dropped"
    count: int


Emit: TypeAlias = Callable[[Event], None]
"""Where the domain drops its events. Must not block and must not raise."""
