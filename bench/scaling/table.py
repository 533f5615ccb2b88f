"""The tables of docs/scaling.md, in Markdown, each made of the measured costs and nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bench.scaling import queueing
from bench.scaling.comparison import Compared, Outcome
from bench.scaling.costs import Costs
from bench.scaling.estimate import (
    GATEWAY_SHARE,
    MOST_PROCESSES,
    NODE_BYTES,
    REDIS_SHARE,
    Demand,
    Need,
    cores_of,
    load_of,
    need,
    nodes_for,
)
from bench.scaling.population import TAIL, Population
from bench.scaling.rates import CACHE_TTL, memory_of
from gateway.sessions.cache import CAPACITY

CHECKS = (1e3, 1e4, 1e5, 1e6)
SESSIONS = (1e4, 1e5, 1e6, 1e7, 1e8)
PROCESSES = (1, 2, 4, 8, 16, 32, 64)
CHECKS_OF_ONE = 1_000.0
"""Checks in a second that each process has, where their number is what is varied."""

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
SESSIONS_FOR_EACH_CHECK = 10


def tables(costs: Costs, compared: Iterable[Compared]) -> str:
    """All of them, each under a line that says what it shows; `compared` is what simulation and closed form say."""
    people = Population()
    parts = (
        ("Measured, on " + costs.machine, _costs(costs)),
        ("Assumed", _assumed(people)),
        (
            "What it takes, with affinity: processes of the gateway · nodes of Redis",
            _grid(costs, people, affinity=True),
        ),
        ("The same with checks dealt in turns", _grid(costs, people, affinity=False)),
        (
            f"What that is made of, at {SESSIONS_FOR_EACH_CHECK} sessions for each check in a second",
            _made_of(costs, people),
        ),
        ("What sessions weigh", _weights(costs, people)),
        (
            "Affinity: the share of signed-in checks that need no store, and what a check costs",
            _affinity(costs, people),
        ),
        ("What one setting changes, at 10⁵ checks/s and 10⁶ sessions", _settings(costs, people)),
        ("Where it breaks first", _breaks(costs, people)),
        ("Waiting for the check before, by the use of a process", _waiting(costs)),
        ("Closed form and simulation of the same population, a second of it", _compared(compared)),
    )
    return "\n\n".join([f"**{title}**\n\n{body}" for title, body in parts])


def _costs(costs: Costs) -> str:
    gateway, redis = costs.gateway, costs.redis
    rows = [
        ("check, session in memory", gateway.cached, None),
        ("check, nobody signed in", gateway.anonymous, None),
        ("check, session read from Redis", gateway.cold, redis.cold),
        ("note of activity, beside such a read", None, redis.touch),
        ("login", gateway.login, redis.login),
        ("refresh at the provider, its check included", gateway.refresh, redis.refresh),
        ("notice, for each process that hears it", gateway.notice, redis.deliver),
        ("notice, published", None, redis.publish),
    ]
    head = ("one", "gateway, CPU", "Redis, CPU")
    return _table(head, [(name, _micros(here), _micros(there)) for name, here, there in rows])


def _assumed(people: Population) -> str:
    rows = [
        ("a page", f"{people.checks:.0f} checks within {people.page:.0f} s, on average (geometric)"),
        ("from one page of a person to the next", f"{people.pause:.0f} s on average, heavy-tailed (Lomax, {TAIL})"),
        ("checks that carry a session", f"{people.signed_in:.0%}"),
        ("life of the provider's tokens", f"{people.token / 60:.0f} min"),
        ("life of a session", f"{people.life / 86_400:.0f} days on average; {people.logouts:.0%} end by a logout"),
        ("logins in the busiest hour", f"{people.peak:.0f} times the average"),
        ("use of a gateway process", f"{GATEWAY_SHARE:.0%} of a core, two processes at least, {MOST_PROCESSES} at most in one deployment"),
        ("use of a node of Redis", f"{REDIS_SHARE:.0%} of one core, {_bytes(NODE_BYTES)} of sessions; one node, or three and more"),
    ]  # fmt: skip
    return _table(("what", "how much"), rows)


def _grid(costs: Costs, people: Population, *, affinity: bool) -> str:
    rows = []
    for checks in CHECKS:
        needs = [need(Demand(checks, sessions, affinity), people, costs) for sessions in SESSIONS]
        rows.append((f"{_power(checks)} checks/s", *[_cell(one) for one in needs]))
    return _table(("", *[f"{_power(sessions)} sessions" for sessions in SESSIONS]), rows)


def _cell(found: Need | None) -> str:
    if found is None:
        return "—"
    apart = f" in {found.parts} parts" if found.parts > 1 else ""
    return f"{found.processes} · {found.nodes}{apart}"


def _made_of(costs: Costs, people: Population) -> str:
    rows = []
    for checks in CHECKS:
        for affinity in (True, False):
            found = need(Demand(checks, checks * SESSIONS_FOR_EACH_CHECK, affinity), people, costs)
            if found is not None:
                rows.append((_power(checks), "affinity" if affinity else "in turns", *_row(found)))
    head = (
        "checks/s", "dealt by", "at work", "from memory", "cold/s", "refreshes/s", "notices/s",
        "cores busy", "processes", "Redis cores busy", "nodes",
    )  # fmt: skip
    return _table(head, rows)


def _row(found: Need) -> tuple[str, ...]:
    load, parts = found.load, found.parts
    return (
        _count(load.active * parts),
        f"{load.hit_share:.0%}",
        _count(load.cold * parts),
        _count(load.refreshes * parts),
        _count(load.notices * parts),
        _count(found.cores),
        str(found.processes) + (f" in {parts} parts" if parts > 1 else ""),
        _count(found.redis_cores),
        str(found.nodes),
    )


def _weights(costs: Costs, people: Population) -> str:
    rows = []
    for sessions in SESSIONS:
        stored = sessions * costs.bytes.session
        logins = sessions / people.life
        row = (
            _bytes(stored),
            str(nodes_for(stored / NODE_BYTES)),
            _count(logins),
            _count(logins * people.peak),
        )
        rows.append((_power(sessions), *row))
    head = ("sessions", "in Redis", "nodes for that", "logins/s, average", "logins/s, busiest hour")
    return _table(head, rows)


def _affinity(costs: Costs, people: Population) -> str:
    rows = []
    for processes in PROCESSES:
        checks = CHECKS_OF_ONE * processes
        row = [str(processes)]
        for affinity in (True, False):
            demand = Demand(checks, checks * SESSIONS_FOR_EACH_CHECK, affinity)
            load = load_of(demand, people, costs, processes)
            cores = cores_of(load, demand, costs, processes)
            row += [f"{load.hit_share:.0%}", _micros(cores / checks * 1e6)]
        rows.append(row)
    return _table(("processes", "affinity", "CPU for a check", "in turns", "CPU for a check"), rows)


def _settings(costs: Costs, people: Population) -> str:
    base = Demand(1e5, 1e6)
    cases = [
        ("as above, with affinity", base, people),
        ("checks in turns", replace(base, affinity=False), people),
        ("`sessions.cache_ttl: 30s`", replace(base, cache_ttl=30.0), people),
        (
            "`sessions.cache_ttl: 0s`, or `freshness: strict` in every rule",
            replace(base, cache_ttl=0.0),
            people,
        ),
        ("provider tokens of 5 minutes", base, replace(people, token=300.0)),
        (
            "provider tokens of 5 minutes, checks in turns",
            replace(base, affinity=False),
            replace(people, token=300.0),
        ),
        ("half of the checks on public paths or without a session", base, replace(people, signed_in=0.5)),
    ]
    rows = []
    for name, demand, some in cases:
        found = need(demand, some, costs)
        if found is not None:
            rows.append((name, *_row(found)[1:]))
    head = (
        "",
        "from memory",
        "cold/s",
        "refreshes/s",
        "notices/s",
        "cores busy",
        "processes",
        "Redis cores busy",
        "nodes",
    )
    return _table(head, rows)


def _breaks(costs: Costs, people: Population) -> str:
    gateway, redis = costs.gateway, costs.redis
    cold = REDIS_SHARE * 1e6 / redis.cold
    memory = memory_of(costs.bytes.cached)
    pages = memory.sessions / (memory.seconds + people.page)
    hears = [REDIS_SHARE * 1e6 / (redis.publish + redis.deliver * processes) for processes in (10, 100, 300)]
    rows = [
        ("a node of Redis", f"{_count(cold)} cold checks/s at {REDIS_SHARE:.0%} of its core"),
        ("a process, all checks cold", f"{_count(GATEWAY_SHARE * 1e6 / gateway.cold)} checks/s at {GATEWAY_SHARE:.0%} of a core"),
        ("a process, all checks from memory", f"{_count(GATEWAY_SHARE * 1e6 / gateway.cached)} checks/s"),
        ("a process, logins alone", f"{_count(GATEWAY_SHARE * 1e6 / gateway.login)} logins/s"),
        ("a process, refreshes alone", f"{_count(GATEWAY_SHARE * 1e6 / gateway.refresh)} refreshes/s"),
        ("memory of a process is full", f"{_count(memory.sessions)} sessions within {CACHE_TTL:.0f} s, or {_count(pages * people.checks)} checks/s of people"),
        ("the bus takes half of a node's core", "at " + ", ".join([f"{_count(one)}" for one in hears]) + " notices/s with 10, 100, 300 processes"),
        ("the bus takes a tenth of every process", f"at {_count(0.1 * 1e6 / gateway.notice)} notices/s"),
        ("memory of a machine", f"{_bytes(costs.bytes.process)} for each process, and {_bytes(CAPACITY)} of cache at most"),
    ]  # fmt: skip
    return _table(("what", "bears"), rows)


def _waiting(costs: Costs) -> str:
    rows = []
    for load in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        waits = [queueing.mean_wait(load), queueing.wait_of(load, 0.99), queueing.wait_of(load, 0.999)]
        shown = [f"{wait:.1f} · {wait * costs.gateway.cached / 1000:.2f} ms" for wait in waits]
        rows.append((f"{load:.0%}", *shown))
    return _table(("used", "mean: service times · cached checks", "p99", "p99.9"), rows)


def _compared(compared: Iterable[Compared]) -> str:
    rows = []
    for scene, counted, estimated in compared:
        pairs = zip(_shown(counted), _shown(estimated), strict=True)
        rows.append((scene.name, *[f"{here} · {there}" for here, there in pairs]))
    head = (
        "simulated · estimated",
        "from memory",
        "notes of activity",
        "refreshes",
        "notices",
        "CPU",
        "CPU of Redis",
    )
    return _table(head, rows)


def _shown(one: Outcome) -> tuple[str, ...]:
    seldom = [f"{number:.2f}" for number in (one.touches, one.refreshes, one.notices)]
    return (f"{one.hit_share:.1%}", *seldom, f"{one.cores * 1000:.0f} ms", f"{one.redis_cores * 1000:.1f} ms")


# Words


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_lines(head, rows))


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _power(number: float) -> str:
    return "10" + str(len(f"{number:.0f}") - 1).translate(SUPERSCRIPTS)


def _count(number: float) -> str:
    """Two digits that count, in groups of three."""
    if number < 10:
        return f"{number:.2g}" if number >= 0.01 else f"{number:.3f}"
    digits = len(f"{number:.0f}") - 2
    return f"{round(number, -digits):,.0f}".replace(",", " ")


def _micros(micros: float | None) -> str:
    return "" if micros is None else f"{micros:.3g} µs" if micros < 1000 else f"{micros / 1000:.2g} ms"


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{number:.3g} {unit}"
