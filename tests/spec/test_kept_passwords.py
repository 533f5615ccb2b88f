"""Days of people whose directory gives a token of an hour, and whose password was typed once; in virtual time."""

import pytest

from tests.kit.directory_world import DirectoryWorld
from tests.kit.vendors.ad_api import KEY
from tests.kit.worlds import worlds

HOUR, DAY = 3600.0, 86_400.0


@pytest.fixture
def made():
    """Makes worlds, and closes them."""
    with worlds(DirectoryWorld) as make:
        yield make


@pytest.fixture
def world(made):
    return made()


def test_a_day_of_work_with_a_token_of_an_hour_shows_no_login(world):
    """The password is typed once, and sent again before each end of the token: about once an hour."""
    ann = world.sign_in()

    assert world.work([ann], DAY, every=60) == [True]

    assert set(world.outcomes()) == {"ok"}
    assert 24 <= world.api.calls() <= 27
    assert world.request(ann).token_end > world.loop.clock()


def test_three_idle_days_end_it(world):
    """And just below it does not."""
    ann = world.sign_in()

    world.loop.pass_time(3 * DAY - 120)
    assert world.request(ann) is not None
    world.loop.pass_time(3 * DAY + 120)
    assert world.request(ann) is None


def test_ten_minutes_without_the_api_sign_nobody_out(world):
    """Tries fail, back off, and are forgotten with the first success."""
    people = [world.sign_in(name) for name in ("ann", "bob")]
    world.work(people, HOUR - 300)

    world.wire.down = True
    assert world.work(people, 600) == [True, True]
    world.wire.down = False
    assert world.work(people, 120) == [True, True]

    assert "transient" in world.outcomes()
    assert world.outcomes()[-1] == "ok"
    assert world.request(people[0]).fails == 0
    assert world.ended() == []


def test_beyond_grace_and_tries_it_ends_with_its_reason(world):
    """Fifteen minutes past the token's end, and the page that comes next can say why."""
    ann = world.sign_in()
    token_end = world.request(ann).token_end
    world.work([ann], HOUR - 300)

    world.wire.down = True
    assert world.work([ann], token_end + 14 * 60 - world.loop.clock()) == [True]
    assert world.work([ann], 180) == [False]

    assert world.ended() == ["refresh_exhausted"]
    assert world.why(ann) == "refresh_exhausted"


def test_without_grace_the_end_of_the_token_and_three_tries_are_enough(made):
    """`outage_grace: 0s`, whichever of the two is later."""
    world = made({"outage_grace": 0.0})
    ann = world.sign_in()
    token_end = world.request(ann).token_end
    world.work([ann], HOUR - 300)
    world.wire.down = True

    assert world.work([ann], token_end - 10 - world.loop.clock()) == [True]
    assert world.request(ann).fails >= 3
    assert world.work([ann], 90) == [False]


def test_tries_after_the_end_of_the_token_are_needed_too(made):
    """Who comes back after the token has ended is not signed out by one failure."""
    world = made({"outage_grace": 0.0})
    ann = world.sign_in()
    world.loop.pass_time(2 * HOUR)
    world.wire.down = True

    assert world.request(ann) is not None
    assert world.request(ann).fails == 1
    assert world.work([ann], 60, every=1) == [False]
    assert world.outcomes() == ["transient"] * 3


def test_failed_tries_are_counted_by_all_replicas_and_outlive_them(world):
    """They stand in the store."""
    ann = world.sign_in()
    world.loop.pass_time(HOUR - 60)
    world.wire.down = True
    counts = []
    for number in range(3):
        world.request(ann, number % 2)
        world.loop.pass_time(70)
        world.restart()
        counts.append(world.run(world.replicas[0].sessions.open(ann)).fails)

    assert counts == [1, 2, 3]


# A changed password


def test_a_changed_password_costs_one_call_over_five_sessions(world):
    """Within about a minute all of them are out, and the one that began with the new password stays."""
    old = [world.sign_in() for _ in range(5)]
    world.work(old, HOUR / 2)
    world.api.change_password("ann", "new-pw")
    new = world.sign_in()
    calls, counted = world.api.calls(), world.api.wrong["ann"]

    world.work([*old, new], HOUR / 2 - 140)
    assert world.api.wrong["ann"] == counted
    alive = world.work([*old, new], 160)

    assert alive == [False] * 5 + [True]
    assert (world.api.wrong["ann"] - counted, world.api.calls() - calls) == (1, 1)
    assert {world.why(ticket) for ticket in old} == {"password_refused"}
    assert [world.kept_password(ticket) for ticket in old] == [""] * 5
    assert world.kept_password(new) == "new-pw"
    assert world.work([new], 2 * HOUR, every=60) == [True]
    assert world.api.wrong["ann"] - counted == 1


def test_without_a_new_login_everybody_with_the_old_password_is_out_by_one_call(world):
    """Whoever signed in before the refused password was last seen to be good has the same one."""
    old = [world.sign_in() for _ in range(5)]
    world.work(old, 3 * HOUR)
    world.api.change_password("ann", "new-pw")

    assert world.work(old, HOUR) == [False] * 5
    assert world.api.wrong["ann"] == 1
    assert world.ended().count("password_refused") == 5


def test_five_sessions_that_are_due_in_one_moment_ask_once(world):
    """One session of a person asks at a time, whatever the replicas."""
    old = [world.sign_in() for _ in range(5)]
    world.loop.pass_time(HOUR + 10)
    world.api.change_password("ann", "new-pw")

    assert all(world.at_once(old))
    assert world.api.wrong["ann"] == 1
    assert all(world.at_once(old))
    assert world.api.wrong["ann"] == 1
    assert world.work(old, 90) == [False] * 5
    assert world.api.wrong["ann"] == 1


def test_while_somebody_is_suspected_their_sessions_begin_no_refresh(world):
    """None of their requests takes a lease in that minute, though all of their tokens have ended."""
    old = [world.sign_in() for _ in range(3)]
    world.loop.pass_time(HOUR + 10)
    world.api.change_password("ann", "new-pw")
    world.request(old[0])
    leases = world.store.calls.count("acquire")

    assert world.work(old, 50, every=5) == [True] * 3
    assert world.store.calls.count("acquire") == leases


def test_five_sessions_with_a_good_password_all_get_their_token(world):
    """To wait for a turn costs nobody the refresh."""
    five = [world.sign_in() for _ in range(5)]
    world.loop.pass_time(HOUR + 10)

    world.at_once(five)
    world.loop.settle()

    assert all(one.token_end > world.loop.clock() for one in world.at_once(five))


def test_a_password_is_not_sent_twice_where_its_answer_is_lost(world):
    """The directory may have counted it."""
    ann = world.sign_in()
    world.loop.pass_time(HOUR + 10)
    world.wire.loses = True
    before = world.api.calls()

    assert world.request(ann) is not None

    assert world.api.calls() - before == 1
    assert world.outcomes() == ["unknown"]


def test_suspicion_and_verdict_outlive_a_restart(world):
    """They are written down: another process judges, and asks nobody."""
    ann = world.sign_in()
    world.loop.pass_time(HOUR + 10)
    world.api.change_password("ann", "new-pw")
    assert world.request(ann) is not None
    world.restart()

    assert world.work([ann], 50) == [True]
    world.restart()
    assert world.work([ann], 20) == [False]
    assert world.api.wrong["ann"] == 1


def test_more_refusals_can_be_demanded(made):
    """`refusals_before_logout: 3` asks three times, a minute apart."""
    world = made({"refusals_before_logout": 3})
    ann = world.sign_in()
    world.loop.pass_time(HOUR + 10)
    world.api.change_password("ann", "new-pw")

    assert world.work([ann], 170) == [True]
    assert world.api.wrong["ann"] == 3
    assert world.work([ann], 60) == [False]
    assert world.api.wrong["ann"] == 3


def test_a_refusal_that_is_taken_back_is_forgotten(made):
    """The directory said no once, and yes to the same password a minute later."""
    world = made({"refusals_before_logout": 2})
    ann = world.sign_in()
    world.loop.pass_time(HOUR + 10)
    world.api.change_password("ann", "other")
    assert world.request(ann) is not None
    world.api.change_password("ann", "ann-pw")

    assert world.work([ann], 6 * HOUR, every=60) == [True]
    assert world.outcomes()[0] == "suspected"
    assert set(world.outcomes()[1:]) == {"ok"}


def test_a_locked_account_signs_nobody_out_before_the_grace_is_over(world):
    """Somebody outside has guessed wrong often enough to lock it."""
    ann = world.sign_in()
    world.work([ann], HOUR - 200)
    world.api.locked.add("ann")

    assert world.work([ann], 600) == [True]
    world.api.locked.clear()
    assert world.work([ann], 120) == [True]
    assert world.ended() == []


def test_a_disabled_account_is_out_everywhere_at_once(world):
    """Without the minute of a suspicion, and the other sessions with the one that asked."""
    ann = [world.sign_in() for _ in range(3)]
    bob = world.sign_in("bob")
    world.loop.pass_time(HOUR + 10)
    world.api.disabled.add("ann")
    before = world.api.calls()

    world.request(ann[0])
    world.loop.settle()

    assert [world.request(ticket) for ticket in ann] == [None] * 3
    assert world.api.calls() == before + 1
    assert {world.why(ticket) for ticket in ann} == {"disabled"}
    assert world.request(bob) is not None
    world.api.disabled.clear()
    world.loop.pass_time(5)
    assert world.request(world.sign_in()) is not None


# An API that refuses everybody


def test_an_expired_api_key_signs_nobody_out_and_loses_no_password(made):
    """Three people are refused within a minute, in the words of a wrong password: the operator hears of it."""
    world = made(headers={"X-API-Key": KEY})
    world.api.key = KEY
    people = [world.sign_in(name) for name in ("ann", "bob", "eve")]
    world.work(people, HOUR - 200)
    world.api.key = "another"

    assert world.work(people, 600) == [True] * 3
    assert any("several people" in alarm for alarm in world.alarms())
    assert [world.kept_password(ticket) for ticket in people] == ["ann-pw", "bob-pw", "eve-pw"]
    tries = world.outcomes().count("suspected")
    assert tries <= 12

    world.api.key = KEY
    assert world.work(people, 360) == [True] * 3
    assert world.outcomes()[-1] == "ok"
    assert world.ended() == []


def test_an_answer_that_is_mapped_as_the_operators_needs_no_three_people(made):
    """One person's refresh is enough for the alarm, and nothing is suspected."""
    errors = {"operator": {"status": 403, "path": "code", "equals": "API_KEY_EXPIRED"}}
    world = made(headers={"X-API-Key": KEY}, errors=errors)
    world.api.key = KEY
    ann = world.sign_in()
    world.work([ann], HOUR - 200)
    world.api.key = "another"

    assert world.work([ann], 300) == [True]
    assert "suspected" not in world.outcomes()
    assert any("api demands" in alarm.lower() for alarm in world.alarms())


def test_two_changed_passwords_are_two_changed_passwords(world):
    """Two people are no outage."""
    people = [world.sign_in(name) for name in ("ann", "bob")]
    world.loop.pass_time(HOUR + 10)
    for name in ("ann", "bob"):
        world.api.change_password(name, "new")

    assert world.work(people, 90) == [False, False]
    assert world.alarms() == []


def test_those_who_are_refused_a_little_later_belong_to_the_same_fault(made):
    """The fourth person's token ends minutes after the three."""
    world = made(headers={"X-API-Key": KEY})
    world.api.key = KEY
    three = [world.sign_in(name) for name in ("ann", "bob", "eve")]
    world.loop.pass_time(400)
    late = world.sign_in("王小明")
    world.work([*three, late], HOUR - 600)
    world.api.key = "another"

    assert world.work([*three, late], 800) == [True] * 4
    assert world.kept_password(late) == "王小明-pw"


def test_without_a_store_a_refusal_is_not_forgotten(world):
    """The mark is written twice where its first writing fails."""
    ann = world.sign_in()
    world.loop.pass_time(HOUR + 10)
    world.api.change_password("ann", "new-pw")
    world.store.lose_reply("index_add")

    assert world.request(ann) is not None
    assert world.work([ann], 90) == [False]
    assert world.api.wrong["ann"] == 1
