"""Counting without locks says what the library of Prometheus would have said, to the byte."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from gateway.observe.decisions import Decisions
from gateway.observe.events import StoreCalled
from gateway.observe.labels import CONTRACTS, OTHER, OUTCOMES, VERBS
from gateway.observe.metrics import Metrics
from gateway.observe.timing import BUCKETS

SECONDS = (
    st.sampled_from([0.0, *BUCKETS, *[bound * 1.000_001 for bound in BUCKETS], 1e9])
    | st.floats(0, 10)
    | st.floats(-0.001, 0.001)
)
ANSWERS = st.lists(
    st.tuples(st.sampled_from([*CONTRACTS, "evil"]), st.sampled_from([*OUTCOMES, "evil"]), SECONDS),
    max_size=60,
)
CALLS = st.lists(st.tuples(st.sampled_from([*VERBS, "evil"]), SECONDS), max_size=60)


def said(metrics, *names):
    """The exposition as far as it is about these metrics."""
    shown = metrics.render()[0].decode().splitlines(keepends=True)
    return "".join(
        [line for line in shown if line.removeprefix("# HELP ").removeprefix("# TYPE ").startswith(names)]
    )


def counting():
    decisions = Decisions({"allow": 1})
    return decisions, Metrics(decisions, providers=(), version="1", config_hash="x", started=0)


def plain(registry):
    """What the library says, without the time at which each series began, which nobody scrapes."""
    lines = generate_latest(registry).decode().splitlines(keepends=True)
    return "".join([line for line in lines if "_created" not in line])


@given(ANSWERS)
def test_decisions_are_counted_as_the_library_would(answers):
    """Names, types, help, labels, buckets, sums, and the order of the lines."""
    registry = CollectorRegistry()
    total = Counter(
        "gateway_decisions", "Answers of the verify endpoints.", ("contract", "outcome"), registry=registry
    )
    seconds = Histogram(
        "gateway_decision_seconds",
        "Time spent on an answer of a verify endpoint.",
        ("contract",),
        registry=registry,
        buckets=BUCKETS,
    )
    decisions, metrics = counting()

    for contract, outcome, spent in answers:
        known = contract if contract in CONTRACTS else OTHER
        total.labels(known, outcome if outcome in OUTCOMES else OTHER).inc()
        seconds.labels(known).observe(spent)
        decisions.answered(contract, outcome, spent)

    ours, theirs = said(metrics, "gateway_decisions", "gateway_decision_seconds"), plain(registry)
    assert without_sums(ours) == without_sums(theirs)
    assert close(sums(ours), sums(theirs))


@given(CALLS)
def test_calls_of_the_store_are_timed_as_the_library_would(calls):
    """They come at each cold check, and take no lock either."""
    registry = CollectorRegistry()
    seconds = Histogram(
        "gateway_store_seconds",
        "Time spent waiting for the store.",
        ("verb",),
        registry=registry,
        buckets=BUCKETS,
    )
    _, metrics = counting()

    for verb, spent in calls:
        seconds.labels(verb if verb in VERBS else OTHER).observe(spent)
        metrics(StoreCalled(verb, "ok", spent))

    assert said(metrics, "gateway_store_seconds") == plain(registry)


def sums(text):
    """A sum of fractions depends on their order in its last digits: by outcome and then by contract, or at once."""
    return [float(line.rpartition(" ")[2]) for line in text.splitlines() if "_sum{" in line]


def without_sums(text):
    return [line for line in text.splitlines() if "_sum{" not in line]


def close(ours, theirs):
    return all(abs(a - b) <= 1e-9 * max(1.0, abs(b)) for a, b in zip(ours, theirs, strict=True))
