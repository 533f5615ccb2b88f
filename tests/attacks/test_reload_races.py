"""Configurations that follow one another faster than the workers: whatever comes of it, all run the same."""

import pytest

from gateway.serve import crew as words
from tests.spec.test_serve_crew import NEW, NEWER, House

pytestmark = pytest.mark.usefixtures("_nobody_is_killed")


@pytest.fixture
def _nobody_is_killed(monkeypatch):
    monkeypatch.setattr(words.os, "kill", lambda pid, number: None)


@pytest.fixture
def ready():
    house = House(count=3)
    house.crew.start()
    house.all_ready()
    return house


def settle(house):
    for _ in range(10):
        house.later(1)
        house.all_ready()


def test_a_bad_configuration_behind_a_good_one_does_not_leave_two_in_force(ready):
    """What the good one took away would go on being allowed at some of the workers, for as long as they live."""
    ready.crew.change(NEW)
    ready.crew.ready(ready.coming[0])
    ready.crew.change(NEWER)
    (under_way,) = ready.coming
    ready.crew.ready(under_way)

    (bad,) = [one for one in ready.coming if one.plan is NEWER]
    ready.crew.ended(bad, "exit code 1")
    settle(ready)

    assert {one.plan for one in ready.crew.serving().values()} == {NEW}
    assert ready.crew.plan is NEW
    assert ready.log.count("configuration.refused") == 1
    assert ready.coming == []


def test_a_bad_configuration_before_any_good_one_changes_nothing(ready):
    """Nobody has come up with the first, nor with the second: the old one stays in force."""
    old = ready.crew.plan
    ready.crew.change(NEW)
    ready.crew.change(NEWER)
    for _ in range(2):
        for one in ready.coming:
            ready.crew.ended(one, "exit code 1")
        ready.later(1)
    settle(ready)

    assert {one.plan for one in ready.crew.serving().values()} == {old}
    assert ready.crew.plan is old
    assert ready.coming == []
