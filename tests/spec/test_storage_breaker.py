"""When Redis is away: the circuit breaker, by a clock that the test moves."""

import pytest

from gateway.errors import StoreFault
from gateway.storage.redis.breaker import Breaker
from tests.kit.clock import Clock


@pytest.fixture
def ticks():
    return Clock(0.0)


@pytest.fixture
def breaker(ticks):
    return Breaker(ticks, failures=3, window=2.0, pause=1.0)


def fail(breaker, times: int) -> None:
    for _ in range(times):
        breaker.admit()
        breaker.failed()


def test_a_few_failures_open_nothing(breaker):
    """Two failures of three, a success, two more: calls go on."""
    fail(breaker, 2)
    breaker.worked()
    fail(breaker, 2)

    breaker.admit()


def test_failures_that_are_far_apart_open_nothing(breaker, ticks):
    """Only failures within the window count together."""
    for _ in range(10):
        fail(breaker, 1)
        ticks.advance(1.5)

    breaker.admit()


def test_failures_in_a_row_stop_the_calls(breaker):
    """At the third failure callers are told at once."""
    fail(breaker, 3)

    with pytest.raises(StoreFault, match="asked again"):
        breaker.admit()


def test_one_probe_goes_out_each_pause(breaker, ticks):
    """After the pause one caller may try; the others still wait for its answer."""
    fail(breaker, 3)
    ticks.advance(1.0)

    breaker.admit()

    with pytest.raises(StoreFault):
        breaker.admit()
    ticks.advance(1.0)
    breaker.admit()


def test_a_probe_that_fails_keeps_it_open(breaker, ticks):
    """The next probe comes a whole pause later, however long the last failures are ago."""
    fail(breaker, 3)
    ticks.advance(30.0)
    fail(breaker, 1)

    with pytest.raises(StoreFault):
        breaker.admit()


def test_a_probe_that_works_closes_it(breaker, ticks):
    """All callers pass again, and old failures are forgotten."""
    fail(breaker, 3)
    ticks.advance(1.0)
    breaker.admit()
    breaker.worked()

    fail(breaker, 2)
    breaker.admit()
