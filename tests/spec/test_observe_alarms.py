"""The same alarm is told once a minute, and everything else always."""

import pytest

from gateway.observe.alarms import Once
from gateway.observe.events import Alarm, SessionBegun
from tests.kit.clock import Clock

ALARM = Alarm("provider_lied", "provider corp: the issuer differs")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def told():
    return []


@pytest.fixture
def once(told, clock):
    return Once(told.append, clock)


def test_an_alarm_that_is_repeated_is_told_once_a_minute(once, told, clock):
    """Whoever opens the login page again and again does not drown the log in it."""
    for _ in range(90):
        once(ALARM)
        clock.advance(1)

    assert told == [ALARM, ALARM]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Alarm("provider_lied", "provider guests: the issuer differs"), id="another sentence"),
        pytest.param(Alarm("provider_unavailable", ALARM.detail), id="another word"),
        pytest.param(SessionBegun("s1", "corp:42", "corp"), id="no alarm"),
    ],
)
def test_what_says_something_else_is_told(other, once, told):
    """One fault does not hide another."""
    for event in (ALARM, other, ALARM):
        once(event)

    assert told == [ALARM, other]


def test_an_event_that_is_no_alarm_is_told_each_time(once, told):
    """Two people may begin the same session name; nothing of it is a repetition."""
    begun = SessionBegun("s1", "corp:42", "corp")

    once(begun)
    once(begun)

    assert told == [begun, begun]


def test_a_clock_that_is_set_back_hides_no_alarm(once, told, clock):
    """An hour back must not be an hour of silence."""
    once(ALARM)
    clock.advance(-3600)
    once(ALARM)

    assert told == [ALARM, ALARM]


def test_many_kinds_of_alarm_fill_no_memory(once, told):
    """Their sentences may differ without end."""
    for number in range(10_000):
        once(Alarm("internal_error", f"decision {number}"))

    assert len(told) == 10_000
    assert len(once._told) <= 256
