"""Metrics for Prometheus. Every label has a bounded set of values, and none names a person, a host or a path.

`docs/observability.md` lists all of them; a test holds the two together.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from gateway.observe.decisions import Decisions
from gateway.observe.events import (
    Alarm,
    BusChanged,
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
from gateway.observe.labels import (
    ALARMS,
    ENDINGS,
    MAX_WORDS,
    OTHER,
    REFRESHES,
    REVOCATIONS,
    VERBS,
    error_codes,
)
from gateway.observe.timing import BUCKETS, Timing
from gateway.reasons import REASONS
from gateway.storage.bus import About


class _Children:
    """The children of one metric by their label values, made once: looking them up in the library costs a lock.

    A value that is not among `allowed` counts as `other`. Where there is no list, the first `MAX_WORDS` are allowed.
    """

    __slots__ = ("_allowed", "_children", "_metric")

    def __init__(self, metric: Any, *allowed: Iterable[str] | None) -> None:
        self._metric = metric
        self._allowed = tuple([None if words is None else frozenset(words) for words in allowed])
        self._children: dict[tuple[str, ...], Any] = {}

    def __call__(self, *values: str) -> Any:
        child = self._children.get(values)
        return child if child is not None else self._make(values)

    def _make(self, values: tuple[str, ...]) -> Any:
        bounded = tuple([self._bounded(value, i) for i, value in enumerate(values)])
        child = self._metric.labels(*bounded)
        # Only bounded values become keys: what a stranger chose must not fill this dict either.
        self._children[bounded] = child
        return child

    def _bounded(self, value: str, place: int) -> str:
        allowed = self._allowed[place]
        if allowed is None:
            return value if len(self._children) < MAX_WORDS else OTHER
        return value if value in allowed else OTHER


class _Timings(Collector):
    """A histogram of the library that takes no lock: at each cold check the store is timed, in the loop's thread."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...], registry: CollectorRegistry) -> None:
        self._about = (name, text, labels)
        self._timings: dict[tuple[str, ...], Timing] = {}
        registry.register(self)

    def labels(self, *values: str) -> Timing:
        return self._timings.setdefault(values, Timing())

    def collect(self) -> Iterator[Metric]:
        yield _histogram(*self._about, self._timings)


class _Decided(Collector):
    """What `Decisions` has counted: by contract and outcome as a counter, by contract as a histogram."""

    def __init__(self, decisions: Decisions, registry: CollectorRegistry) -> None:
        self._decisions = decisions
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        counted = CounterMetricFamily(
            "gateway_decisions", "Answers of the verify endpoints.", labels=("contract", "outcome")
        )
        timings: dict[tuple[str, ...], Timing] = {}
        for words, timing in self._decisions.timings().items():
            counted.add_metric(words, timing.count)
            timings.setdefault(words[:1], Timing()).add(timing)
        yield counted
        text = "Time spent on an answer of a verify endpoint."
        yield _histogram("gateway_decision_seconds", text, ("contract",), timings)


def _histogram(
    name: str, text: str, labels: tuple[str, ...], timings: Mapping[tuple[str, ...], Timing]
) -> Metric:
    """In the library's form, whose buckets hold what is in the smaller ones too."""
    metric = HistogramMetricFamily(name, text, labels=labels)
    for values, timing in timings.items():
        counts = zip(_BOUNDS, accumulate(timing.buckets), strict=True)
        metric.add_metric(values, list(counts), timing.total)
    return metric


_BOUNDS = tuple(map(floatToGoString, (*BUCKETS, math.inf)))
_Handler: TypeAlias = Callable[[Any], None]


class Metrics:
    """A subscriber that counts. It has a registry of its own; `render` gives what Prometheus scrapes.

    `decisions` counts the answers, of which few become an event; `providers` are the sections of `providers:`;
    `started` is in Unix seconds.
    """

    def __init__(
        self,
        decisions: Decisions,
        *,
        providers: Iterable[str],
        version: str,
        config_hash: str,
        started: float,
    ) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        providers = tuple(providers)
        _Decided(decisions, self._registry)
        self._people(self._registry, providers)
        self._operations(self._registry)
        self._memory(self._registry)
        self._about(self._registry, version, config_hash, started)
        self._handlers: dict[type[Event], _Handler] = {
            LoginFinished: self._login,
            GrantRevoked: lambda e: self._revocations(e.provider, e.outcome).inc(),
            RefreshFinished: lambda e: self._refreshes(e.provider, e.outcome).inc(),
            StoreCalled: self._store_call,
            ProviderLogout: lambda e: self._provider_logouts(e.provider, e.channel, e.outcome).inc(),
            SessionBegun: lambda e: self._begun(e.provider).inc(),
            SessionEnded: lambda e: self._ended(e.reason).inc(),
            TokensAsked: lambda e: self._asked(e.how, e.outcome).inc(),
            Alarm: lambda e: self._alarms(e.what).inc(),
            HeaderOverflowed: lambda e: self._emptied(e.header).inc(),
            LogLinesDropped: lambda e: self._dropped.inc(e.count),
            NoticeHeard: lambda e: self._heard(e.about).observe(e.seconds),
            NoticesIgnored: lambda e: self._ignored.inc(e.count),
            BusChanged: lambda e: self._bus.set(e.outcome == "current"),
            GraceGiven: lambda e: self._grace.inc(e.count),
        }

    def _people(self, registry: CollectorRegistry, providers: tuple[str, ...]) -> None:
        logins = Counter("gateway_logins", "Logins that ended.", ("provider", "outcome"), registry=registry)
        refreshes = Counter(
            "gateway_refreshes", "Refreshes of provider tokens.", ("provider", "outcome"), registry=registry
        )
        told = Counter(
            "gateway_provider_logouts",
            "Logouts that a provider told of.",
            ("provider", "channel", "outcome"),
            registry=registry,
        )
        refused = Counter(
            "gateway_login_refusals",
            "Logins that ended for a reason that is known.",
            ("provider", "reason"),
            registry=registry,
        )
        revoked = Counter(
            "gateway_revocations",
            "Tokens given back to a provider after a logout.",
            ("provider", "outcome"),
            registry=registry,
        )
        begun = Counter("gateway_sessions_begun", "Sessions begun.", ("provider",), registry=registry)
        ended = Counter("gateway_sessions_ended", "Sessions ended.", ("reason",), registry=registry)
        asked = Counter(
            "gateway_token_requests",
            "Refresh tokens and one-time codes that clients gave for tokens.",
            ("how", "outcome"),
            registry=registry,
        )
        self._asked = _Children(asked, ("code", "refresh"), ("ok", "again", *error_codes()))
        self._logins = _Children(logins, providers, ("ok", *error_codes()))
        self._refreshes = _Children(refreshes, providers, REFRESHES)
        self._provider_logouts = _Children(told, providers, ("back", "front"), ("ok", *error_codes()))
        self._refused = _Children(refused, providers, REASONS)
        self._revocations = _Children(revoked, providers, (*REVOCATIONS, *error_codes()))
        self._begun = _Children(begun, providers)
        self._ended = _Children(ended, ENDINGS)

    def _operations(self, registry: CollectorRegistry) -> None:
        seconds = _Timings("gateway_store_seconds", "Time spent waiting for the store.", ("verb",), registry)
        errors = Counter(
            "gateway_store_errors", "Calls that the store did not answer.", ("verb",), registry=registry
        )
        alarms = Counter("gateway_alarms", "What only the operator can mend.", ("what",), registry=registry)
        emptied = Counter(
            "gateway_headers_emptied",
            "Identity headers sent empty for their size.",
            ("header",),
            registry=registry,
        )
        self._emptied = _Children(emptied, None)
        self._store_seconds = _Children(seconds, VERBS)
        self._store_errors = _Children(errors, VERBS)
        self._alarms = _Children(alarms, ALARMS)
        for what in ALARMS:
            # From 0 on: a series that begins with its first alarm has no increase that an alert could see.
            self._alarms(what)
        self._dropped = Counter(
            "gateway_log_lines_dropped", "Events that have no line in the log.", registry=registry
        )

    def _memory(self, registry: CollectorRegistry) -> None:
        heard = Histogram(
            "gateway_notice_seconds",
            "Time from a notice of another process to its being heard here.",
            ("about",),
            registry=registry,
            buckets=BUCKETS,
        )
        self._heard = _Children(heard, [about.value for about in About])
        self._ignored = Counter(
            "gateway_notices_ignored", "Messages on the bus that were none of ours.", registry=registry
        )
        self._bus = Gauge("gateway_bus_current", "1 while checks may answer from memory.", registry=registry)
        self._grace = Counter(
            "gateway_grace_given", "Checks answered from memory during an outage.", registry=registry
        )

    def _about(self, registry: CollectorRegistry, version: str, config_hash: str, started: float) -> None:
        Gauge("gateway_build_info", "The release that runs.", ("version",), registry=registry).labels(
            version
        ).set(1)
        Gauge("gateway_config_info", "The configuration that runs.", ("hash",), registry=registry).labels(
            config_hash
        ).set(1)
        Gauge("gateway_start_time_seconds", "When the process began.", registry=registry).set(started)
        ProcessCollector(registry=registry)

    def __call__(self, event: Event) -> None:
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _login(self, event: LoginFinished) -> None:
        self._logins(event.provider, event.outcome).inc()
        if event.reason:
            self._refused(event.provider, event.reason).inc()

    def _store_call(self, event: StoreCalled) -> None:
        self._store_seconds(event.verb).observe(event.seconds)
        if event.outcome != "ok":
            self._store_errors(event.verb).inc()

    def collect(self) -> Iterator[Metric]:
        """What stands in the exposition, one metric after the other."""
        return _Plain(self._registry).collect()

    def render(self) -> tuple[bytes, bytes]:
        """The exposition, and its content type."""
        return generate_latest(_Plain(self._registry)), CONTENT_TYPE_PLAIN_0_0_4.encode("ascii")


class _Plain(Collector):
    """A registry without `_created` series: a third more lines that no dashboard of ours reads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric
