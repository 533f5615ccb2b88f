"""What had no room in the queue of the log is told as numbers."""

import threading
from dataclasses import replace

import pytest

from gateway.observe.events import Alarm, DecisionMade, LogLinesDropped
from gateway.observe.lost import MAX_RULES, Lost

DECISION = DecisionMade(
    decision_id="d1",
    outcome="allow",
    contract="forward-auth",
    status=200,
    method="GET",
    host="app.example.com",
    path="/",
    rule="rest",
    reason="authenticated",
    subject="corp:42",
    client="192.0.2.1",
    seconds=0.0001,
)
ALARM = Alarm("internal_error", "")


def forbidden(rule):
    return replace(DECISION, outcome="forbid", rule=rule)


def lost(*events):
    found = Lost()
    for event in events:
        found.add(event)
    return found


def test_where_nothing_was_lost_there_is_nothing_to_tell():
    """And no event."""
    assert Lost().take() is None


def test_decisions_are_told_by_outcome_and_other_events_by_name():
    """The most frequent first."""
    found = lost(ALARM, *[DECISION] * 3, *[forbidden("admin")] * 2).take()

    assert found == LogLinesDropped(6, "allow 3, forbid 2, operator.alarm 1", "admin 2")


def test_what_was_forbidden_is_told_by_rule():
    """Whoever was turned away while the log was blind can be looked for there; no rule is one as well."""
    found = lost(forbidden("wiki"), *[forbidden("admin")] * 3, forbidden("")).take()

    assert found.rules == "admin 3, wiki 1, (none) 1"


@pytest.mark.parametrize("outcome", ["allow", "challenge", "refused", "fault"])
def test_the_rules_of_other_outcomes_are_not_told(outcome):
    """They would crowd out those that matter."""
    assert lost(replace(DECISION, outcome=outcome)).take().rules == ""


def test_what_was_told_is_not_told_again():
    """Each loss has one line."""
    found = lost(DECISION)
    found.take()

    assert found.take() is None
    found.add(ALARM)
    assert found.take() == LogLinesDropped(1, "operator.alarm 1")


def test_of_many_rules_the_rest_is_told_in_one_word():
    """A configuration of ten thousand rules makes no line of ten thousand words."""
    count = 10 * MAX_RULES
    found = lost(*[forbidden(f"rule-{number}") for number in range(count)]).take()

    parts = found.rules.split(", ")
    assert len(parts) == MAX_RULES + 1
    assert parts[0] == f"other {count - MAX_RULES}"
    assert found.count == count


def test_nothing_is_counted_twice_or_not_at_all_while_two_threads_lose_and_a_third_tells():
    """The loop loses decisions and the beat its summary, while the queue's thread tells."""
    found, told = Lost(), []
    losing = [
        threading.Thread(target=lambda event=event: [found.add(event) for _ in range(5_000)])
        for event in (DECISION, ALARM)
    ]

    for thread in losing:
        thread.start()
    told += [found.take() for _ in range(200)]
    for thread in losing:
        thread.join()
    told.append(found.take())

    assert sum([one.count for one in told if one]) == 10_000


def test_an_outcome_that_nobody_knows_is_told_as_other():
    """The line stays short whatever happens."""
    found = lost(*[replace(DECISION, outcome=f"evil-{number}") for number in range(50)]).take()

    assert found == LogLinesDropped(50, "other 50")
