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
    """One answer of a verify endpoint. `seconds` is the time spent on it; `path` carries no query.

    `detail` says more of `reason`: the lists of criteria that a person fails, the host that was asked for.
    """

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
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DecisionsSummarised(Event):
    """So many answers with this outcome have no line of their own (`log.allows`, `log.denials`)."""

    name = "decision.summary"
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class LoginFinished(Event):
    """A login came to an end. `outcome` is `ok` or the code of the error that ended it.

    `reason` is of `gateway.reasons`, or ""; `trace` holds the provider's own ids of the case, as in `trace_id=…`.
    """

    name = "login.finished"
    provider: str
    outcome: str
    subject: str
    client: str
    decision_id: str
    detail: str = ""
    reason: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class TokensAsked(Event):
    """A client gave something for tokens. `how`: refresh | code; `outcome`: ok | again | the code of an error.

    `again`: what was given out a moment ago was given out once more. `application` is the name of a registered client.
    """

    name = "tokens.asked"
    how: str
    outcome: str
    session: str
    subject: str
    application: str
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
    """`reason`: logout | replaced | idle | absolute | refresh_refused | refresh_exhausted | password_refused |
    unreadable | revoked | disabled | backchannel_logout | frontchannel_logout | operator | crowded_out | logout_all |
    refresh_reuse | code_reuse | code_refused.
    """

    name = "session.ended"
    session: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class PersonSignedOut(Event):
    """All sessions of a person were ended at once; `person` is a name in the store, `reason` as in `SessionEnded`."""

    name = "person.signed_out"
    person: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProviderLogout(Event):
    """A provider told of a logout. `channel`: back | front; `outcome`: ok, or the code of the error that ended it."""

    name = "provider.logout"
    provider: str
    channel: str
    outcome: str
    client: str
    decision_id: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LogoutHandedOn(Event):
    """Somebody signed out here, and the provider was to hear of it by a redirect.

    `outcome` is `ok` where the browser was sent there, or the code of the error that kept it here.
    """

    name = "logout.handed_on"
    provider: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class GrantRevoked(Event):
    """Tokens of a session that somebody ended were given back to their provider, or not.

    `outcome`: ok | late (no answer in time) | dropped (too many were waiting, or the process ended), or the code of
    an error.
    """

    name = "grant.revoked"
    provider: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RefreshFinished(Event):
    """`outcome`: ok | transient | unknown | misconfigured | refused | suspected | disabled | conflict | gone | store_fault."""

    name = "refresh.finished"
    session: str
    provider: str
    outcome: str
    fails: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StoreCalled(Event):
    """One call of the store. `outcome` is `ok` or `error`; `detail` says of an error its kind and what it was."""

    name = "store.called"
    verb: str
    outcome: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StoreRecovered(Event):
    """An outage of the store is over: it took `seconds`, and `failed` calls failed. An `Alarm` told of its beginning."""

    name = "store.recovered"
    store: str  # its address, without what signs in there
    seconds: float
    failed: int


@dataclass(frozen=True, slots=True)
class NoticeHeard(Event):
    """Another process told what to forget: `about` a session, a person or all; `seconds` since it was published."""

    name = "notice.heard"
    about: str
    seconds: float


@dataclass(frozen=True, slots=True)
class NoticesIgnored(Event):
    """So many messages on the bus were none of ours."""

    name = "notice.ignored"
    count: int


@dataclass(frozen=True, slots=True)
class BusChanged(Event):
    """`outcome`: current | lost. While it is lost every check asks the store."""

    name = "bus.changed"
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class GraceGiven(Event):
    """So many checks were answered from memory because the store did not answer (`on_store_failure: grace`)."""

    name = "grace.given"
    count: int


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
    """The log could not keep up: so many events have no line.

    `what` lists decisions by outcome and other events by name, `rules` those that forbade: `forbid 80, allow 20`.
    """

    name = "log.dropped"
    count: int
    what: str = ""
    rules: str = ""


Emit: TypeAlias = Callable[[Event], None]
"""Where the domain drops its events. Must not block and must not raise."""

Decided: TypeAlias = Callable[[str, str, float], bool]
"""One answer was given: contract, outcome, seconds that it took. True where a `DecisionMade` of it is wanted.

It is called for every check and the event is made for some, because an event with all its fields costs more than
counting does. Must not block and must not raise.
"""


def every_decision(contract: str, outcome: str, seconds: float) -> bool:  # noqa: ARG001 (the form of `Decided`)
    """Of each answer a `DecisionMade` is wanted."""
    return True
