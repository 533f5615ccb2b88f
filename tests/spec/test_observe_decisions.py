"""Which answers have a line of their own, and what is said of those that have none."""

import math
import threading

import pytest

from gateway.observe.beat import Beat
from gateway.observe.decisions import MINUTE, Decisions
from gateway.observe.events import DecisionsSummarised
from gateway.observe.labels import OTHER, OUTCOMES

EVERY_WORD = (*OUTCOMES, OTHER)
REFUSALS = [outcome for outcome in OUTCOMES if outcome != "allow"]
PATIENCE = 60
"""Seconds to wait for another thread: on a busy machine it may not run for a while, and that is no failure."""


def answered(decisions, outcome="allow", times=1):
    """Whether a line was wanted, for each of so many answers."""
    return [decisions("forward-auth", outcome, 0.000_02) for _ in range(times)]


def minute(decisions):
    """What is told in the course of a minute."""
    return [told for _ in range(MINUTE) if (told := decisions.next_second())]


@pytest.mark.parametrize("outcome", [*REFUSALS, "a word that nobody knows"])
def test_whatever_is_no_allow_has_a_line(outcome):
    """However often it happens, and although allows have none."""
    decisions = Decisions(EVERY_WORD, allows=0)

    assert answered(decisions, outcome, 1000) == [True] * 1000


@pytest.mark.parametrize("outcome", [*OUTCOMES, "a word that nobody knows"])
def test_an_outcome_below_the_level_of_the_log_has_no_line(outcome):
    """An event that nobody would write is not made."""
    decisions = Decisions((), allows=math.inf)

    assert answered(decisions, outcome, 3) == [False] * 3


def test_the_first_allows_of_a_second_have_a_line():
    """As many as `log.allows` says, and in the next second as many again."""
    decisions = Decisions(EVERY_WORD, allows=2)

    first = answered(decisions, times=5)
    decisions.next_second()
    second = answered(decisions, times=5)

    assert first == second == [True, True, False, False, False]


def test_lines_that_nobody_needed_are_not_saved_up():
    """After a quiet hour a burst has no more lines than any other."""
    decisions = Decisions(EVERY_WORD, allows=2)

    for _ in range(3600):
        decisions.next_second()

    assert answered(decisions, times=4) == [True, True, False, False]


def test_refusals_take_no_line_from_the_allows():
    """The bound is on what is let through alone."""
    decisions = Decisions(EVERY_WORD, allows=1)

    answered(decisions, "forbid", 10)

    assert answered(decisions, times=2) == [True, False]


@pytest.mark.parametrize(("allows", "line"), [(0, False), (math.inf, True)])
def test_none_or_every_allow_has_a_line(allows, line):
    """`log.allows: 0` and `log.allows: all`, in every second."""
    decisions = Decisions(EVERY_WORD, allows)

    first = answered(decisions, times=100)
    decisions.next_second()

    assert first == answered(decisions, times=100) == [line] * 100


def test_allows_without_a_line_are_summarised_once_a_minute():
    """Each of them once, and those that have a line not at all."""
    decisions = Decisions(EVERY_WORD, allows=2)
    answered(decisions, times=7)
    answered(decisions, "forbid", 3)

    assert minute(decisions) == [DecisionsSummarised("allow", 5)]
    assert minute(decisions) == []

    answered(decisions, times=3)

    assert minute(decisions) == [DecisionsSummarised("allow", 1)]


def test_the_summary_comes_at_the_end_of_its_minute():
    """Not with the first allow without a line."""
    decisions = Decisions(EVERY_WORD, allows=0)
    answered(decisions)

    told = [decisions.next_second() for _ in range(MINUTE)]

    assert told == [None] * (MINUTE - 1) + [DecisionsSummarised("allow", 1)]


def test_where_every_allow_has_a_line_there_is_no_summary():
    """A quiet gateway does not talk of itself."""
    decisions = Decisions(EVERY_WORD, allows=10)
    answered(decisions, times=10)

    assert minute(decisions) == []
    assert decisions.summary() is None


def test_a_summary_asked_for_before_the_minute_is_over_is_not_told_again():
    """As at the end of the process."""
    decisions = Decisions(EVERY_WORD, allows=0)
    answered(decisions, times=4)

    assert decisions.summary() == DecisionsSummarised("allow", 4)
    assert minute(decisions) == []


def test_contracts_share_the_lines_of_a_second():
    """They are those of the log, not of a contract."""
    decisions = Decisions(EVERY_WORD, allows=3)

    wanted = [decisions(contract, "allow", 0.1) for contract in ("forward-auth", "auth-request", "?") * 2]

    assert wanted == [True] * 3 + [False] * 3
    assert decisions.summary() == DecisionsSummarised("allow", 3)


def test_a_beat_calls_until_it_is_closed():
    """In a thread of its own."""
    twice, calls = threading.Event(), []

    def each():
        calls.append(threading.current_thread())
        if len(calls) == 2:
            twice.set()

    beat = Beat(each, every=0.001)
    assert twice.wait(PATIENCE)
    beat.close(PATIENCE)
    after = len(calls)

    assert not beat._thread.is_alive()
    assert len(calls) == after
    assert set(calls) == {beat._thread}


def test_a_beat_that_is_closed_before_its_time_has_called_nobody():
    """A process that ends does not wait for its next second."""
    calls = []

    Beat(lambda: calls.append(1), every=PATIENCE).close(PATIENCE)

    assert calls == []
