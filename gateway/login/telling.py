"""Telling how a login ended: one event for each, and an alarm where only the operator can mend it."""

import contextlib
from collections.abc import Iterator

from gateway.errors import GatewayError, NotAllowed, ProviderFault
from gateway.login.way import Client
from gateway.observe.events import Alarm, Emit, LoginFinished
from gateway.reasons import NO_TRACE


@contextlib.contextmanager
def told(emit: Emit, provider: str, client: Client, decision_id: str) -> Iterator[None]:
    """Tell of whatever stops a login, at its beginning too: the page shows a reference, the log has to know it."""
    try:
        yield
    except GatewayError as error:
        subject = error.subject if isinstance(error, NotAllowed) else ""
        say(emit, provider, error.code, subject, client, decision_id, error)
        if isinstance(error, ProviderFault) and error.remedy:
            emit(Alarm(error.code, str(error)))
        raise


@contextlib.contextmanager
def on_the_way(return_to: str) -> Iterator[None]:
    """Whatever stops a login keeps in mind where it was to lead, so that the next try leads there."""
    try:
        yield
    except GatewayError as error:
        error.way_back = return_to
        raise


def say(
    emit: Emit,
    provider: str,
    outcome: str,
    subject: str,
    client: Client,
    decision_id: str,
    error: GatewayError | None = None,
) -> None:
    """One login has ended, or has come back a second time."""
    detail = str(error) if error else ""
    reason = error.reason if isinstance(error, (ProviderFault, NotAllowed)) else ""
    trace = error.trace if isinstance(error, ProviderFault) else NO_TRACE
    ids = " ".join([f"{name}={value}" for name, value in trace.items()])
    emit(LoginFinished(provider, outcome, subject, client.address, decision_id, detail, reason, ids))
