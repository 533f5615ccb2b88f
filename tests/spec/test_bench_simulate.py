"""The tables of docs/scaling.md: they are what the costs give, and the closed form behind them is what a simulation sees.

Every figure here is counted in a seeded run; none is a time.
"""

import statistics
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bench.scaling import queueing
from bench.scaling.comparison import PEOPLE, SCENES, compare, seen
from bench.scaling.costs import FILE, read_costs
from bench.scaling.estimate import (
    GATEWAY_SHARE,
    MOST_PROCESSES,
    NODE_BYTES,
    REDIS_SHARE,
    Demand,
    cores_of,
    load_of,
    need,
    redis_of,
)
from bench.scaling.population import TAIL, Population
from bench.scaling.rates import CACHE_TTL, Memory, rates
from bench.scaling.table import tables
from bench.simulate import FIRST, LAST, between, main
from gateway.settings.model import Sessions

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
COSTS = read_costs()


@pytest.fixture(scope="module")
def compared():
    return list(compare(COSTS))


def test_the_page_shows_what_the_committed_costs_give(compared):
    """After a change of a cost: python -m bench.simulate --write docs/scaling.md."""
    page = PAGE.read_text("utf-8")

    assert between(page, tables(COSTS, compared)) == page


def test_every_scene_was_compared(compared):
    assert [scene for scene, _, _ in compared] == list(SCENES)


@pytest.mark.parametrize("number", range(len(SCENES)), ids=[scene.name for scene in SCENES])
def test_the_closed_form_says_what_the_simulation_sees(compared, number):
    """Hits within three points of a hundred, the rest within a tenth; Redis a fifth, where memories are too small."""
    scene, counted, estimated = compared[number]
    redis = 0.2 if scene.remembered < 1000 else 0.1

    assert estimated.hit_share == pytest.approx(counted.hit_share, abs=0.03)
    for figure in ("touches", "refreshes", "notices", "cores"):
        assert getattr(estimated, figure) == pytest.approx(getattr(counted, figure), rel=0.1), figure
    assert estimated.redis_cores == pytest.approx(counted.redis_cores, rel=redis)


def test_the_simulation_is_the_same_each_time():
    assert seen(SCENES[0]) == seen(SCENES[0])


def test_no_memory_of_the_simulation_outgrows_its_bound():
    bounded = [scene for scene in SCENES if scene.remembered < 1000]

    assert bounded
    for scene in bounded:
        assert 1 < seen(scene).held <= scene.remembered


# The people


def test_pauses_follow_their_law():
    """Of twenty thousand pauses as many are longer than a time as the law of Lomax says."""
    people, random = Population(), Random(1)
    pauses = [people.a_pause(random) for _ in range(20_000)]

    for seconds in (1, 10, 100, 1000):
        law = (1 + seconds / people.scale) ** -TAIL
        assert sum(one > seconds for one in pauses) / len(pauses) == pytest.approx(law, abs=0.01)


@pytest.mark.parametrize("seconds", [5, 60, 240, 3480])
def test_pages_within_a_time_are_those_that_come(seconds):
    people, random = Population(), Random(2)

    def pages():
        when, count = people.a_pause(random), 0
        while when <= seconds:
            when, count = when + people.a_pause(random), count + 1
        return count

    counted = statistics.fmean([pages() for _ in range(8_000)])
    assert people.pages_within(seconds) == pytest.approx(counted, rel=0.05)


def test_who_looks_at_any_moment_finds_pages_at_their_mean_rate():
    """The rest of the pause that is going on, and pauses from there on: one page in `pause` seconds."""
    people, random = Population(), Random(3)
    seconds, count = 600.0, 0
    for _ in range(4_000):
        when = people.a_rest(random)
        while when <= seconds:
            when, count = when + people.a_pause(random), count + 1

    assert count / 4_000 == pytest.approx(seconds / people.pause, rel=0.05)


@pytest.mark.parametrize("processes", [1, 2, 8, 32])
def test_a_page_reaches_as_many_processes_as_its_dice_say(processes):
    people, random = Population(), Random(4)
    reached = [len({random.randrange(processes) for _ in people.a_page(random)}) for _ in range(5_000)]

    assert processes * people.reaches(processes) == pytest.approx(statistics.fmean(reached), rel=0.03)


def test_a_page_has_its_checks_within_its_seconds():
    people, random = Population(), Random(5)
    pages = [people.a_page(random) for _ in range(5_000)]

    assert statistics.fmean(map(len, pages)) == pytest.approx(people.checks, rel=0.03)
    assert all(page[0] == 0.0 and max(page) <= people.page for page in pages)


# The rates


def test_the_memory_is_the_one_that_the_gateway_has():
    assert Memory().seconds == CACHE_TTL == Sessions().cache_ttl


def test_without_a_memory_every_check_is_cold():
    assert rates(PEOPLE, 4, Memory(seconds=0.0), 10.0).cold == PEOPLE.checks


def test_more_processes_make_more_checks_cold_and_never_more_than_there_are():
    cold = [rates(PEOPLE, processes, Memory(), 10.0).cold for processes in (1, 2, 4, 16, 64, 1000)]

    assert cold == sorted(cold)
    assert cold[0] < cold[-1] <= PEOPLE.checks


def test_a_memory_for_fewer_sessions_never_hits_more_often():
    cold = [rates(PEOPLE, 1, Memory(sessions=some), 100.0).cold for some in (1e6, 1000, 300, 100, 10)]

    assert cold == sorted(cold)
    assert cold[0] < cold[-1]


# What is needed


@pytest.mark.parametrize("affinity", [True, False])
@pytest.mark.parametrize("sessions", [1e4, 1e6, 1e8])
@pytest.mark.parametrize("checks", [1e3, 1e4, 1e5])
def test_what_is_needed_is_enough_and_one_process_less_is_not(checks, sessions, affinity):
    demand, people = Demand(checks, sessions, affinity), Population()

    found = need(demand, people, COSTS)

    assert found.parts == 1
    assert 2 <= found.processes <= MOST_PROCESSES
    assert found.cores <= found.processes * GATEWAY_SHARE
    if found.processes > 2:
        fewer = found.processes - 1
        assert cores_of(load_of(demand, people, COSTS, fewer), demand, COSTS, fewer) > fewer * GATEWAY_SHARE


@pytest.mark.parametrize("affinity", [True, False])
@pytest.mark.parametrize("sessions", [1e4, 1e6, 1e8])
@pytest.mark.parametrize("checks", [1e3, 1e4, 1e5, 1e6])
def test_no_node_of_redis_is_filled_by_its_part_and_the_bus(checks, sessions, affinity):
    found = need(Demand(checks, sessions, affinity), Population(), COSTS)
    if found is None:
        assert checks / sessions > 10
        return
    nodes = found.nodes / found.parts
    divided, bus = redis_of(found.load, COSTS, found.processes // found.parts)

    assert nodes == 1 or nodes >= 3
    assert divided / nodes + bus <= REDIS_SHARE
    assert found.redis_bytes / found.nodes <= NODE_BYTES


def test_where_notices_fill_a_node_the_deployment_is_divided():
    """A provider whose tokens end every half minute makes a notice of nearly every page."""
    hasty = replace(Population(), token=30.0)

    found = need(Demand(1e6, 1e7), hasty, COSTS)

    assert found is None or found.parts > 1
    assert need(Demand(1e4, 1e5), hasty, COSTS).parts == 1


def test_sessions_that_ask_faster_than_people_have_no_answer():
    assert need(Demand(1e6, 1e4), Population(), COSTS) is None


def test_fewer_sessions_than_it_takes_are_all_at_work_and_pause_less():
    load = load_of(Demand(1e5, 1e4), Population(), COSTS, 8)

    assert load.active == 1e4
    assert load.people.pause < Population().pause
    assert load.active / load.people.pause * load.people.checks == pytest.approx(1e5 * load.people.signed_in)


# The queue


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_waits_are_those_of_a_queue_that_is_played_through(load):
    """Lindley's recursion with a service time of one."""
    random, wait, waits = Random(6), 0.0, []
    for _ in range(300_000):
        waits.append(wait)
        wait = max(wait + 1 - random.expovariate(load), 0.0)
    waits.sort()

    assert queueing.mean_wait(load) == pytest.approx(statistics.fmean(waits), rel=0.05)
    assert queueing.wait_of(load, 0.99) == pytest.approx(waits[297_000], rel=0.08)


def test_long_waits_of_a_full_queue_do_not_drown_in_rounding():
    """The tail of M/D/1 falls by a constant factor for each service time (0.2071 is its exponent at 0.9)."""
    tail = [1 - queueing.within(0.9, wait) for wait in (20, 30, 40)]

    assert tail[1] / tail[0] == pytest.approx(tail[2] / tail[1], rel=1e-6)
    assert tail[1] / tail[0] == pytest.approx(2.718281828 ** (-10 * 0.2071), rel=0.01)


# The files


def test_only_what_stands_between_the_marks_is_written(tmp_path, monkeypatch, compared):
    monkeypatch.setattr("bench.simulate.compare", lambda costs: compared)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{FIRST}\nolden\n{LAST}\nafter\n", "utf-8")

    main(["--write", str(page)])

    text = page.read_text("utf-8")
    assert text.startswith(f"before\n{FIRST}\n\n**Measured")
    assert text.endswith(f"|\n\n{LAST}\nafter\n")
    assert "olden" not in text


@pytest.mark.parametrize("page", ["no marks", FIRST, f"{FIRST}{FIRST}{LAST}"])
def test_a_page_without_its_two_marks_is_left_alone(page):
    with pytest.raises(ValueError, match="needs one line"):
        between(page, "text")


def test_a_cost_that_is_missing_or_unknown_is_a_fault(tmp_path):
    text = FILE.read_text("utf-8")
    for changed in (text.replace("\ncold = ", "\ncolder = "), text.replace("\npublish = ", "\n# publish = ")):
        file = tmp_path / "costs.toml"
        file.write_text(changed, "utf-8")
        with pytest.raises(TypeError):
            read_costs(file)
