"""Which answers have a line of their own, and what is said of those that have none."""

import io
import threading

import pytest

from gateway.observe.beat import Beat
from gateway.observe.decisions import MINUTE, Decisions, lines_a_second
from gateway.observe.events import DecisionsSummarised
from gateway.observe.labels import OTHER, OUTCOMES
from gateway.observe.log import Log
from gateway.settings.model import Log as LogSettings

DENIED = ("challenge", "step_up", "forbid", "refused", "limited")
PATIENCE = 60
"""Seconds to wait for another thread: on a busy machine it may not run for a while, and that is no failure."""


def answered(decisions, outcome="allow", times=1):
    """Whether a line was wanted, for each of so many answers."""
    return [decisions.answered("forward-auth", outcome, 0.000_02) for _ in range(times)]


def minute(decisions):
    """What is told in the course of a minute."""
    return [told for _ in range(MINUTE) for told in decisions.next_second()]


def configured(level="debug", **settings):
    """As `watch` makes them."""
    settings = LogSettings(level=level, **settings)
    return Decisions(lines_a_second(settings, Log(settings, io.StringIO(), float).outcomes()))


@pytest.mark.parametrize("outcome", DENIED)
def test_the_first_denials_of_a_second_have_a_line(outcome):
    """As many as `log.denials` says, and in the next second as many again."""
    decisions = configured(denials=3)

    first = answered(decisions, outcome, 5)
    decisions.next_second()
    second = answered(decisions, outcome, 5)

    assert first == second == [True] * 3 + [False] * 2


@pytest.mark.parametrize("outcome", [*DENIED, "a word that nobody knows"])
def test_a_hundred_denials_of_a_second_have_a_line_where_nothing_is_configured(outcome):
    """Beside ten allows."""
    decisions = configured()

    assert answered(decisions, outcome, 101) == [True] * 100 + [False]
    assert answered(decisions, times=11) == [True] * 10 + [False]


def test_no_outcome_takes_a_line_from_another():
    """A flood of anonymous requests hides neither a person who is forbidden something nor an allow."""
    decisions = configured(allows=1, denials=1)

    wanted = [answered(decisions, outcome, 2) for outcome in ("allow", *DENIED)]

    assert wanted == [[True, False]] * 6


def test_every_denial_has_a_line_where_all_are_wanted():
    """`log.denials: all`, although allows have none."""
    decisions = configured(allows=0, denials="all")

    assert [answered(decisions, outcome, 1000) for outcome in DENIED] == [[True] * 1000] * 5
    assert answered(decisions) == [False]


def test_every_fault_has_a_line():
    """The gateway itself has failed, however few lines the rest may have."""
    decisions = configured(allows=0, denials=1)

    assert answered(decisions, "fault", 1000) == [True] * 1000
    assert decisions.summaries() == []


@pytest.mark.parametrize("outcome", [*OUTCOMES, "a word that nobody knows"])
def test_an_outcome_below_the_level_of_the_log_has_no_line(outcome):
    """An event that nobody would write is not made."""
    decisions = configured("error", allows="all", denials="all")

    assert answered(decisions, outcome, 3) == [False] * 3


def test_a_log_of_warnings_has_refusals_and_no_challenges():
    """The level comes first, and the bound holds for what it leaves."""
    decisions = configured("warning", denials=1)

    wanted = {outcome: sum(answered(decisions, outcome, 2)) for outcome in OUTCOMES}

    assert wanted == {
        "allow": 0,
        "challenge": 0,
        "step_up": 0,
        "forbid": 0,
        "refused": 1,
        "limited": 1,
        "fault": 2,
    }


def test_the_first_allows_of_a_second_have_a_line():
    """As many as `log.allows` says, and in the next second as many again."""
    decisions = configured(allows=2)

    first = answered(decisions, times=5)
    decisions.next_second()
    second = answered(decisions, times=5)

    assert first == second == [True, True, False, False, False]


@pytest.mark.parametrize("outcome", ["allow", "forbid"])
def test_lines_that_nobody_needed_are_not_saved_up(outcome):
    """After a quiet hour a burst has no more lines than any other."""
    decisions = configured(allows=2, denials=2)

    for _ in range(3600):
        decisions.next_second()

    assert answered(decisions, outcome, 4) == [True, True, False, False]


@pytest.mark.parametrize(("allows", "line"), [(0, False), ("all", True)])
def test_none_or_every_allow_has_a_line(allows, line):
    """`log.allows: 0` and `log.allows: all`, in every second."""
    decisions = configured(allows=allows)

    first = answered(decisions, times=100)
    decisions.next_second()

    assert first == answered(decisions, times=100) == [line] * 100


def test_answers_without_a_line_are_summarised_once_a_minute():
    """Each of them once, by outcome, and those that have a line not at all."""
    decisions = configured(allows=2, denials=1)
    answered(decisions, times=7)
    answered(decisions, "forbid", 3)
    answered(decisions, "refused")

    assert minute(decisions) == [DecisionsSummarised("allow", 5), DecisionsSummarised("forbid", 2)]
    assert minute(decisions) == []

    answered(decisions, times=3)
    answered(decisions, "refused", 5)

    assert minute(decisions) == [DecisionsSummarised("allow", 1), DecisionsSummarised("refused", 4)]


def test_the_summary_comes_at_the_end_of_its_minute():
    """Not with the first answer without a line."""
    decisions = configured(allows=0)
    answered(decisions)

    told = [decisions.next_second() for _ in range(MINUTE)]

    assert told == [[]] * (MINUTE - 1) + [[DecisionsSummarised("allow", 1)]]


def test_where_every_answer_has_a_line_there_is_no_summary():
    """A quiet gateway does not talk of itself."""
    decisions = configured()
    answered(decisions, times=10)
    answered(decisions, "forbid", 100)

    assert minute(decisions) == []
    assert decisions.summaries() == []


def test_a_summary_asked_for_before_the_minute_is_over_is_not_told_again():
    """As at the end of the process."""
    decisions = configured(allows=0)
    answered(decisions, times=4)

    assert decisions.summaries() == [DecisionsSummarised("allow", 4)]
    assert minute(decisions) == []


def test_contracts_share_the_lines_of_a_second():
    """They are those of the log, not of a contract."""
    decisions = configured(denials=3)

    wanted = [decisions.answered(contract, "forbid", 0.1) for contract in ("ext-authz", "ngf", "?") * 2]

    assert wanted == [True] * 3 + [False] * 3
    assert decisions.summaries() == [DecisionsSummarised("forbid", 3)]


def test_words_that_nobody_knows_share_one_bound_and_one_summary():
    """Whoever could choose them would have a line for each."""
    decisions = configured(denials=2)

    wanted = [decisions.answered("forward-auth", f"word-{number}", 0.1) for number in range(5)]

    assert wanted == [True, True, False, False, False]
    assert decisions.summaries() == [DecisionsSummarised(OTHER, 3)]


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
