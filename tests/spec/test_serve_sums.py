"""The numbers of several processes as one exposition."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.observe.decisions import Decisions
from gateway.observe.events import Alarm, HeaderOverflowed, LoginFinished, SessionBegun, StoreCalled
from gateway.observe.metrics import Metrics
from gateway.observe.sums import Family, add, exposition, merged, numbers_of, packed, unpacked


def metrics(calls=1):
    decisions = Decisions({})
    found = Metrics(
        decisions, providers=("corp",), version="1.2.3", config_hash="abc", started=1_800_000_000.5
    )
    for _ in range(calls):
        decisions.answered("forward-auth", "allow", 0.000_02)
        found(StoreCalled("read", "ok", 0.001))
    return found


def samples(text):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_text_says_what_the_library_would_say():
    """Names, types, help, labels and values, read back by the library's own parser."""
    one = metrics(3)
    one(LoginFinished("corp", "ok", "corp:1", "192.0.2.1", "d1"))
    one(HeaderOverflowed('odd "name"\\', 5000, "rule-1", "d1"))
    one(Alarm("what\nnow", "detail"))

    ours = exposition(numbers_of(one.collect()))
    theirs = one.render()[0].decode()

    of_ours, of_theirs = samples(ours), samples(theirs)
    assert of_ours.keys() == of_theirs.keys()
    # What is about the process itself moves between two looks.
    assert all(of_ours[key] == value for key, value in of_theirs.items() if key[0].startswith("gateway_"))
    for start in ("# HELP", "# TYPE"):
        assert [line for line in ours.splitlines() if line.startswith(start)] == [
            line for line in theirs.splitlines() if line.startswith(start)
        ]


def test_numbers_survive_the_way_to_another_process():
    """As JSON there and back."""
    numbers = numbers_of(metrics(2).collect())

    assert unpacked(json.loads(json.dumps(packed(numbers)))) == numbers


def test_counters_and_histograms_are_added_up():
    """Of those that serve, of those that leave, and of the dead."""
    ended = {}
    add(ended, numbers_of(metrics(7).collect()))
    serving = {"1": numbers_of(metrics(1).collect()), "2": numbers_of(metrics(2).collect())}

    found = samples(exposition(merged(serving, [numbers_of(metrics(4).collect())], ended)))

    assert found["gateway_store_seconds_count", (("verb", "read"),)] == 14
    assert found["gateway_store_seconds_bucket", (("le", "+Inf"), ("verb", "read"))] == 14
    assert found["gateway_store_seconds_sum", (("verb", "read"),)] == pytest.approx(0.014)


def test_what_one_worker_alone_has_counted_is_in_the_sum():
    """Workers need not know the same labels."""
    one, two = metrics(0), metrics(0)
    one(SessionBegun("s", "corp:1", "corp"))

    found = samples(exposition(merged({"1": numbers_of(two.collect())}, [numbers_of(one.collect())], {})))

    assert found["gateway_sessions_begun_total", (("provider", "corp"),)] == 1


def test_an_info_stands_once_and_what_is_about_one_process_names_it():
    """Nobody but the reader knows whether the sum of a gauge means anything."""
    serving = {"1": numbers_of(metrics().collect()), "2": numbers_of(metrics().collect())}

    found = samples(exposition(merged(serving, [], {})))

    assert found["gateway_config_info", (("hash", "abc"),)] == 1
    assert found["gateway_start_time_seconds", (("worker", "2"),)] == 1_800_000_000.5
    assert found["process_resident_memory_bytes", (("worker", "1"),)] > 0
    assert ("process_cpu_seconds_total", (("worker", "1"),)) in found
    assert ("process_cpu_seconds_total", ()) not in found


def test_the_dead_and_those_that_leave_have_no_gauges():
    """Their memory is free, or will be."""
    gauge = {"g": Family("g", "gauge", "", {("g", ()): 5.0})}
    ended = {}
    add(ended, gauge)

    assert merged({}, [gauge], ended) == {}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"), (3.0, "3.0"), (1e-7, "1e-07")],
)
def test_numbers_are_written_as_prometheus_reads_them(value, shown):
    """Also those that are none."""
    assert exposition({"g": Family("g", "gauge", "x", {("g", ()): value})}).splitlines()[-1] == f"g {shown}"
