"""What does not happen at each request: logins, and a thousand tokens that end in the same second.

A token is renewed by a refresh token, or by signing in again at a directory with the kept password (AD).
"""

import asyncio
from functools import partial

from bench.gateways import Wanted
from bench.lab import Lab
from bench.logins import log_in_all
from bench.password_logins import sign_in_all
from bench.row import Budget, Result, Row, single
from bench.size import Size
from bench.storm import Storm, run_directory_storm, run_storm


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
        Row(f"{size.hashes} logins by password, users file: a second for each core", "flows", "the gateway's CPU alone", "", _passwords),
        Row(f"AD {storm}: calls of the directory", "flows", "all at once, Redis", "", _directory_calls, Budget(size.storm, size.storm)),
        Row(f"AD {storm}: answers that let nobody in", "flows", "all at once, Redis", "", _directory_refusals, Budget(at_most=0)),
        Row(f"AD {storm}: until all are signed in again", "flows", "all at once, Redis", "", _directory_done),
    )  # fmt: skip


def _logins(lab: Lab, store: str) -> Result:
    spent, wall = asyncio.run(log_in_all(lab, store, lab.size.logins))
    note = (
        f"{spent * 1000:.2f} ms of the gateway's CPU each: start, callback, token request, ID token, new session; "
        f"{wall:.0f} a second with browser and provider on the other core"
    )
    return single([1 / spent], "/s", note)


def _passwords(lab: Lab) -> Result:
    spent = asyncio.run(sign_in_all(lab, "sqlite", lab.size.hashes))
    note = (
        f"{spent.login * 1000:.0f} ms of the gateway's CPU each, of which argon2id is {spent.hashing * 1000:.0f} "
        f"where it runs alone (64 MiB, three passes): it is meant to be dear; {spent.rate:.1f} a second by the clock"
    )
    return single([1 / spent.login], "/s", note)


def _storm(lab: Lab) -> Storm:
    return lab.once("storm", lambda: asyncio.run(run_storm(lab, Wanted(store="redis").store, lab.size.storm)))


def _calls(lab: Lab) -> Result:
    return single([float(_storm(lab).calls)], "calls")


def _turned_away(lab: Lab) -> Result:
    return _not_let_in(_storm(lab))


def _not_let_in(storm: Storm) -> Result:
    statuses = storm.statuses
    refused = sum(statuses.values()) - statuses.get(200, 0)
    return single([float(refused)], "answers", f"by status: {dict(statuses)}")


def _until(lab: Lab) -> Result:
    note = "browser and provider are one process, on the other core"
    return single([_storm(lab).seconds], "s", note)


def _slowest(lab: Lab) -> Result:
    storm = _storm(lab)
    return single([storm.slowest], "s", f"median {storm.median:.2f} s")


def _directory_storm(lab: Lab) -> Storm:
    store = Wanted(store="redis").store
    return lab.once("ad storm", lambda: asyncio.run(run_directory_storm(lab, store, lab.size.storm)))


def _directory_calls(lab: Lab) -> Result:
    return single([float(_directory_storm(lab).calls)], "calls", "each a name and a password, once")


def _directory_refusals(lab: Lab) -> Result:
    return _not_let_in(_directory_storm(lab))


def _directory_done(lab: Lab) -> Result:
    storm = _directory_storm(lab)
    note = f"all answered after {storm.seconds:.2f} s, the slowest {storm.slowest:.2f}; browser and API are one process"
    return single([storm.heard], "s", note)
