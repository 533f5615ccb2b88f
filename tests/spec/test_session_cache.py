"""What a process remembers of sessions, and what makes it forget."""

import tracemalloc
from dataclasses import replace

import pytest

from gateway.sessions.cache import NAMES, NOBODY_FOR, NOTES, Cache, Memory, Miss, weight
from gateway.sessions.cookie import Ticket
from gateway.sessions.person import person_of
from gateway.sessions.session import Session
from gateway.storage.bus import About, Notice
from tests.kit.people import person

NOW = 1_800_000_000.0
ALICE, BOB = person("a-1", user="alice"), person("b-2", user="bob", provider="partner")
TTL, KEPT = 5.0, 30.0


def ticket(number=1):
    return Ticket("k1", int(NOW), number.to_bytes(32, "big"))


def session(sid="s1", *identities):
    return Session(
        id=sid,
        identities=identities or (ALICE,),
        created=int(NOW),
        absolute_end=int(NOW) + 86_400,
        version=1,
        seen=int(NOW),
    )


def remembering(found, *, ticks=100.0, until=NOW + 60, **sizes):
    """A cache that holds what a read found that began at `ticks`."""
    cache = Cache(TTL, KEPT, **sizes)
    cache.put(ticket(), found, until, cache.mark(ticks))
    return cache


def got(cache, *asked):
    """The session that is remembered; or why there is none."""
    memory = cache.get(*asked)
    return memory.session if isinstance(memory, Memory) else memory


def test_what_was_read_is_remembered():
    """Whole, and for its ticket alone."""
    cache = remembering(session())

    assert got(cache, ticket(), 101.0, NOW) == session()
    assert got(cache, ticket(2), 101.0, NOW) is Miss.MISS


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(ticket(), kid="k2"), id="signed by another key"),
        pytest.param(replace(ticket(), issued=int(NOW) - 1), id="issued at another time"),
        pytest.param(replace(ticket(), secret=b"\0" * 32), id="another secret"),
    ],
)
def test_every_part_of_a_ticket_counts(other):
    """It was verified as a whole, and as a whole it is remembered."""
    assert got(remembering(session()), other, 101.0, NOW) is Miss.MISS


AGES = [
    pytest.param(session(), 0.0, session(), id="at once"),
    pytest.param(session(), TTL - 0.001, session(), id="just before the age limit"),
    pytest.param(session(), TTL, Miss.MISS, id="at the age limit"),
    pytest.param(None, NOBODY_FOR - 0.001, None, id="nobody, a moment ago"),
    pytest.param(None, NOBODY_FOR, Miss.MISS, id="nobody, a second ago"),
]


@pytest.mark.parametrize(("found", "age", "remembered"), AGES)
def test_a_memory_is_used_up_to_its_age(found, age, remembered):
    """Counted from the moment at which its read began, not from that at which the answer came."""
    assert got(remembering(found), ticket(), 100.0 + age, NOW) == remembered


@pytest.mark.parametrize(
    ("now", "remembered"),
    [
        pytest.param(NOW + 59.9, session(), id="before"),
        pytest.param(NOW + 60, Miss.MISS, id="at"),
        pytest.param(NOW + 61, Miss.MISS, id="after"),
    ],
)
def test_a_memory_is_not_used_past_what_its_session_allows(now, remembered):
    """However young it is."""
    assert got(remembering(session(), until=NOW + 60), ticket(), 100.0, now) == remembered


def test_with_an_age_of_zero_nothing_is_used():
    """The operator has switched it off."""
    cache = Cache(0.0, KEPT)
    cache.put(ticket(), session(), NOW + 60, cache.mark(100.0))
    cache.put(ticket(2), None, 0.0, cache.mark(100.0))

    assert got(cache, ticket(), 100.0, NOW) is Miss.MISS
    assert got(cache, ticket(2), 100.0, NOW) is Miss.MISS
    assert cache.kept(ticket(), 100.0).session == session()


def test_what_may_not_be_used_is_kept_for_an_outage():
    """Up to its age, whatever is due."""
    cache = remembering(session(), until=NOW)

    assert got(cache, ticket(), 100.0, NOW) is Miss.MISS
    assert cache.kept(ticket(), 100.0 + KEPT - 0.001).session == session()
    assert cache.kept(ticket(), 100.0 + KEPT) is None


def test_an_outage_knows_of_nobody_that_they_are_nobody():
    """A memory of no session denies for a second, and is no answer of its own."""
    assert remembering(None).kept(ticket(), 100.1) is None


NOTICES = [
    pytest.param(Notice(About.SESSION, "s1"), True, id="this session"),
    pytest.param(Notice(About.SESSION, "s2"), False, id="another session"),
    pytest.param(Notice(About.PERSON, person_of(ALICE)), True, id="its person"),
    pytest.param(Notice(About.PERSON, person_of(BOB)), True, id="its other person"),
    pytest.param(Notice(About.PERSON, person_of(person("c-3"))), False, id="somebody else"),
    pytest.param(Notice(About.PERSON, "s1"), False, id="a person called as the session is"),
    pytest.param(Notice(About.ALL), True, id="all"),
]


@pytest.mark.parametrize(("notice", "concerns"), NOTICES)
def test_a_notice_makes_it_forget_what_it_names(notice, concerns):
    """For checks and for outages alike, and nothing else."""
    cache = remembering(session("s1", ALICE, BOB))

    cache.hear(notice)

    assert (got(cache, ticket(), 100.0, NOW) is Miss.MISS) == concerns
    assert (cache.kept(ticket(), 100.0) is None) == concerns


@pytest.mark.parametrize(("notice", "concerns"), NOTICES)
def test_what_was_read_before_a_notice_is_not_remembered_after_it(notice, concerns):
    """The read saw the session, then it ended, then the answer came: the oldest race of caches."""
    cache = Cache(TTL, KEPT)
    mark = cache.mark(100.0)

    cache.hear(notice)
    cache.put(ticket(), session("s1", ALICE, BOB), NOW + 60, mark)

    assert (got(cache, ticket(), 100.0, NOW) is Miss.MISS) == concerns
    assert (cache.kept(ticket(), 100.0) is None) == concerns


@pytest.mark.parametrize(("notice", "concerns"), NOTICES)
def test_what_is_read_after_a_notice_is_remembered(notice, concerns):
    """It is what the notice asked for."""
    cache = remembering(session("s1", ALICE, BOB))

    cache.hear(notice)
    cache.put(ticket(), session("s1", BOB), NOW + 60, cache.mark(100.5))

    assert got(cache, ticket(), 100.6, NOW) == session("s1", BOB)


def test_a_flood_of_notices_spoils_the_reads_under_way_and_no_others():
    """They are not kept in mind one by one for ever; what was remembered before and is not named stays."""
    cache = remembering(session())
    under_way = cache.mark(100.0)

    for number in range(NAMES + 1):
        cache.hear(Notice(About.SESSION, f"other-{number}"))
    cache.put(ticket(2), session("s2"), NOW + 60, under_way)
    cache.put(ticket(3), session("s3"), NOW + 60, cache.mark(100.0))

    assert got(cache, ticket(), 100.0, NOW) == session()
    assert got(cache, ticket(2), 100.0, NOW) is Miss.MISS
    assert got(cache, ticket(3), 100.0, NOW) == session("s3")


def test_a_read_that_was_overtaken_changes_nothing():
    """Two reads of one ticket, and the answer of the older one comes last."""
    cache = Cache(TTL)
    older, newer = cache.mark(100.0), cache.mark(100.2)

    cache.put(ticket(), None, 0.0, newer)
    cache.put(ticket(), session(), NOW + 60, older)

    assert got(cache, ticket(), 100.3, NOW) is None


def test_a_newer_read_replaces_what_is_remembered():
    """With what it is reached by, and what it weighs."""
    cache = remembering(session("s1", ALICE))

    cache.put(ticket(), session("s1", BOB), NOW + 60, cache.mark(101.0))
    cache.hear(Notice(About.PERSON, person_of(ALICE)))

    assert got(cache, ticket(), 101.0, NOW) == session("s1", BOB)
    assert cache.weight == weight(session("s1", BOB))


def test_those_that_were_used_longest_ago_give_way():
    """By bytes, and in the order of use."""
    room = 3 * weight(session("s1"))
    cache = Cache(TTL, capacity=room)
    for number in (1, 2, 3):
        cache.put(ticket(number), session(f"s{number}"), NOW + 60, cache.mark(100.0))
    got(cache, ticket(1), 100.0, NOW)

    cache.put(ticket(4), session("s4"), NOW + 60, cache.mark(100.0))

    held = [number for number in (1, 2, 3, 4) if got(cache, ticket(number), 100.0, NOW) is not Miss.MISS]
    assert held == [1, 3, 4]
    assert cache.weight <= room


def test_a_session_larger_than_the_cache_is_not_remembered():
    """It would push out everything, itself included."""
    large = session("s1", replace(ALICE, groups=tuple(f"group-{n}" for n in range(1000))))
    cache = Cache(TTL, capacity=20_000)

    cache.put(ticket(), large, NOW + 60, cache.mark(100.0))

    assert got(cache, ticket(), 100.0, NOW) is Miss.MISS
    assert (len(cache), cache.weight) == (0, 0)


def test_what_is_past_all_use_is_dropped():
    """A quiet process does not keep the tickets of people who have gone home."""
    cache = remembering(session())

    cache.put(ticket(2), session("s2"), NOW + 60, cache.mark(100.0 + KEPT))

    assert len(cache) == 1


def test_when_all_is_forgotten_nothing_is_left():
    """No weight, and no name."""
    cache = remembering(session("s1", ALICE, BOB))

    cache.hear(Notice(About.ALL))

    assert (len(cache), cache.weight) == (0, 0)
    cache.hear(Notice(About.SESSION, "s1"))


def named(number, groups):
    return replace(
        person(f"subject-{number}", user=f"person-{number}", email=f"p{number}@example.com"),
        name=f"Pérson {number} 名",
        groups=tuple(f"group-{number}-{n}" for n in range(groups)),
        authenticated_at=int(NOW) + number,
    )


@pytest.mark.parametrize("groups", [0, 3, 60])
def test_it_takes_no_more_memory_than_it_says(groups):
    """Measured: sessions as they come from the store, nothing shared between them."""
    tracemalloc.start()
    try:
        cache = Cache(TTL, capacity=2_000_000)
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1500):
            found = session(f"{number:026d}", named(number, groups))
            cache.put(ticket(number), found, NOW + number, cache.mark(100.0 + number / 1000))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert len(cache) > 50
    assert taken <= cache.weight <= 2_000_000


def test_a_note_is_forgotten_with_its_memory_and_weighs():
    """What was made of a session is no older than the session."""
    cache = remembering(session())
    cache.note(cache.get(ticket(), 100.0, NOW), "key", "made of it", 500)

    kept, weighed = dict(cache.get(ticket(), 100.0, NOW).notes), cache.weight
    cache.put(ticket(), session(), NOW + 60, cache.mark(101.0))

    assert kept == {"key": "made of it"}
    assert weighed == weight(session()) + 500
    assert cache.get(ticket(), 101.0, NOW).notes == {}
    assert cache.weight == weight(session())


def test_a_session_has_a_bounded_number_of_notes():
    """A person who visits a thousand hosts does not fill the memory alone."""
    cache = remembering(session())
    memory = cache.get(ticket(), 100.0, NOW)

    for number in range(NOTES + 5):
        cache.note(memory, number, "x", 10)

    assert len(memory.notes) == NOTES
    assert cache.weight == weight(session()) + 10 * NOTES


def test_notes_push_out_what_was_used_longest_ago():
    """They count towards the bytes of all memories together."""
    cache = remembering(session("s1"), capacity=2 * weight(session("s1")) + 100)
    cache.put(ticket(2), session("s2"), NOW + 60, cache.mark(100.0))

    cache.note(cache.get(ticket(2), 100.0, NOW), "key", "x", 200)

    assert cache.get(ticket(), 100.0, NOW) is Miss.MISS
    assert got(cache, ticket(2), 100.0, NOW) == session("s2")
