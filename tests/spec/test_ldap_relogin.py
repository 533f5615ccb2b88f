"""A directory without a service account, whose people's passwords are kept for the second look; in virtual time."""

import pytest

from gateway.providers.ldap.provider import Ldap
from tests.kit.ldap_world import LdapWorld
from tests.kit.worlds import worlds

LOOK, HOUR = 900.0, 3600.0


@pytest.fixture
def made():
    """Makes worlds, and closes them."""
    with worlds(LdapWorld) as make:
        yield make


@pytest.fixture
def world(made):
    return made()


def test_a_day_of_work_shows_no_login_and_a_sign_in_each_interval(world):
    """The password is typed once, and sent again every quarter of an hour."""
    ann = world.sign_in()

    assert world.work([ann], 8 * HOUR, every=60) == [True]

    assert set(world.outcomes()) == {"ok"}
    assert 32 <= len(world.outcomes()) <= 40
    assert world.domain.binds("ann") == 2 * (1 + len(world.outcomes()))
    assert world.domain.directory.refused == []


def test_groups_are_those_of_the_latest_look(world):
    """Read by the person themselves."""
    ann = world.sign_in()
    world.domain.seen["ann"].groups = ("board",)

    world.work([ann], LOOK, every=60)

    assert world.request(ann).latest.groups == ("board",)


def test_the_password_is_in_the_grant_and_nowhere_else_in_the_store(world):
    """Under the key that the ticket holds."""
    ann = world.sign_in()
    world.work([ann], 2 * LOOK, every=60)

    assert world.kept_password(ann) == "ann-pw"
    assert "ann-pw" not in repr((world.store.records, world.store.plain, world.events))


def test_without_the_word_of_the_operator_no_password_is_kept(made):
    """And nobody looks again: the session lives by its own limits."""
    world = made(relogin=False)
    ann = world.sign_in()
    world.domain.says("ann", "533")

    assert world.work([ann], 4 * HOUR, every=60) == [True]
    assert world.kept_password(ann) == ""
    assert world.domain.binds("ann") == 2


def test_a_word_that_is_taken_back_lets_go_of_the_passwords(world):
    """At the next look of each session, and without another sign-in."""
    ann = world.sign_in()
    world.restart(relogin=False)

    assert world.work([ann], HOUR, every=60) == [True]
    assert world.kept_password(ann) == ""
    assert world.domain.binds("ann") == 2


# A changed password


def test_a_changed_password_costs_one_refusal_over_five_sessions(world):
    """Within about a minute all of them are out, and the one that began with the new password stays."""
    old = [world.sign_in() for _ in range(5)]
    world.loop.pass_time(60)
    world.domain.change_password("ann", "new-pw")
    new = world.sign_in()
    world.loop.pass_time(LOOK + 10)

    assert all(world.at_once([*old, new]))
    assert world.work([*old, new], 90) == [False] * 5 + [True]

    assert world.domain.refused("ann") == 1
    assert {world.why(ticket) for ticket in old} == {"password_refused"}
    assert [world.kept_password(ticket) for ticket in old] == [""] * 5
    assert world.work([new], 2 * HOUR, every=60) == [True]
    assert world.domain.refused("ann") == 1


def test_after_a_refusal_the_same_password_is_bound_at_nobody_else(world):
    """Neither as the entry, nor at the other controller."""
    ann = world.sign_in()
    world.domain.change_password("ann", "new-pw")
    before = world.domain.binds("ann")
    world.loop.pass_time(LOOK + 10)

    world.request(ann)

    assert world.domain.binds("ann") - before == 1


def test_a_previous_password_that_is_still_taken_is_seen_through(world):
    """For an hour a directory says yes to it; the day on which it was set says no, and costs nobody a try."""
    old = [world.sign_in() for _ in range(5)]
    world.domain.change_password("ann", "new-pw", old_still_taken=True)
    world.loop.pass_time(LOOK + 10)

    world.at_once(old)
    assert world.work(old, 30) == [False] * 5

    assert world.domain.refused("ann") == 0
    assert set(world.ended()) == {"refresh_refused"}


def test_what_somebody_may_not_read_of_themselves_is_left_to_the_yes(world):
    """Then the previous password lives for its hour, and its session with it."""
    world.domain.seen["ann"].more = {"pwdLastSet": ""}
    ann = world.sign_in()
    world.domain.change_password("ann", "new-pw", old_still_taken=True)

    assert world.work([ann], HOUR, every=60) == [True]
    world.domain.change_password("ann", "newer-pw")
    assert world.work([ann], LOOK, every=60) == [False]
    assert world.domain.refused("ann") == 1


def test_what_can_be_read_later_than_the_login_is_compared_from_then_on(world):
    """A right that somebody is given signs nobody out."""
    world.domain.seen["ann"].more = {"pwdLastSet": ""}
    ann = world.sign_in()
    world.domain.seen["ann"].more = {}

    assert world.work([ann], HOUR, every=60) == [True]
    world.domain.change_password("ann", "new-pw", old_still_taken=True)
    assert world.work([ann], LOOK, every=60) == [False]
    assert world.domain.refused("ann") == 0


# What else a directory says to the right password


def test_a_disabled_account_is_out_everywhere_at_once(world):
    """By one bind, and the other people stay."""
    ann, bob = [world.sign_in() for _ in range(3)], world.sign_in("bob")
    world.loop.pass_time(LOOK + 10)
    world.domain.says("ann", "533")
    before = world.domain.binds("ann")

    world.request(ann[0])
    world.loop.settle()

    assert [world.request(ticket) for ticket in ann] == [None] * 3
    assert world.domain.binds("ann") - before == 1
    assert {world.why(ticket) for ticket in ann} == {"disabled"}
    assert world.request(bob) is not None


@pytest.mark.parametrize("data", ["530", "531", "532", "701", "773"])
def test_a_right_password_that_is_not_enough_ends_the_session_that_asks(world, data):
    """As what the service account would have read does; nobody is suspected of anything."""
    ann = world.sign_in()
    world.loop.pass_time(LOOK + 10)
    world.domain.says("ann", data)

    assert world.request(ann) is None
    assert world.outcomes() == ["refused"]
    assert world.domain.refused("ann") == 0


def test_a_locked_account_signs_nobody_out_before_the_grace_is_over(world):
    """Anybody can lock it from outside; it is looked at once a minute."""
    ann = world.sign_in()
    world.work([ann], LOOK - 200)
    before = world.domain.binds("ann")
    world.domain.says("ann", "775")

    assert world.work([ann], 600) == [True]
    assert 1 < world.domain.binds("ann") - before <= 10
    world.domain.says("ann", "")
    assert world.work([ann], 120) == [True]
    assert world.ended() == []


def test_three_people_who_are_refused_at_once_are_the_operators_fault(world):
    """An alarm, nobody out, and no password lost."""
    people = [world.sign_in(name) for name in ("ann", "bob", "eve")]
    world.work(people, LOOK - 200)
    names = list(world.domain.seen)
    for name in names:
        world.domain.directory.passwords |= {f"{name}@example.com": "lost"}

    assert world.work(people, 600) == [True] * 3
    assert any("several people" in alarm for alarm in world.alarms())
    assert [world.kept_password(ticket) for ticket in people] == [f"{name}-pw" for name in names]

    for name in names:
        world.domain.directory.passwords |= {f"{name}@example.com": f"{name}-pw"}
    assert world.work(people, 360) == [True] * 3
    assert world.outcomes()[-1] == "ok"
    assert world.ended() == []


# Weather


def test_a_directory_that_is_away_for_ten_minutes_signs_nobody_out(world):
    """Tries fail, back off, and are forgotten with the first success."""
    ann = world.sign_in()
    world.work([ann], LOOK - 300)

    world.domain.directory.down = {"one.example.com", "two.example.com"}
    assert world.work([ann], 600) == [True]
    world.domain.directory.down = set()
    assert world.work([ann], 120) == [True]

    assert "transient" in world.outcomes()
    assert world.outcomes()[-1] == "ok"
    assert world.ended() == []


def test_a_bind_without_an_answer_is_sent_to_nobody_else(world):
    """The directory may have counted it."""
    ann = world.sign_in()
    world.loop.pass_time(LOOK + 10)
    world.domain.directory.silent = {"one.example.com", "two.example.com"}
    dialled = len(world.domain.directory.dialled)

    assert world.request(ann) is not None

    assert len(world.domain.directory.dialled) - dialled == 1
    assert world.outcomes() == ["unknown"]


def test_somebody_else_under_the_same_name_gets_no_session(world):
    """The name that never changes is another one."""
    ann = world.sign_in()
    world.domain.seen["ann"].more = {"objectGUID": "0123456789abcdef"}

    assert world.work([ann], HOUR, every=20) == [False]
    assert set(world.outcomes()) == {"unknown"}
    assert world.ended() == ["refresh_exhausted"]


# Beside a service account


@pytest.fixture
def with_service(made):
    world = made(bind_dn="CN=Reader,DC=example,DC=com", bind_password="of-the-service")
    world.domain.directory.passwords["CN=Reader,DC=example,DC=com"] = "of-the-service"
    return world


def test_what_the_service_account_reads_spares_the_try(with_service):
    """It sees that the password was changed; the old one is sent to nobody."""
    world = with_service
    old = [world.sign_in() for _ in range(3)]
    world.domain.change_password("ann", "new-pw")
    before = world.domain.binds("ann")
    world.loop.pass_time(LOOK + 10)

    world.at_once(old)
    assert world.work(old, 30) == [False] * 3
    assert world.domain.binds("ann") == before


def test_a_word_that_is_taken_back_beside_a_service_account_leaves_the_look(with_service):
    """No kept password is sent any more, and none is kept."""
    world = with_service
    ann = world.sign_in()
    world.restart(relogin=False)
    before = world.domain.binds("ann")

    assert world.work([ann], 2 * LOOK, every=60) == [True]
    assert (world.domain.binds("ann") - before, world.kept_password(ann)) == (0, "")
    world.domain.change_password("ann", "new-pw")
    assert world.work([ann], LOOK, every=60) == [False]


def test_beside_a_service_account_the_password_is_tried_too(with_service):
    """Once each interval, as the entry that was found; a refusal is suspected."""
    world = with_service
    ann = world.sign_in()
    world.work([ann], LOOK, every=60)
    assert world.domain.binds("ann") == 2
    world.domain.directory.passwords["CN=Ann,DC=example,DC=com"] = "another"

    assert world.work([ann], LOOK, every=20) == [False]
    assert world.domain.refused("ann") == 1
    assert world.ended() == ["password_refused"]


def test_a_provider_that_keeps_passwords_shows_none(world):
    """In no repr of what stands around them."""
    provider = world.replicas[0].catalog.get("corp")
    account = provider.account("ann", "")
    signed_in = world.run(provider.check_password(account, "ann-pw", 1))

    assert isinstance(provider, Ldap)
    assert signed_in.grant.password == "ann-pw"
    assert "ann-pw" not in repr(signed_in)
