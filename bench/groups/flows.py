"""What does not happen at each request: logins, and a thousand tokens that end in the same second."""

import asyncio
from functools import partial

from bench.gateways import Wanted
from bench.lab import Lab
from bench.logins import log_in_all
from bench.row import Budget, Result, Row, single
from bench.size import Size
from bench.storm import Storm, run_storm


def rows(size: Size) -> tuple[Row, ...]:
    storm = f"{size.storm} sessions whose tokens end in one second"
    return (
        *[
            Row(f"{size.logins} logins, {title}: a second for each core", "flows", "the gateway's CPU alone", "", partial(_logins, store=store))
            for store, title in (("redis", "Redis"), ("sqlite", "SQLite"))
        ],
        Row(f"{storm}: calls of the provider", "flows", "all at once, Redis", "", _calls, Budget(size.storm, size.storm)),
        Row(f"{storm}: answers that let nobody in", "flows", "all at once, Redis", "", _turned_away, Budget(at_most=0)),
        Row(f"{storm}: until all are answered", "flows", "all at once, Redis", "", _until),
        Row(f"{storm}: the slowest answer", "flows", "all at once, Redis", "", _slowest),
    )  # fmt: skip


def _logins(lab: Lab, store: str) -> Result:
    spent, wall = asyncio.run(log_in_all(lab, store, lab.size.logins))
    note = (
        f"{spent * 1000:.2f} ms of the gateway's CPU each: start, callback, token request, ID token, new session; "
        f"{wall:.0f} a second with browser and provider on the other core"
    )
    return single([1 / spent], "/s", note)


def _storm(lab: Lab) -> Storm:
    return lab.once("storm", lambda: asyncio.run(run_storm(lab, Wanted(store="redis").store, lab.size.storm)))


def _calls(lab: Lab) -> Result:
    return single([float(_storm(lab).calls)], "calls")


def _turned_away(lab: Lab) -> Result:
    statuses = _storm(lab).statuses
    return single(
        [float(sum(statuses.values()) - statuses.get(200, 0))], "answers", f"by status: {dict(statuses)}"
    )


def _until(lab: Lab) -> Result:
    note = "browser and provider are one process, on the other core"
    return single([_storm(lab).seconds], "s", note)


def _slowest(lab: Lab) -> Result:
    storm = _storm(lab)
    return single([storm.slowest], "s", f"median {storm.median:.2f} s")
