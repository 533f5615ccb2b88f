"""The process itself: how soon it is ready, and how much memory it holds."""

from collections.abc import Iterator

from bench.cores import resident_mb
from bench.gateways import Gateway, Wanted
from bench.groups.check import expected_of
from bench.lab import Lab
from bench.load import Load
from bench.questions import CACHED
from bench.row import Budget, Result, Row, single
from bench.size import Size
from bench.trial import Client, Side


def rows(size: Size) -> tuple[Row, ...]:
    return tuple(_rows(size))


def _rows(size: Size) -> Iterator[Row]:
    yield Row("start to ready", "process", "gateway serve", "", _start, Budget(at_most=1.0))
    yield Row("resident at start", "process", "gateway serve", "", _at_start)
    checks = f"{size.checks} checks of {size.sessions} sessions"
    yield Row(f"resident after {checks}", "process", "gateway serve", "", _after_checks, Budget(at_most=90))
    yield Row(f"growth over the second half of {checks}", "process", "gateway serve", "", _second_half)
    name = f"resident after {size.distinct} distinct sessions"
    yield Row(name, "process", "gateway serve", "", _distinct, Budget(at_most=90))


def _start(lab: Lab) -> Result:
    def once() -> float:
        with lab.fresh_gateway(Wanted(store="sqlite-start")) as gateway:
            return gateway.seconds_to_ready

    return single([once() for _ in range(lab.plan.rounds)], "s", "from the fork to the first 200 of /readyz")


def _at_start(lab: Lab) -> Result:
    with lab.fresh_gateway(Wanted()) as gateway:
        return single([resident_mb([gateway.server.pid])], "MB")


def _after_checks(lab: Lab) -> Result:
    _, end = _checked(lab)
    return single([end], "MB")


def _second_half(lab: Lab) -> Result:
    half, end = _checked(lab)
    return single([end - half], "MB", "nothing is to grow any more")


def _checked(lab: Lab) -> tuple[float, float]:
    """Memory after half of the checks, and after all of them."""
    return lab.once("checked", lambda: _run_checks(lab))


def _run_checks(lab: Lab) -> tuple[float, float]:
    wanted = Wanted(log="warning")
    cookies = lab.cookies(wanted.store, lab.size.sessions)
    with lab.fresh_gateway(wanted) as gateway:
        half, end = _asked(lab, gateway, wanted, cookies, lab.size.checks / 2, lab.size.checks)
        return half, end


def _distinct(lab: Lab) -> Result:
    wanted = Wanted(log="warning", store="redis")
    cookies = lab.cookies(wanted.store, lab.size.distinct)
    with lab.fresh_gateway(wanted) as gateway:
        return single(_asked(lab, gateway, wanted, cookies, len(cookies)), "MB")


def _asked(
    lab: Lab, gateway: Gateway, wanted: Wanted, cookies: tuple[str, ...], *at_least: float
) -> list[float]:
    """Resident memory after so many checks, and so many."""
    load = Load(CACHED.varied().head(), cookies)
    side = Side("gateway", gateway.server.port, load, (gateway.server,), expected_of(CACHED, wanted))
    client, memory = Client(side, lab.bounds()), []
    for number in at_least:
        while client.answered < number:
            client.run()
        memory.append(resident_mb([gateway.server.pid]))
    return memory
