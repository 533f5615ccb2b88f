"""One suite over every backend: whose turn a refresh is, what its commit writes, and what a lost reply may do."""

import asyncio
import time
from collections import Counter

import pytest

from gateway.storage.store import Acquired, Reading, Record, Turn, Written, lease_key

pytestmark = pytest.mark.anyio

SHORT = 0.08
LONG = 60.0
NOW = 1_800_000_000.0
KEY = "s:{a}"
CLEAR = ("identity", "next", "fails", "intent", "fence", "wf")


@pytest.fixture
async def record(store):
    """A session's record of version 1."""
    await store.create(KEY, {"identity": b"1", "grant": b"g"}, LONG)
    return store


def take(store, owner, seen=1, ttl=LONG, now=NOW):
    return store.acquire(KEY, seen, owner, ttl, now)


def write(store, seen, fence, owner, identity=b"2", ttl=LONG):
    return store.commit(KEY, seen, fence, owner, {"identity": identity}, ttl)


async def clear(store):
    """Version and fields of the record."""
    found = (await store.read(KEY, CLEAR)).record
    return found.version, dict(found.fields)


async def until_free(store, owner, seen=1):
    """Ask again and again until the other's lease is over; fails after five seconds."""
    deadline = time.monotonic() + 5
    while (answer := await take(store, owner, seen)).turn is Turn.BUSY:
        assert time.monotonic() < deadline, "the lease did not end"
        await asyncio.sleep(0.01)
    return answer


# Whose turn it is


async def test_the_first_who_asks_leads(record):
    """With the first fence, and nothing ambiguous before it."""
    assert await take(record, "one") == Acquired(Turn.LEAD, fence=1)


async def test_the_second_is_told_how_long_the_first_has(record, second):
    """Also at another worker."""
    await take(record, "one", ttl=30.0)

    answer = await take(second, "two")

    assert answer.turn is Turn.BUSY
    assert 20 < answer.remaining <= 30


async def test_of_many_one_leads(record, second):
    """Forty who ask at the same moment, at two workers."""
    answers = await asyncio.gather(*(take([record, second][n % 2], f"o{n}") for n in range(40)))

    assert Counter(one.turn for one in answers) == {Turn.LEAD: 1, Turn.BUSY: 39}


async def test_a_lost_reply_of_acquire_is_held(record):
    """Whoever asks again under the same name has the same lease, and no other fence is given out."""
    await take(record, "one")

    assert await take(record, "one") == Acquired(Turn.HELD, fence=1)
    assert (await clear(record))[1]["fence"] == b"1"


async def test_asking_again_does_not_prolong_a_lease(record):
    """Its end is what the holder reckons with."""
    await take(record, "one", ttl=SHORT)

    await until_free(record, "two")

    assert (await take(record, "one")).turn is Turn.BUSY


async def test_who_has_seen_an_old_version_is_told(record):
    """Before any lease is looked at: there is nothing to wait for."""
    leased = await take(record, "one")
    await write(record, 1, leased.fence, "one")
    await take(record, "two", seen=2)

    assert await take(record, "late", seen=1) == Acquired(Turn.NEWER)


@pytest.mark.parametrize(
    ("at", "turn"),
    [
        pytest.param(NOW, Turn.BACKOFF, id="before the next try"),
        pytest.param(NOW + 4.9, Turn.BACKOFF, id="just before it"),
        pytest.param(NOW + 5, Turn.LEAD, id="at the next try"),
    ],
)
async def test_nobody_leads_before_the_next_try(record, at, turn):
    """The caller's clock judges, as it wrote the moment."""
    await take(record, "one")
    await record.fail(KEY, 1, "one", NOW + 5, True)

    assert (await take(record, "two", now=at)).turn is turn


async def test_what_does_not_exist_has_no_lease(store):
    """And asking does not make it."""
    assert await take(store, "one") == Acquired(Turn.GONE)
    assert await store.read(KEY, [], [lease_key(KEY)]) == Reading(None, (None,))


# A holder that never answers


async def test_a_lease_that_ended_makes_the_next_one_ambiguous(record):
    """Nobody knows what came of the first holder's request."""
    await take(record, "one", ttl=SHORT)

    assert await until_free(record, "two") == Acquired(Turn.LEAD, fence=2, ambiguous=True)
    assert await take(record, "two") == Acquired(Turn.HELD, fence=2, ambiguous=True)


async def test_a_late_first_holder_loses(record, second):
    """The second has fence 2 and commits; the first's late commit is a conflict, and the second's repeated one is done."""
    first = await take(record, "one", ttl=SHORT)
    later = await until_free(second, "two")

    assert await write(second, 1, later.fence, "two", b"winner") is Written.DONE
    assert await write(record, 1, first.fence, "one", b"late") is Written.CONFLICT
    assert await write(second, 1, later.fence, "two", b"winner") is Written.DONE
    version, fields = await clear(record)
    assert (version, fields["identity"]) == (2, b"winner")


async def test_the_first_commit_wins_whoever_has_the_lease(record):
    """A lease saves requests, the version decides: a late holder that is the first to write keeps what it got."""
    first = await take(record, "one", ttl=SHORT)
    later = await until_free(record, "two")

    assert await write(record, 1, first.fence, "one", b"first") is Written.DONE
    assert await write(record, 1, later.fence, "two", b"second") is Written.CONFLICT
    assert (await take(record, "three", seen=2)).turn is Turn.BUSY  # a commit ends its own lease alone


async def test_a_lease_that_is_deleted_in_flight_stops_no_commit(record):
    """As a failover may lose it: the next holder is told that it is ambiguous, and the version decides."""
    first = await take(record, "one")
    await record.delete([lease_key(KEY)])

    assert await take(record, "two") == Acquired(Turn.LEAD, fence=2, ambiguous=True)
    assert await write(record, 1, first.fence, "one") is Written.DONE
    assert await write(record, 1, 2, "two") is Written.CONFLICT


# Commit


async def test_a_commit_writes_removes_leaves_and_ends_the_lease(record):
    """What is named is written, `None` is removed, the rest stays; tries and intent are forgotten."""
    await take(record, "one")
    await record.fail(KEY, 1, "one", NOW, False)
    leased = await take(record, "two")

    done = await record.commit(
        KEY, 1, leased.fence, "two", {"identity": b"2", "grant": None, "never": None}, LONG
    )

    found = await record.read(KEY, [*CLEAR, "grant", "never"], [lease_key(KEY)])
    assert done is Written.DONE
    assert found.record == Record(2, {"identity": b"2", "fence": b"2", "wf": b"2 two"})
    assert await take(record, "three", seen=2) == Acquired(Turn.LEAD, fence=3)


async def test_a_commit_is_known_by_its_owner_too(record):
    """A primary that took over can give the same fence out again: two commits of one version are not one."""
    leased = await take(record, "one")
    await write(record, 1, leased.fence, "one", b"2")

    assert await write(record, 1, leased.fence, "two", b"other") is Written.CONFLICT
    assert (await clear(record))[1]["identity"] == b"2"


async def test_a_record_can_begin_in_doubt(store):
    """Its first lease is ambiguous, and its first commit makes an end of the doubt."""
    await store.create(KEY, {"identity": b"1", "intent": b"0"}, LONG)

    leased = await take(store, "one")
    await write(store, 1, leased.fence, "one")

    assert leased == Acquired(Turn.LEAD, fence=1, ambiguous=True)
    assert await take(store, "two", seen=2) == Acquired(Turn.LEAD, fence=2)


async def test_a_store_that_nothing_happened_to_remembers(store):
    """All that it said since it was opened."""
    await take(store, "nobody")

    assert store.remembers(15.0)


async def test_a_lost_reply_of_commit_is_done_once(record):
    """The version goes up once, and a repetition writes nothing."""
    leased = await take(record, "one")
    await write(record, 1, leased.fence, "one", b"2")

    assert await write(record, 1, leased.fence, "one", b"again") is Written.DONE
    version, fields = await clear(record)
    assert (version, fields["identity"]) == (2, b"2")


async def test_a_repeated_commit_after_somebody_elses_is_a_conflict(record):
    """What it wrote is no longer what is there."""
    leased = await take(record, "one")
    await write(record, 1, leased.fence, "one")
    after = await take(record, "two", seen=2)
    await write(record, 2, after.fence, "two", b"3")

    assert await write(record, 1, leased.fence, "one") is Written.CONFLICT


@pytest.mark.parametrize("seen", [0, 2, 3])
async def test_a_commit_of_another_version_changes_nothing(record, seen):
    """Fields, version, time and lease stay."""
    leased = await take(record, "one")

    assert await write(record, seen, leased.fence, "one", b"stale", SHORT) is Written.CONFLICT
    await asyncio.sleep(SHORT * 2)

    assert (await clear(record))[0] == 1
    assert (await take(record, "one")).turn is Turn.HELD


async def test_a_logout_during_a_refresh_stays_a_logout(record):
    """The commit finds nothing and makes nothing; nor does giving up."""
    leased = await take(record, "one")
    await record.delete([KEY])

    assert await write(record, 1, leased.fence, "one") is Written.GONE
    assert await record.fail(KEY, 1, "one", NOW, False) is None
    await record.give_back(KEY, "one", True)
    assert await record.read(KEY, []) == Reading(None)


async def test_an_expired_record_is_gone_for_a_refresh(store):
    """As if it had been deleted, with all its fields."""
    await store.create(KEY, {"identity": b"old"}, SHORT)
    await take(store, "one")
    deadline = time.monotonic() + 5
    while (await store.read(KEY, [])).record is not None:
        assert time.monotonic() < deadline, "it did not expire"
        await asyncio.sleep(0.01)

    assert await write(store, 1, 1, "one") is Written.GONE
    assert (await take(store, "two")).turn is Turn.GONE
    assert await store.create(KEY, {}, LONG) is True
    assert await clear(store) == (1, {})


async def test_a_commit_gives_the_record_its_new_time(store):
    """The time to live is that of the commit."""
    await store.create(KEY, {"identity": b"1"}, SHORT * 5)
    leased = await take(store, "one")

    await write(store, 1, leased.fence, "one")
    await asyncio.sleep(SHORT * 6)

    assert (await clear(store))[0] == 2


async def test_of_many_commits_of_one_version_one_is_done(record, second):
    """Twenty refreshes of one version, whatever became of their leases."""
    answers = await asyncio.gather(*(write([record, second][n % 2], 1, n + 1, f"o{n}") for n in range(20)))

    assert Counter(answers) == {Written.DONE: 1, Written.CONFLICT: 19}
    assert (await clear(record))[0] == 2


async def test_a_reading_never_mixes_two_commits(record, second):
    """Two fields that are always written together are always read together."""
    await record.commit(KEY, 1, 1, "o", {"identity": b"2", "grant": b"2"}, LONG)
    seen = []

    async def commit():
        for version in range(2, 40):
            text = b"%d" % (version + 1)
            await second.commit(KEY, version, version, "o", {"identity": text, "grant": text}, LONG)

    async def watch():
        for _ in range(80):
            seen.append((await record.read(KEY, ["identity", "grant"], ["a:{a}"])).record)
            await asyncio.sleep(0)

    await asyncio.gather(commit(), watch())

    assert all(one.fields["identity"] == one.fields["grant"] == b"%d" % one.version for one in seen)


# Failing and giving back


async def test_fails_add_up_and_end_the_lease(record):
    """Each try is a lease of its own; the next try is rounded up, so that no pause is shortened."""
    counts = []
    for n in range(3):
        await take(record, f"o{n}")
        counts.append(await record.fail(KEY, 1, f"o{n}", NOW - 10 + n + 0.2, True))

    assert counts == [1, 2, 3]
    assert await clear(record) == (
        1,
        {"identity": b"1", "next": b"1799999993", "fails": b"3", "fence": b"3"},
    )


@pytest.mark.parametrize("definite", [True, False])
async def test_only_a_definite_failure_leaves_nothing_ambiguous(record, definite):
    """A token that may be spent stays so for this version, however many tries follow."""
    await take(record, "one")
    await record.fail(KEY, 1, "one", NOW, definite)

    assert await take(record, "two") == Acquired(Turn.LEAD, fence=2, ambiguous=not definite)
    await record.fail(KEY, 1, "two", NOW, definite)
    assert await take(record, "three") == Acquired(Turn.LEAD, fence=3, ambiguous=not definite)


async def test_a_lost_reply_of_fail_counts_once(record):
    """The lease is gone with the first call, and with it the right to count."""
    await take(record, "one")

    assert await record.fail(KEY, 1, "one", NOW, True) == 1
    assert await record.fail(KEY, 1, "one", NOW, True) is None
    assert (await clear(record))[1]["fails"] == b"1"


async def test_whose_lease_is_over_counts_nothing_and_ends_nobody_elses(record):
    """The next holder's intent stays, and so does its lease."""
    await take(record, "one", ttl=SHORT)
    await until_free(record, "two")

    assert await record.fail(KEY, 1, "one", NOW, True) is None
    await record.give_back(KEY, "one", True)

    assert (await take(record, "two")).turn is Turn.HELD
    assert await clear(record) == (1, {"identity": b"1", "intent": b"2", "fence": b"2"})


@pytest.mark.parametrize("definite", [True, False])
async def test_a_doubt_outlives_the_lease(record, definite):
    """Whoever asked and lost the lease meanwhile may have spent the token: the next one is told."""
    assert await record.fail(KEY, 1, "forgotten", NOW, definite) is None

    assert await take(record, "two") == Acquired(Turn.LEAD, fence=1, ambiguous=not definite)


async def test_a_doubt_about_an_old_version_is_none(record):
    """The token in question has been replaced."""
    await write(record, 1, 7, "other")

    assert await record.fail(KEY, 1, "one", NOW, False) is None

    assert await take(record, "two", seen=2) == Acquired(Turn.LEAD, fence=1)


async def test_a_failure_of_an_old_version_is_none(record):
    """Its lease ends, and nothing is counted for the new one."""
    await take(record, "one")
    await write(record, 1, 7, "other")

    assert await record.fail(KEY, 1, "one", NOW + 9, True) is None
    assert await clear(record) == (2, {"identity": b"2", "fence": b"1", "wf": b"7 other"})
    assert (await take(record, "two", seen=2)).turn is Turn.LEAD


async def test_a_commit_forgets_the_failures(record):
    """After it counting begins anew."""
    await take(record, "one")
    await record.fail(KEY, 1, "one", NOW, True)
    leased = await take(record, "two")
    await write(record, 1, leased.fence, "two")

    await take(record, "three", seen=2)

    assert await record.fail(KEY, 2, "three", NOW, True) == 1


@pytest.mark.parametrize("definite", [True, False])
async def test_a_lease_that_is_given_back_counts_no_try(record, definite):
    """The next one may lead at once; whether it is ambiguous is what the holder said."""
    await take(record, "one")

    await record.give_back(KEY, "one", definite)

    assert await take(record, "two") == Acquired(Turn.LEAD, fence=2, ambiguous=not definite)
    assert "fails" not in (await clear(record))[1]
