"""Events reach every subscriber, and no subscriber can hold the domain up."""

import threading
import time

import pytest

from gateway.observe.events import Alarm, DecisionMade, LogLinesDropped, SessionBegun
from gateway.observe.subscribers import Events, Queued

ALARM = Alarm("provider_misconfigured", "invalid_client")
PATIENCE = 60
"""Seconds to wait for another thread: on a busy machine it may not run for a while, and that is no failure."""
BEGUN = SessionBegun("s1", "corp:42", "corp")
DECISION = DecisionMade(
    decision_id="d1",
    outcome="allow",
    contract="forward-auth",
    status=200,
    method="GET",
    host="app.example.com",
    path="/",
    rule="rule-1",
    reason="authenticated",
    subject="corp:42",
    client="192.0.2.1",
    seconds=0.0001,
)


def broken(event):
    raise RuntimeError("disk full, cookie=abc")


def everything(event):
    return True


class Stalled:
    """A subscriber that blocks on its first event until it is released."""

    def __init__(self):
        self.seen = []
        self.entered = threading.Event()
        self.released = threading.Event()

    def __call__(self, event):
        self.seen.append(event)
        self.entered.set()
        assert self.released.wait(PATIENCE)


def test_every_subscriber_receives_every_event_in_order():
    """The fan-out keeps the order of events for each subscriber."""
    first, second = [], []
    emit = Events(first.append, second.append)

    emit(BEGUN)
    emit(ALARM)

    assert first == second == [BEGUN, ALARM]


def test_a_failing_subscriber_neither_raises_nor_silences_the_next_one():
    """A broken log must not break a decision."""
    seen = []
    emit = Events(broken, seen.append, report=lambda sentence: None)

    emit(ALARM)

    assert seen == [ALARM]
    assert emit.failures == 1


def test_only_the_first_failure_is_reported_and_without_its_message():
    """Stderr gets one line; the message of an error may quote a secret."""
    said = []
    emit = Events(broken, report=said.append)

    emit(ALARM)
    emit(BEGUN)

    assert emit.failures == 2
    assert said == [
        "gateway: a subscriber failed at operator.alarm with RuntimeError; further failures are only counted"
    ]


def test_the_first_failure_goes_to_stderr(capsys):
    """Without a `report` of its own, the process says it where an operator looks last."""
    Events(broken)(ALARM)

    assert "a subscriber failed at operator.alarm" in capsys.readouterr().err


def test_a_report_that_fails_is_survived():
    """With stderr closed there is nobody to tell, and still no exception."""
    emit = Events(broken, report=broken)

    emit(ALARM)

    assert emit.failures == 1


def test_a_queued_subscriber_receives_all_before_close_returns():
    """What waits at the end is written, in order."""
    seen = []
    queued = Queued(seen.append, wants=everything, overflow=seen.append)

    for event in (BEGUN, DECISION, ALARM):
        queued(event)
    queued.close(PATIENCE)

    assert seen == [BEGUN, DECISION, ALARM]


def test_a_queued_subscriber_works_while_the_process_runs():
    """Lines appear without anybody closing the queue."""
    arrived = threading.Event()
    queued = Queued(lambda event: arrived.set(), wants=everything, overflow=broken)

    queued(DECISION)

    assert arrived.wait(PATIENCE)
    queued.close(PATIENCE)


def test_unwanted_events_never_enter_the_queue():
    """A level that drops an event costs one call."""
    seen = []
    queued = Queued(seen.append, wants=lambda event: event is ALARM, overflow=seen.append)

    queued(DECISION)
    queued(ALARM)
    queued.close(PATIENCE)

    assert seen == [ALARM]


def test_a_stalled_subscriber_stalls_nobody_and_the_loss_is_summarised_once():
    """Beyond its capacity decisions are dropped; one event says how many, and of what outcome."""
    stalled, overflow = Stalled(), []
    queued = Queued(stalled, wants=everything, overflow=overflow.append, capacity=3, pause=0)
    queued(DECISION)
    assert stalled.entered.wait(PATIENCE)

    for _ in range(10):
        queued(DECISION)
    stalled.released.set()
    queued.close(PATIENCE)

    assert stalled.seen.count(DECISION) == 1 + 3
    assert stalled.seen.count(LogLinesDropped(7, "allow 7")) == 1
    assert overflow == [LogLinesDropped(7, "allow 7")]


def test_a_flood_of_decisions_cannot_push_an_alarm_out():
    """Events that are not decisions have room of their own."""
    stalled, overflow = Stalled(), []
    queued = Queued(stalled, wants=everything, overflow=overflow.append, capacity=2, pause=0)
    queued(DECISION)
    assert stalled.entered.wait(PATIENCE)

    for _ in range(5):
        queued(DECISION)
    for _ in range(5):
        queued(ALARM)
    stalled.released.set()
    queued.close(PATIENCE)

    assert stalled.seen.count(ALARM) == 2
    assert overflow == [LogLinesDropped(3 + 3, "allow 3, operator.alarm 3")]


def test_close_gives_up_on_a_subscriber_that_never_returns():
    """A dead terminal does not keep the process from ending."""
    stalled = Stalled()
    queued = Queued(stalled, wants=everything, overflow=broken, pause=0)
    queued(ALARM)
    assert stalled.entered.wait(PATIENCE)

    queued.close(timeout=0.01)

    assert stalled.seen == [ALARM]
    stalled.released.set()
    queued.close(PATIENCE)


@pytest.mark.parametrize(
    "events",
    [pytest.param(1, id="one"), pytest.param(5_000, id="many")],
)
def test_a_failing_queued_subscriber_loses_its_own_lines_only(events, capsys):
    """The thread survives whatever the subscriber raises."""
    queued = Queued(broken, wants=everything, overflow=broken)

    for _ in range(events):
        queued(BEGUN)
    while queued._waiting:
        time.sleep(0.001)

    assert queued._thread.is_alive()
    queued.close(PATIENCE)
    assert capsys.readouterr().err.count("a subscriber failed") == 1
