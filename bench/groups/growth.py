"""What a check costs as something grows: rules, sessions in the store, heads, groups, connections, workers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from bench.filling import fill
from bench.gateways import Gateway, Wanted
from bench.groups.check import AGAINST, NONE, expected_of
from bench.groups.weight import weigh
from bench.lab import Lab
from bench.load import Load
from bench.questions import CACHED, COLD
from bench.row import Budget, Result, Row, growth_of, ratio_of
from bench.size import Size
from bench.trial import Expected, Side

FEW = 16
"""Sessions in the smaller store, and those that are asked for in both: one for each connection."""
_FLAT = Budget(at_most=1.1)


def rows(size: Size) -> tuple[Row, ...]:
    return (*_in_cost(size), *_in_the_store(size), *_in_width(size))


def _in_cost(size: Size) -> Iterator[Row]:
    for cached in (True, False):
        name = f"rules {_ends(size.rules)}, {'cached' if cached else 'cold, Redis'}"
        yield Row(name, "growth", "the most rules", "the fewest", partial(_rules, cached=cached), _FLAT)
    yield Row(f"head {_ends(size.bytes)} bytes", "growth", "the longest", "the shortest", _heads)
    yield Row(f"head of {size.bytes[-1]} bytes", "growth", "gateway, quick", AGAINST, _longest_head)
    yield Row(f"groups {_ends(size.groups)}, cached", "growth", "the most", "the fewest", _groups)


def _in_the_store(size: Size) -> Iterator[Row]:
    name = f"sessions {FEW} → {size.stored} in Redis, cold"
    yield Row(name, "growth", "the full store", "the empty one", _sessions, _FLAT)
    yield weigh(min(size.stored, 1_000))


def _in_width(size: Size) -> Iterator[Row]:
    name = f"connections {_ends(size.connections)}, cached"
    yield Row(name, "growth", "the most", "the fewest", _connections)
    yield Row("workers 1 → 2, answers a second", "growth", "two workers", "one worker", _workers)


def _ends(sizes: Sequence[int]) -> str:
    return f"{sizes[0]} → {sizes[-1]}"


def _side(gateway: Gateway, wanted: Wanted, load: Load, size: float) -> Side:
    return Side(
        f"{size:g}", gateway.server.port, load, (gateway.server,), expected_of(CACHED, wanted),
        beside=gateway.beside, size=size,
    )  # fmt: skip


def _rules(lab: Lab, *, cached: bool) -> Result:
    question, people = (CACHED, 1) if cached else (COLD.varied(), FEW)
    wanted = Wanted(store="redis", signs="never")
    load = Load(question.head(), lab.cookies(wanted.store, people))
    sides = []
    for count in lab.size.rules:
        one = replace(wanted, rules=count)
        sides.append(_side(lab.gateway(one), one, load, count))
    return growth_of(lab.measure(*sides), "cpu_us", "the rule that fits is one of the last")


def _one_gateway(lab: Lab, loads: Sequence[tuple[float, Load]]) -> Sequence[Side]:
    wanted = Wanted()
    return [_side(lab.gateway(wanted), wanted, load, size) for size, load in loads]


def _heads(lab: Lab) -> Result:
    loads = [(float(size), _head_of(lab, size)) for size in lab.size.bytes]
    return growth_of(lab.measure(*_one_gateway(lab, loads)), "cpu_us")


def _head_of(lab: Lab, size: int) -> Load:
    """A head of so many bytes, without a browser's lines."""
    cookies = lab.cookies(Wanted().store, 1)
    bare = Load(CACHED.head(browser=False), cookies)
    return Load(CACHED.head(browser=False, size=size - len(bare.first())), cookies)


def _longest_head(lab: Lab) -> Result:
    load, constant = _head_of(lab, lab.size.bytes[-1]), lab.constant()
    (ours,) = _one_gateway(lab, [(lab.size.bytes[-1], load)])
    against, found = lab.measure(Side(AGAINST, constant.port, load, (constant,)), ours)
    return ratio_of(found, against, "cpu_us")


def _groups(lab: Lab) -> Result:
    wanted, sides = Wanted(), []
    for count in lab.size.groups:
        names = tuple([f"group-{i}" for i in range(count)])
        load = Load(CACHED.head(), lab.cookies(wanted.store, 1, groups=names))
        side = _side(lab.gateway(wanted), wanted, load, count)
        # A list over its cap is sent empty, as one of nobody is.
        sides.append(replace(side, expected=Expected(200, ("x-auth-user",))))
    return growth_of(lab.measure(*sides), "cpu_us")


def _sessions(lab: Lab) -> Result:
    wanted = Wanted(store="redis-few", memory=NONE, signs="never")
    grown = replace(wanted, store="redis-many")
    stored, real = lab.size.stored, min(lab.size.stored, lab.size.real)
    sides = []
    for one, count in ((wanted, FEW), (grown, real)):
        cookies = lab.cookies(one.store, count)
        load = Load(CACHED.varied().head(), cookies[:FEW])
        sides.append(_side(lab.gateway(one), one, load, FEW if one is wanted else stored))
    fill(lab.redis("redis-many"), stored - real)
    return growth_of(lab.measure(*sides), "cpu_us", f"{real} sealed sessions, the rest copies of one")


def _connections(lab: Lab) -> Result:
    cookies = lab.cookies(Wanted().store, 1)
    loads = [(float(count), Load(CACHED.head(), cookies, count)) for count in lab.size.connections]
    return growth_of(lab.measure(*_one_gateway(lab, loads)), "cpu_us")


def _workers(lab: Lab) -> Result:
    sides = []
    for count in (1, 2):
        wanted = Wanted(workers=count, cores="everything")
        load = Load(CACHED.head(), lab.cookies(wanted.store, 1), 64)
        sides.append(_side(lab.gateway(wanted), wanted, load, count))
    found = lab.measure(*sides, cores="everything")
    shared = len(lab.cores.everything) < 3
    note = "the load generator shares the two cores" if shared else ""
    return growth_of(found, "per_second", note)
