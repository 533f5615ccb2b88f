"""Telling how a login ended: one event for each, and an alarm where only the operator can mend it."""

import contextlib
from collections.abc import Iterator, Mapping

from gateway.errors import GatewayError, Limited, NotAllowed, PasswordRefused, ProviderFault
from gateway.login.way import Client
from gateway.observe.events import Alarm, Emit, LoginFinished
from gateway.reasons import NO_TRACE


@contextlib.contextmanager
def told(
    emit: Emit, provider: str, client: Client, decision_id: str, trace: Mapping[str, str] = NO_TRACE
) -> Iterator[None]:
    """Tell of whatever stops a login, at its beginning too: the page shows a reference, the log has to know it.

    `trace` joins the line with others; what the error itself brings comes behind it.
    """
    try:
        yield
    except GatewayError as error:
        subject = error.subject if isinstance(error, NotAllowed) else ""
        say(emit, provider, error.code, subject, client, decision_id, error, trace)
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


@contextlib.contextmanager
def locks_as_limits(comes_back: float) -> Iterator[None]:
    """Answer a locked account as one that has reached our own limit, with `comes_back` seconds where nobody knows better.

    Only an account that exists is locked, and any name reaches a limit: so neither a page nor a program is told which of
    them it was. The log is.
    """
    try:
        yield
    except PasswordRefused as refused:
        if refused.reason != "account_locked":
            raise
        raise Limited(refused.retry_after or comes_back) from None


def say(
    emit: Emit,
    provider: str,
    outcome: str,
    subject: str,
    client: Client,
    decision_id: str,
    error: GatewayError | None = None,
    trace: Mapping[str, str] = NO_TRACE,
) -> None:
    """One login has ended, or has come back a second time."""
    detail = str(error) if error else ""
    reason = error.reason if isinstance(error, (ProviderFault, NotAllowed, PasswordRefused)) else ""
    theirs = error.trace if isinstance(error, (ProviderFault, PasswordRefused)) else NO_TRACE
    ids = " ".join([f"{name}={value}" for name, value in {**trace, **theirs}.items()])
    emit(LoginFinished(provider, outcome, subject, client.address, decision_id, detail, reason, ids))
