"""Metrics are what docs/observability.md says, and their labels stay bounded."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.errors import LoginLoop, ProviderLied
from gateway.observe import labels as words
from gateway.observe.decisions import Decisions
from gateway.observe.events import (
    Alarm,
    BusChanged,
    DecisionMade,
    Event,
    GraceGiven,
    GrantRevoked,
    HeaderOverflowed,
    LoginFinished,
    LogLinesDropped,
    NoticeHeard,
    NoticesIgnored,
    ProviderLogout,
    RefreshFinished,
    SessionBegun,
    SessionEnded,
    StoreCalled,
    TokensAsked,
)
from gateway.observe.metrics import Metrics
from gateway.reasons import REASONS

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "observability.md").read_text()


DECISION = DecisionMade(
    decision_id="d1",
    outcome="allow",
    contract="forward-auth",
    status=200,
    method="GET",
    host="app.example.com",
    path="/secret-path",
    rule="rule-1",
    reason="authenticated",
    subject="corp:42",
    client="192.0.2.1",
    seconds=0.000_07,
)

ONE_OF_EACH = (
    DECISION,
    LoginFinished("corp", "ok", "corp:42", "192.0.2.1", "d1"),
    LoginFinished("corp", "provider_refused", "", "192.0.2.1", "d2", "", "consent_denied"),
    GrantRevoked("corp", "ok"),
    RefreshFinished("s1", "corp", "ok", 0, 0.1),
    StoreCalled("read", "ok", 0.001),
    StoreCalled("put", "error", 3.0),
    SessionBegun("s1", "corp:42", "corp"),
    TokensAsked("refresh", "ok", "s1", "corp:42", "spa", "192.0.2.1", "d1"),
    TokensAsked("code", "bad_credential", "", "", "", "192.0.2.1", "d2"),
    SessionEnded("s1", "corp:42", "logout"),
    Alarm("provider_misconfigured", "invalid_client"),
    LogLinesDropped(7),
    HeaderOverflowed("X-Auth-Groups", 5000, "rule-1", "d1"),
    NoticeHeard("session", 0.003),
    NoticesIgnored(4),
    BusChanged("current", ""),
    GraceGiven(12),
    ProviderLogout("corp", "back", "ok", "192.0.2.1", "d1"),
)


@pytest.fixture
def decisions():
    return Decisions({})


@pytest.fixture
def metrics(decisions):
    return Metrics(
        decisions,
        providers=("corp", "guests"),
        version="1.2.3",
        config_hash="abc",
        started=1_800_000_000.5,
    )


def families(metrics):
    body, _ = metrics.render()
    return {family.name: family for family in text_string_to_metric_families(body.decode())}


def values(metrics, name):
    """Samples of one name as {values of the labels, in the order of the labels' names: value}."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in families(metrics).values()
        for sample in family.samples
        if sample.name == name
    }


def documented():
    rows = re.findall(r"^\| `(gateway_\w+)` \| (\w+) \|([^|]*)\|", DOCS, re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def exported(metrics):
    """Every metric of ours as the documentation would name it: (type, labels)."""
    found = {}
    for family in families(metrics).values():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if name.startswith("gateway_"):
            found[name] = (family.type, labels)
    return found


def test_the_documentation_lists_exactly_what_is_exported(metrics, decisions):
    """Name, type and labels of every metric stand in docs/observability.md, and nothing else does."""
    decisions.answered("forward-auth", "allow", 0.000_07)
    for event in ONE_OF_EACH:
        metrics(event)

    assert exported(metrics) == documented()


@pytest.mark.parametrize(
    ("row", "known"),
    [
        pytest.param("`contract`", words.CONTRACTS, id="contracts"),
        pytest.param("`outcome` of a decision", words.OUTCOMES, id="outcomes"),
        pytest.param("`outcome` of a refresh", words.REFRESHES, id="refreshes"),
        pytest.param("`reason` of an end", words.ENDINGS, id="endings"),
        pytest.param("`reason` of a login", tuple(sorted(REASONS)), id="reasons"),
        pytest.param("`outcome` of a revocation", words.REVOCATIONS, id="revocations"),
        pytest.param("`what`", words.ALARMS, id="alarms"),
    ],
)
def test_the_documentation_lists_the_values_of_the_labels(row, known):
    """Whoever writes an alert finds the words there."""
    line = next(line for line in DOCS.splitlines() if line.startswith(f"| {row} |"))

    assert tuple(re.findall(r"`([^`]+)`", line.split("|")[2])) == known


def test_the_words_are_those_of_the_events():
    """The docstrings of the events name the same outcomes and reasons."""
    assert " | ".join(words.REFRESHES) in (RefreshFinished.__doc__ or "")
    assert " | ".join(words.ENDINGS) in " ".join((SessionEnded.__doc__ or "").split())


def test_rendering_names_its_content_type(metrics):
    """Prometheus chooses its parser by it."""
    _, kind = metrics.render()

    assert kind == b"text/plain; version=0.0.4; charset=utf-8"


def test_decisions_are_counted_by_contract_and_outcome(metrics, decisions):
    """Two labels, one series each."""
    decisions.answered("forward-auth", "allow", 0.000_07)
    decisions.answered("forward-auth", "allow", 0.000_07)
    decisions.answered("auth-request", "forbid", 0.000_07)

    counted = values(metrics, "gateway_decisions_total")

    assert counted == {("forward-auth", "allow"): 2, ("auth-request", "forbid"): 1}


def test_a_decision_with_a_line_of_its_own_is_not_counted_again(metrics, decisions):
    """`Decisions` was told of it already."""
    decisions.answered("forward-auth", "allow", 0.000_07)
    metrics(DECISION)

    assert values(metrics, "gateway_decisions_total") == {("forward-auth", "allow"): 1}
    assert values(metrics, "gateway_decision_seconds_count") == {("forward-auth",): 1}


def test_the_time_of_a_decision_is_told_by_contract_whatever_its_outcome(metrics, decisions):
    """One histogram over all answers of a contract."""
    decisions.answered("forward-auth", "allow", 0.000_07)
    decisions.answered("forward-auth", "fault", 2.0)

    assert values(metrics, "gateway_decision_seconds_count") == {("forward-auth",): 2}
    assert values(metrics, "gateway_decision_seconds_sum") == {("forward-auth",): 2.000_07}


def test_the_time_of_a_decision_falls_into_its_bucket(metrics, decisions):
    """Buckets reach from 50 µs to 1 s."""
    decisions.answered("forward-auth", "allow", 0.000_07)

    buckets = values(metrics, "gateway_decision_seconds_bucket")

    assert buckets["forward-auth", "5e-05"] == 0
    assert buckets["forward-auth", "0.0001"] == 1
    assert ("forward-auth", "1.0") in buckets


def test_the_store_is_timed_and_its_faults_are_counted(metrics):
    """A fault counts in both."""
    metrics(StoreCalled("read", "ok", 0.001))
    metrics(StoreCalled("read", "error", 3.0))

    assert values(metrics, "gateway_store_seconds_count") == {("read",): 2}
    assert values(metrics, "gateway_store_errors_total") == {("read",): 1}


def test_people_are_counted_by_provider(metrics):
    """Logins, refreshes and sessions, by the section of `providers:`."""
    for event in ONE_OF_EACH:
        metrics(event)

    assert values(metrics, "gateway_logins_total") == {("ok", "corp"): 1, ("provider_refused", "corp"): 1}
    assert values(metrics, "gateway_login_refusals_total") == {("corp", "consent_denied"): 1}
    assert values(metrics, "gateway_revocations_total") == {("ok", "corp"): 1}
    assert values(metrics, "gateway_refreshes_total") == {("ok", "corp"): 1}
    assert values(metrics, "gateway_token_requests_total") == {
        ("refresh", "ok"): 1,
        ("code", "bad_credential"): 1,
    }
    assert values(metrics, "gateway_sessions_begun_total") == {("corp",): 1}
    assert values(metrics, "gateway_sessions_ended_total") == {("logout",): 1}


def test_dropped_lines_and_alarms_are_counted(metrics):
    """So that an alert can be written on them."""
    metrics(LogLinesDropped(7))
    metrics(Alarm("store_unavailable", "no route"))

    assert values(metrics, "gateway_log_lines_dropped_total") == {(): 7}
    assert values(metrics, "gateway_alarms_total")[("store_unavailable",)] == 1


def test_every_alarm_is_counted_from_nothing_on(metrics):
    """`increase()` sees no first alarm in a series that begins with it."""
    assert values(metrics, "gateway_alarms_total") == {(what,): 0 for what in words.ALARMS}


def test_headers_that_were_sent_empty_are_counted(metrics):
    """A group that is missing at the application has a number to look at."""
    metrics(HeaderOverflowed("X-Auth-Groups", 5000, "rule-1", "d1"))

    assert values(metrics, "gateway_headers_emptied_total") == {("X-Auth-Groups",): 1}


def test_release_configuration_and_start_are_told(metrics):
    """A fleet whose replicas differ shows it."""
    assert values(metrics, "gateway_build_info") == {("1.2.3",): 1}
    assert values(metrics, "gateway_config_info") == {("abc",): 1}
    assert values(metrics, "gateway_start_time_seconds") == {(): 1_800_000_000.5}


@pytest.mark.parametrize(
    ("event", "metric", "labels"),
    [
        pytest.param(
            LoginFinished("evil", "ok", "", "", ""), "gateway_logins_total", ("ok", "other"), id="provider"
        ),
        pytest.param(
            LoginFinished("corp", "evil", "", "", ""), "gateway_logins_total", ("other", "corp"), id="code"
        ),
        pytest.param(
            LoginFinished("corp", "ok", "", "", "", "", "evil"),
            "gateway_login_refusals_total",
            ("corp", "other"),
            id="reason of a login",
        ),
        pytest.param(
            GrantRevoked("corp", "evil"), "gateway_revocations_total", ("other", "corp"), id="revocation"
        ),
        pytest.param(
            TokensAsked("evil", "evil", "", "", "", "", ""),
            "gateway_token_requests_total",
            ("other", "other"),
            id="token request",
        ),
        pytest.param(SessionEnded("s", "", "evil"), "gateway_sessions_ended_total", ("other",), id="reason"),
        pytest.param(StoreCalled("evil", "ok", 1), "gateway_store_seconds_count", ("other",), id="verb"),
    ],
)
def test_a_value_that_the_code_does_not_know_counts_as_other(event, metric, labels, metrics):
    """A stranger cannot make a series, and cannot fill the memory with labels."""
    for _ in range(3):
        metrics(event)

    assert values(metrics, metric) == {labels: 3}


def test_a_decision_in_words_that_the_code_does_not_know_counts_as_other(metrics, decisions):
    """They come from the code; a mistake there must not grow without end."""
    for number in range(100):
        decisions.answered(f"evil-{number}", "allow", 0.1)
        decisions.answered("forward-auth", f"evil-{number}", 0.1)

    assert values(metrics, "gateway_decisions_total") == {
        ("other", "allow"): 100,
        ("forward-auth", "other"): 100,
    }


def test_every_error_code_is_an_outcome_of_a_login(metrics):
    """The tree of errors is the list."""
    for error in (LoginLoop, ProviderLied):
        metrics(LoginFinished("corp", error.code, "", "", ""))

    assert values(metrics, "gateway_logins_total") == {
        ("login_loop", "corp"): 1,
        ("provider_lied", "corp"): 1,
    }


def test_an_alarm_of_another_word_is_counted_as_other(metrics):
    """Their words are constants of the code; a mistake there must not grow without end, nor be lost."""
    for number in range(1000):
        metrics(Alarm(f"what_{number}", ""))

    counted = values(metrics, "gateway_alarms_total")
    assert set(counted) == {(what,) for what in words.ALARMS} | {("other",)}
    assert counted[("other",)] == 1000


def test_header_names_have_a_ceiling(metrics):
    """They are what the configuration says; a mistake there must not grow without end."""
    for number in range(1000):
        metrics(HeaderOverflowed(f"X-{number}", 5000, "rule-1", "d1"))

    counted = values(metrics, "gateway_headers_emptied_total")
    assert len(counted) == words.MAX_WORDS + 1
    assert counted[("other",)] == 1000 - words.MAX_WORDS


def test_no_label_names_a_person_a_host_or_a_path(metrics):
    """Metrics leave the house."""
    for event in ONE_OF_EACH:
        metrics(event)

    body, _ = metrics.render()

    for private in (b"corp:42", b"app.example.com", b"secret-path", b"192.0.2.1", b"d1"):
        assert private not in body


def test_two_processes_worth_of_metrics_live_side_by_side(metrics, decisions):
    """The registry belongs to the object: nothing is global."""
    other = Metrics(Decisions({}), providers=(), version="1", config_hash="x", started=0)

    decisions.answered("forward-auth", "allow", 0.000_07)

    assert values(other, "gateway_decisions_total") == {}


def test_an_unknown_event_is_ignored(metrics):
    """Not everything that happens is a number."""
    before = exported(metrics)
    metrics(Event())

    assert exported(metrics) == before
