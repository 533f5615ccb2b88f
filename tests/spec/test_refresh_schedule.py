"""When a refresh is due, and when failing ends a session."""

import pytest

from gateway.identity.identity import Identity
from gateway.sessions.schedule import Due, ahead, exhausted, is_due, next_try, plan
from gateway.sessions.session import Grant, Session

ALICE = Identity(provider="idp", issuer="https://i", subject="1", user="alice", authenticated_at=1)
BEGUN = 1_000_000


def session(*, life=3600, **changes):
    values = {
        "id": "sid",
        "identities": (ALICE,),
        "created": BEGUN,
        "absolute_end": BEGUN + 10**6,
        "version": 1,
        "seen": BEGUN,
        "token_begun": BEGUN,
        "token_end": BEGUN + life,
    }
    return Session(**(values | changes))


@pytest.mark.parametrize(
    ("before_end", "due"),
    [
        pytest.param(3600, Due.FRESH, id="just begun"),
        pytest.param(133, Due.FRESH, id="before any soft mark"),
        pytest.param(107, Due.SOFT, id="after every soft mark"),
        pytest.param(5.1, Due.SOFT, id="just before the hard mark"),
        pytest.param(5, Due.HARD, id="the hard mark"),
        pytest.param(0, Due.HARD, id="the end"),
        pytest.param(-86_400, Due.HARD, id="a day after"),
    ],
)
def test_a_long_token_is_refreshed_two_minutes_before_its_end(before_end, due):
    """Two minutes, give or take a tenth; five seconds before the end a request waits."""
    held = session()

    assert plan(held, held.token_end - before_end) is due


@pytest.mark.parametrize(
    ("before_end", "due"),
    [
        pytest.param(14, Due.FRESH, id="before a fifth of its life"),
        pytest.param(10, Due.SOFT, id="after it"),
        pytest.param(4, Due.HARD, id="hard"),
    ],
)
def test_a_short_token_is_refreshed_in_the_last_fifth_of_its_life(before_end, due):
    """Two minutes ahead of a one-minute token would be a refresh for every request."""
    held = session(life=60)

    assert plan(held, held.token_end - before_end) is due


@pytest.mark.parametrize(
    ("before_end", "due"),
    [
        pytest.param(2, Due.FRESH, id="before a fifth of its life"),
        pytest.param(1.3, Due.SOFT, id="after it"),
        pytest.param(0.5, Due.HARD, id="hard"),
    ],
)
def test_a_token_of_seconds_still_has_a_time_in_which_nobody_waits(before_end, due):
    """Five seconds before its end it has hardly begun."""
    held = session(life=8)

    assert plan(held, held.token_end - before_end) is due


@pytest.mark.parametrize("life", [1, 4, 8, 20, 60, 300, 600, 3600, 86_400])
@pytest.mark.parametrize("number", range(5))
def test_whenever_a_session_is_due_its_token_is(life, number):
    """Or a refresh would be set off that finds nothing to do, by each request anew."""
    held = session(life=life, id=f"sid-{number}")
    token = Grant(provider="idp", refresh_token="r", begun=held.token_begun, expires=held.token_end)

    for tenths in range(life * 10 if life < 1000 else 2000):
        now = held.token_end - tenths / 10
        assert plan(held, now) is Due.FRESH or is_due(token, now)


def test_a_token_of_unknown_age_is_taken_for_a_long_one():
    """Without a beginning there is no share of a life."""
    held = session(token_begun=0)

    assert 108 <= ahead(held) <= 132


def test_a_session_without_a_token_to_refresh_is_always_fresh():
    """It lives by its own limits."""
    assert plan(session(token_end=0), BEGUN * 2) is Due.FRESH


@pytest.mark.parametrize("before_end", [60, 0, -3600])
def test_nothing_is_due_before_the_next_try(before_end):
    """A failing provider is left alone for the pause, also past the token's end."""
    held = session()
    now = held.token_end - before_end

    assert plan(session(next_try=now + 1), now) is Due.FRESH
    assert plan(session(next_try=now), now) is not Due.FRESH


def test_sessions_that_began_together_are_not_refreshed_together():
    """The mark moves by a tenth, differently for each session and each version, and the same everywhere."""
    marks = {ahead(session(id=f"s{n}")) for n in range(50)} | {ahead(session(version=v)) for v in range(50)}

    assert len(marks) > 50
    assert all(108 <= mark <= 132 for mark in marks)
    assert ahead(session()) == ahead(session())


def test_a_due_session_has_a_due_grant():
    """Whatever the jitter of the session, the grant that ends first is refreshed."""
    for n in range(100):
        held = session(id=f"s{n}", life=60)
        grant = Grant(provider="idp", refresh_token="r", begun=BEGUN, expires=held.token_end)

        assert is_due(grant, held.token_end - ahead(held))


@pytest.mark.parametrize(
    "grant",
    [
        pytest.param(Grant(provider="idp", begun=1, expires=2), id="no refresh token"),
        pytest.param(Grant(provider="idp", refresh_token="r"), id="no end"),
        pytest.param(Grant(provider="idp", refresh_token="r", begun=BEGUN, expires=BEGUN + 3600), id="fresh"),
    ],
)
def test_a_grant_that_cannot_or_need_not_be_refreshed_is_not_due(grant):
    """Without a refresh token, or without an end, nothing happens."""
    assert not is_due(grant, BEGUN)


@pytest.mark.parametrize(
    ("fails", "wait", "pause"),
    [
        (0, None, 5),
        (1, None, 10),
        (2, None, 20),
        (3, None, 40),
        (4, None, 60),
        (5000, None, 60),
        (0, 30.0, 30),
        (4, 30.0, 60),
        (0, 600.0, 600),
        (0, 0.0, 5),
    ],
)
def test_the_pause_doubles_to_a_minute_and_hears_the_provider(fails, wait, pause):
    """5 s, 10 s, 20 s … 60 s; a longer wait that the provider names is kept."""
    assert next_try(fails, 1000, wait) == 1000 + pause


@pytest.mark.parametrize(
    ("fails", "past_end", "ends"),
    [
        pytest.param(3, 900, True, id="three tries, and the grace is over"),
        pytest.param(2, 10_000, False, id="two tries, however long ago"),
        pytest.param(3, 899, False, id="the grace still runs"),
        pytest.param(300, 0, False, id="many tries at the token's end"),
        pytest.param(300, -60, False, id="many tries before it"),
    ],
)
def test_failing_ends_a_session_by_tries_and_time_together(fails, past_end, ends):
    """The token has ended, three tries in a row have failed, and the grace has passed."""
    assert exhausted(fails, 1000, 1000 + past_end, outage_grace=900) is ends


def test_without_grace_three_tries_past_the_end_are_enough():
    """`outage_grace: 0` is the strict reading."""
    assert exhausted(3, 1000, 1000, outage_grace=0)
    assert not exhausted(3, 1000, 999, outage_grace=0)
