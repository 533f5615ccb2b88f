"""One suite over every backend of the volatile store: the laws and verbs of `gateway.storage.store`."""

import asyncio
import itertools
import time
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.storage.store import Bucket, Reading, Record, Reservation

pytestmark = pytest.mark.anyio

SHORT = 0.08
LONG = 60.0
NOW = 1_800_000_000.0
BINARY = bytes(range(256)) + b"\x00\xff\r\n"

_names = itertools.count()

on_every_backend = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def until_missing(look) -> None:
    """Look again and again until the answer is `None`; fails after five seconds."""
    deadline = time.monotonic() + 5
    while await look() is not None:
        assert time.monotonic() < deadline, "it did not expire"
        await asyncio.sleep(0.01)


# Plain values


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(BINARY, id="every byte, NUL and line ends among them"),
        pytest.param(b"\x00" * 1_000_000, id="a megabyte"),
    ],
)
async def test_a_value_comes_back_byte_for_byte(store, value):
    """What is put is what is got, and taken."""
    await store.put("v", value, LONG)

    assert await store.get("v") == value
    assert await store.take("v") == value


async def test_what_was_never_written_is_none(store):
    """Missing is `None`, for every way of looking."""
    assert await store.get("v") is None
    assert await store.take("v") is None
    assert await store.get_many(["v", "w"]) == [None, None]
    assert await store.read("s:{a}", ["identity"], ["a:{a}"]) == Reading(None, (None,))


async def test_a_value_expires(store):
    """After its time to live a value is missing to every verb, and its key is free."""
    await store.put("v", b"old", SHORT)

    await until_missing(lambda: store.get("v"))

    assert await store.take("v") is None
    assert await store.get_many(["v"]) == [None]
    assert await store.delete(["v"]) == 0
    assert await store.add("v", b"new", LONG) is True


async def test_put_replaces_the_value_and_its_time(store):
    """The last put decides, on the value and on the time to live."""
    await store.put("v", b"first", SHORT)

    await store.put("v", b"second", LONG)
    await asyncio.sleep(SHORT * 2)

    assert await store.get("v") == b"second"


async def test_get_many_keeps_the_order_of_the_question(store):
    """Answers stand where they were asked, doubled questions included."""
    await store.put("a", b"1", LONG)
    await store.put("c", b"3", LONG)

    found = await store.get_many(["c", "b", "a", "c"])

    assert found == [b"3", None, b"1", b"3"]


async def test_get_many_of_nothing_is_nothing(store):
    """No question, no answer."""
    assert await store.get_many([]) == []


async def test_add_writes_only_where_nothing_is(store):
    """The first of two adds wins and says so."""
    assert await store.add("v", b"first", LONG) is True
    assert await store.add("v", b"second", LONG) is False

    assert await store.get("v") == b"first"


async def test_of_many_adders_one_succeeds(store, second):
    """Fifty adders from two workers: one `True`."""
    answers = await asyncio.gather(*(where.add("v", b"x", LONG) for where in [store, second] * 25))

    assert sorted(answers) == [False] * 49 + [True]


async def test_of_many_takers_one_receives_the_value(store, second):
    """Fifty takers from two workers: one gets the value, the others `None`."""
    await store.put("v", b"once", LONG)

    answers = await asyncio.gather(*(where.take("v") for where in [store, second] * 25))

    assert Counter(answers) == {b"once": 1, None: 49}


async def test_delete_counts_what_existed_and_takes_records_too(store):
    """Plain values and records go alike; what was not there is not counted."""
    await store.put("v", b"x", LONG)
    await store.create("s:{a}", {"identity": b"i"}, LONG)

    gone = await store.delete(["v", "s:{a}", "never"])

    assert gone == 2
    assert await store.get("v") is None
    assert (await store.read("s:{a}", [])).record is None
    assert await store.delete(["v", "s:{a}"]) == 0


async def test_delete_of_nothing_is_nothing(store):
    """An empty list is no fault."""
    assert await store.delete([]) == 0


async def test_bump_counts_from_one_and_get_reads_it(store):
    """A counter starts at 0 and is readable beside other values."""
    numbers = [await store.bump("epoch", LONG) for _ in range(3)]

    assert numbers == [1, 2, 3]
    assert await store.get("epoch") == b"3"


async def test_a_counter_expires_and_starts_again(store):
    """A counter is a value like others: it ends."""
    await store.bump("epoch", SHORT)

    await until_missing(lambda: store.get("epoch"))

    assert await store.bump("epoch", LONG) == 1


async def test_every_bump_of_many_is_another_number(store, second):
    """No two of fifty concurrent bumps see the same number."""
    numbers = await asyncio.gather(*(where.bump("epoch", LONG) for where in [store, second] * 25))

    assert sorted(numbers) == list(range(1, 51))


# Records


async def test_a_record_begins_at_version_one(store):
    """What was created is read: version, and of the fields those that were asked for and exist."""
    created = await store.create("s:{a}", {"identity": BINARY, "grant": b"g"}, LONG)

    found = await store.read("s:{a}", ["identity", "next"])

    assert created is True
    assert found == Reading(Record(1, {"identity": BINARY}))


async def test_create_does_not_touch_a_key_that_is_taken(store):
    """The second create says `False` and changes nothing."""
    await store.create("s:{a}", {"identity": b"first"}, LONG)

    assert await store.create("s:{a}", {"identity": b"second", "grant": b"g"}, LONG) is False

    found = await store.read("s:{a}", ["identity", "grant"])
    assert found.record == Record(1, {"identity": b"first"})


async def test_a_record_without_fields_exists(store):
    """Fields are not what makes a record."""
    await store.create("s:{a}", {}, LONG)

    assert (await store.read("s:{a}", ["identity"])).record == Record(1, {})


async def test_an_expired_record_is_gone_and_leaves_no_field_behind(store):
    """After its time a record is missing, and a new one of that key has only its own fields."""
    await store.create("s:{a}", {"identity": b"old", "grant": b"old"}, SHORT)

    async def look():
        return (await store.read("s:{a}", [])).record

    await until_missing(look)

    assert await store.create("s:{a}", {"identity": b"new"}, LONG) is True
    found = await store.read("s:{a}", ["identity", "grant"])
    assert found.record == Record(1, {"identity": b"new"})


async def test_what_lies_beside_is_read_in_order_even_without_the_record(store):
    """The values beside come as asked, missing ones as `None`, whether the record exists or not."""
    await store.put("a:{a}", b"seen", LONG)

    without = await store.read("s:{a}", ["identity"], ["u:{a}", "a:{a}"])
    await store.create("s:{a}", {"identity": b"i"}, LONG)
    both = await store.read("s:{a}", ["identity"], ["a:{a}", "u:{a}", "a:{a}"])

    assert without == Reading(None, (None, b"seen"))
    assert both == Reading(Record(1, {"identity": b"i"}), (b"seen", None, b"seen"))


async def test_touch_prolongs_the_record_and_writes_beside(store):
    """Activity keeps a session: the record outlives its first time to live."""
    await store.create("s:{a}", {"identity": b"i"}, SHORT * 5)

    touched = await store.touch("s:{a}", LONG, "a:{a}", b"now", LONG)
    await asyncio.sleep(SHORT * 6)

    found = await store.read("s:{a}", ["identity"], ["a:{a}"])
    assert touched is True
    assert found == Reading(Record(1, {"identity": b"i"}), (b"now",))


async def test_touch_does_not_raise_the_dead(store):
    """After a logout, activity that comes late writes neither record nor neighbour."""
    await store.create("s:{a}", {"identity": b"i"}, LONG)
    await store.delete(["s:{a}"])

    assert await store.touch("s:{a}", LONG, "a:{a}", b"late", LONG) is False
    assert await store.read("s:{a}", [], ["a:{a}"]) == Reading(None, (None,))


# Rate buckets


class LeakyBucket:
    """The independent model: a level that drains evenly, in exact fractions."""

    def __init__(self, burst: int, period: int) -> None:
        self.burst = burst
        self.step = Fraction(period, burst)
        self.level = Fraction(0)
        self.at = 0

    def wait(self, now: int, cost: int) -> Fraction:
        level = max(Fraction(0), self.level - Fraction(now - self.at) / self.step)
        return (level + cost - self.burst) * self.step

    def pour(self, now: int, cost: int) -> None:
        drained = max(Fraction(0), self.level - Fraction(now - self.at) / self.step)
        self.level = max(Fraction(0), drained + cost)
        self.at = now


@on_every_backend
@given(
    limits=st.lists(st.tuples(st.integers(1, 5), st.integers(10, 60)), min_size=1, max_size=3),
    calls=st.lists(
        st.tuples(st.integers(0, 90), st.lists(st.integers(-3, 3), min_size=3, max_size=3)), max_size=15
    ),
)
async def test_count_takes_from_all_buckets_or_from_none(store, limits, calls):
    """Whatever the limits and the pace, the answers are those of leaky buckets, all or none; below 0 gives back."""
    name = next(_names)
    models = [LeakyBucket(burst, burst * step) for burst, step in limits]
    now = int(NOW)
    for model in models:
        model.at = now
    for pause, costs in calls:
        now += pause
        costs = [min(cost, model.burst) for cost, model in zip(costs, models, strict=False)]  # noqa: PLW2901
        expected = max(model.wait(now, cost) for model, cost in zip(models, costs, strict=True))
        if expected <= 0:
            for model, cost in zip(models, costs, strict=True):
                model.pour(now, cost)

        waited = await store.count(
            [
                Bucket(f"{{b{name}}}:{i}", burst, float(burst * step), costs[i])
                for i, (burst, step) in enumerate(limits)
            ],
            float(now),
        )

        assert waited == pytest.approx(max(0.0, float(expected)), abs=1e-5)


async def test_a_full_bucket_keeps_the_others_whole(store):
    """A refusal by the second bucket costs nothing in the first."""
    wide, narrow = Bucket("{l}:all", 3, 30.0), Bucket("{l}:one", 1, 30.0)
    await store.count([wide, narrow], NOW)

    refused = [await store.count([wide, narrow], NOW) for _ in range(5)]

    assert refused == [30.0] * 5
    assert [await store.count([wide], NOW) for _ in range(3)] == [0.0, 0.0, 10.0]


async def test_more_is_never_given_back_than_was_taken(store):
    """What is given back beyond that is no credit for later."""
    bucket, back = Bucket("b", 2, 600.0), Bucket("b", 2, 600.0, cost=-2)
    await store.count([bucket], NOW)

    assert [await store.count([back], NOW) for _ in range(3)] == [0.0] * 3

    assert [await store.count([bucket], NOW) for _ in range(3)] == [0.0, 0.0, 300.0]


async def test_what_was_never_taken_can_be_given_back(store):
    """A bucket that nobody has used is as full as it gets."""
    assert await store.count([Bucket("b", 1, 600.0, cost=-1)], NOW) == 0.0
    assert await store.count([Bucket("b", 1, 600.0)], NOW) == 0.0
    assert await store.count([Bucket("b", 1, 600.0)], NOW) == 600.0


@pytest.mark.parametrize(
    ("burst", "period"),
    [pytest.param(5, 1.0, id="5 in 1 s"), pytest.param(3, 0.7, id="3 in 0.7 s")],
)
async def test_a_whole_burst_passes_whatever_its_fractions(product, burst, period):
    """Five in one second is five, though a fifth of a second is no exact number."""
    answers = [await product.count([Bucket("b", burst, period)], NOW + 0.1) for _ in range(burst + 1)]

    assert answers[:-1] == [0.0] * burst
    assert answers[-1] == pytest.approx(period / burst, abs=1e-4)


async def test_a_clock_that_was_set_back_locks_nobody_out(product):
    """After the clock is set back by an hour a limit counts from there, and still limits."""
    bucket = Bucket("b", 1, 10.0)
    await product.count([bucket], NOW)

    answers = [await product.count([bucket], NOW - 3600) for _ in range(2)]

    assert answers == [0.0, 10.0]


async def test_a_replica_whose_clock_is_behind_does_not_open_a_full_bucket(product):
    """A skew of seconds between replicas is not taken for a clock that was set back."""
    bucket = Bucket("b", 2, 10.0)
    while await product.count([bucket], NOW) == 0.0:
        pass

    assert await product.count([bucket], NOW - 5) == 10.0


async def test_after_the_wait_it_succeeds(store):
    """The seconds that are told are enough."""
    bucket = Bucket("b", 2, 10.0)
    while (wait := await store.count([bucket], NOW)) == 0.0:
        pass

    assert await store.count([bucket], NOW + wait) == 0.0
    assert await store.count([bucket], NOW + wait) > 0.0


async def test_concurrent_counts_do_not_exceed_the_burst(store, second):
    """Of forty at once, from two workers, as many pass as the burst allows."""
    bucket = Bucket("b", 7, 600.0)

    answers = await asyncio.gather(*(where.count([bucket], NOW) for where in [store, second] * 20))

    assert answers.count(0.0) == 7


# Pools


async def fill(store, holders: str, ceiling: int) -> None:
    """Reserve one place for each letter, named by its turn: a0, a1, b2."""
    for turn, holder in enumerate(holders):
        await store.reserve("{p}", holder, f"{holder}{turn}", LONG, ceiling, NOW + turn)


async def test_below_the_ceiling_everybody_is_admitted(store):
    """No eviction is needed while there is room."""
    answers = [await store.reserve("{p}", "a", f"m{i}", LONG, 3, NOW) for i in range(3)]

    assert answers == [Reservation(admitted=True)] * 3


async def test_at_the_ceiling_the_oldest_of_the_heaviest_gives_way(store):
    """A light newcomer costs the heaviest holder its oldest place, one for one."""
    await fill(store, "aabac", 5)

    first = await store.reserve("{p}", "d", "d5", LONG, 5, NOW + 5)
    second = await store.reserve("{p}", "e", "e6", LONG, 5, NOW + 6)

    assert first == Reservation(admitted=True, evicted=("a0",))
    assert second == Reservation(admitted=True, evicted=("a1",))


@pytest.mark.parametrize(
    ("holders", "newcomer"),
    [
        pytest.param("aab", "a", id="the heaviest itself"),
        pytest.param("aabb", "b", id="as many as the largest"),
        pytest.param("abc", "b", id="all hold one"),
    ],
)
async def test_who_holds_most_is_refused_at_the_ceiling(store, holders, newcomer):
    """The heaviest holder cannot push anybody out, itself included."""
    await fill(store, holders, len(holders))

    answer = await store.reserve("{p}", newcomer, "late", LONG, len(holders), NOW + 9)

    assert answer == Reservation(admitted=False)


async def test_a_member_that_asks_again_keeps_its_one_place(store):
    """A repeated call after a lost reply takes no second place, and evicts nobody."""
    await fill(store, "ab", 2)

    again = await store.reserve("{p}", "a", "a0", LONG, 2, NOW)

    assert again == Reservation(admitted=True)
    assert await store.reserve("{p}", "b", "b9", LONG, 2, NOW) == Reservation(admitted=False)


async def test_a_place_that_is_given_back_is_free(store):
    """After a release there is room, for anybody."""
    await fill(store, "aab", 3)

    await store.release("{p}", "b2")
    await store.release("{p}", "b2")
    await store.release("{p}", "never")

    assert await store.reserve("{p}", "a", "a3", LONG, 3, NOW + 3) == Reservation(admitted=True)
    assert await store.reserve("{p}", "a", "a4", LONG, 3, NOW + 4) == Reservation(admitted=False)


async def test_places_end_by_their_time_to_live(store):
    """Expired places count for nobody: not for the ceiling, not for the weight."""
    for turn in range(3):
        await store.reserve("{p}", "a", f"a{turn}", 10.0, 4, NOW)
    await store.reserve("{p}", "b", "b3", 100.0, 4, NOW)

    later = [await store.reserve("{p}", "a", f"later{i}", 100.0, 4, NOW + 10) for i in range(3)]
    full = await store.reserve("{p}", "c", "c", 100.0, 4, NOW + 10)

    assert later == [Reservation(admitted=True)] * 3
    assert full == Reservation(admitted=True, evicted=("later0",))


async def test_a_lowered_ceiling_is_reached_in_steps(product):
    """No single call evicts a crowd, and nobody is admitted before there is room."""
    await fill(product, "a" * 20, 20)

    first = await product.reserve("{p}", "b", "b", LONG, 2, NOW + 20)
    second = await product.reserve("{p}", "b", "b", LONG, 2, NOW + 20)

    assert first == Reservation(admitted=False, evicted=tuple(f"a{i}" for i in range(16)))
    assert second == Reservation(admitted=True, evicted=("a16", "a17", "a18"))


async def test_pools_do_not_know_each_other(store):
    """The places of one pool take nothing from another."""
    await fill(store, "aaa", 3)

    assert await store.reserve("other", "a", "m", LONG, 3, NOW) == Reservation(admitted=True)


async def test_a_crowd_of_one_never_exceeds_the_ceiling(store, second):
    """Sixty at once from one holder, two workers: as many are admitted as there are places."""
    answers = await asyncio.gather(
        *(
            where.reserve("{p}", "flood", f"m{i}", LONG, 10, NOW)
            for i, where in enumerate([store, second] * 30)
        )
    )

    person = await store.reserve("{p}", "person", "m", LONG, 10, NOW)

    admitted = {f"m{i}" for i, answer in enumerate(answers) if answer.admitted}
    assert len(admitted) == 10
    assert person.admitted
    assert admitted.issuperset(person.evicted)
    assert len(person.evicted) == 1


@on_every_backend
@given(
    moves=st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=40),
    ceiling=st.integers(1, 6),
)
async def test_whatever_the_order_the_pool_is_bounded_and_fair(store, moves, ceiling):
    """Never above the ceiling; only the oldest of a heaviest holder leaves; a lighter newcomer always gets in."""
    pool = f"{{p{next(_names)}}}"
    places: dict[str, str] = {}
    for turn, (holder, leaves) in enumerate(moves):
        if leaves and places:
            gone = next(iter(places))
            await store.release(pool, gone)
            del places[gone]
        weight = Counter(places.values())
        most = max(weight.values(), default=0)

        answer = await store.reserve(pool, holder, f"m{turn}", LONG, ceiling, NOW + turn / 100)

        full = len(places) == ceiling
        assert answer.admitted is (not full or weight[holder] < most)
        assert len(answer.evicted) == (answer.admitted and full)
        for name in answer.evicted:
            loser = places[name]
            assert weight[loser] == most
            assert name == next(member for member, of in places.items() if of == loser)
            del places[name]
        if answer.admitted:
            places[f"m{turn}"] = holder
        assert len(places) <= ceiling


# Indexes


async def test_an_index_lists_its_members_in_the_order_in_which_they_end(store):
    """Those of one instant as they came, whatever their names."""
    for member, ttl in [("zeta", 50.0), ("alpha", 50.0), ("late", 90.0), ("mid", 20.0)]:
        await store.index_add("u:{x}", member, ttl, 10, NOW)

    assert await store.index_list("u:{x}", NOW + 1) == ("mid", "zeta", "alpha", "late")
    assert await store.index_list("u:{y}", NOW) == ()


async def test_over_the_limit_the_oldest_fall_out_and_are_told(store):
    """The caller learns which members to delete."""
    fallen = [await store.index_add("u:{x}", f"s{i}", LONG, 3, NOW + i) for i in range(5)]

    assert fallen == [(), (), (), ("s0",), ("s1",)]
    assert await store.index_list("u:{x}", NOW + 5) == ("s2", "s3", "s4")


async def test_a_lowered_limit_drops_all_that_are_too_many(store):
    """Several fall out at once, oldest first."""
    for i in range(5):
        await store.index_add("u:{x}", f"s{i}", LONG, 10, NOW)

    assert await store.index_add("u:{x}", "s5", LONG, 2, NOW) == ("s0", "s1", "s2", "s3")


async def test_a_member_that_is_added_again_is_the_newest(store):
    """It stands once, at the end, with its new time to live."""
    await store.index_add("u:{x}", "a", 10.0, 5, NOW)
    await store.index_add("u:{x}", "b", 100.0, 5, NOW)

    await store.index_add("u:{x}", "a", 100.0, 5, NOW + 1)

    assert await store.index_list("u:{x}", NOW + 50) == ("b", "a")


async def test_members_of_an_index_end_one_by_one(store):
    """An ended member is neither listed nor counted against the limit."""
    await store.index_add("u:{x}", "short", 10.0, 2, NOW)
    await store.index_add("u:{x}", "long", 100.0, 2, NOW)

    assert await store.index_list("u:{x}", NOW + 9) == ("short", "long")
    assert await store.index_list("u:{x}", NOW + 10) == ("long",)
    assert await store.index_add("u:{x}", "next", 100.0, 2, NOW + 10) == ()


async def test_a_member_can_be_removed(store):
    """Once, twice, or never there: no fault."""
    await store.index_add("u:{x}", "a", LONG, 5, NOW)
    await store.index_add("u:{x}", "b", LONG, 5, NOW)

    await store.index_remove("u:{x}", "a")
    await store.index_remove("u:{x}", "a")
    await store.index_remove("u:{none}", "a")

    assert await store.index_list("u:{x}", NOW) == ("b",)


# The store itself


async def test_a_store_that_is_there_answers(store):
    """A ping of a working store returns."""
    assert await store.ping() is None


async def test_what_one_worker_writes_the_other_reads(store, second):
    """Two stores on the same data are one store, for every kind of content."""
    await store.put("v", b"x", LONG)
    await store.create("s:{a}", {"identity": b"i"}, LONG)
    await store.index_add("u:{x}", "a", LONG, 5, NOW)
    await store.count([Bucket("b", 1, 60.0)], NOW)
    await store.reserve("{p}", "a", "m", LONG, 1, NOW)

    assert await second.get("v") == b"x"
    assert (await second.read("s:{a}", ["identity"])).record == Record(1, {"identity": b"i"})
    assert await second.index_list("u:{x}", NOW) == ("a",)
    assert await second.count([Bucket("b", 1, 60.0)], NOW) == 60.0
    assert await second.reserve("{p}", "b", "n", LONG, 1, NOW) == Reservation(admitted=True, evicted=("m",))
