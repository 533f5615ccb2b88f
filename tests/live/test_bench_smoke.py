"""The bench runs, and its figures are figures; how fast anything is, nobody asks here."""

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.cores import family
from tests.kit.servers import find_binary

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    "cached, quick",
    "anonymous, ASGI",
    "denied, each another address, of 50 sessions, quick",
    "cold, Redis, 100 sessions, signs an assertion",
    "nginx, one core, requests a second, against one that asks a constant",
    "cached, a new connection for every check, quick",
    "groups",
    "a reference session",
    "logins, Redis:",
    "calls of the provider",
    "calls of the directory",
    "until all are signed in again",
    "logins by password",
    "bearer check, quick",
    "bearer check, cold, Redis",
    "start to ready",
]


@pytest.fixture
def tools():
    for name in ("wrk", "nginx", "redis-server"):
        find_binary(name)


def command(*more):
    return [sys.executable, "-m", "bench", "--size", "small", "--rounds", "1", *more]


def finite(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def children_of(pid):
    return family([pid]) - {pid}


def test_rows_of_every_group_run_and_leave_a_table_and_a_document(tools, tmp_path):
    """Every answer had the expected status, or its row would have failed."""
    file = tmp_path / "run.json"

    done = subprocess.run(
        command("--names", ";".join(NAMES), "--out", str(file)),
        capture_output=True, text=True, timeout=300, check=False, cwd=ROOT,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    told = json.loads(file.read_text())
    rows = told["rows"]
    assert {row["group"] for row in rows} == {"check", "proxy", "growth", "flows", "process"}
    assert len(rows) == told["plan"]["rows"] == len(NAMES)
    assert all(
        told["machine"][name] for name in ("cores", "cpu", "kernel", "uvicorn", "wrk", "nginx", "redis")
    )
    for number, row in enumerate(rows, 1):
        assert (row["failed"], row["skipped"]) == ("", ""), row
        assert finite(row["value"]["median"]), row
        assert f"[{number}/{len(rows)}] {row['group']}: {row['name']} … " in done.stdout
        for side in row["sides"]:
            for sample in side["samples"]:
                assert all(finite(sample[key]) and sample[key] > 0 for key in sample if key != "beside"), side
    by_name = {row["name"]: row for row in rows}
    cold = by_name["cold, Redis, 100 sessions, signs an assertion, quick"]
    assert cold["sides"][-1]["samples"][0]["beside"]["redis-server"] > 0
    assert [side["size"] for side in by_name["groups 0 → 10, cached"]["sides"]] == [0, 10]
    table = done.stdout.partition("low … high")[2]
    assert all(row["name"] in table for row in rows)


def test_a_bench_that_is_interrupted_leaves_no_process(tools, tmp_path):
    """What was measured until then is written down."""
    file = tmp_path / "run.json"
    bench = subprocess.Popen(
        command("--rows", "check", "--seconds", "2", "--out", str(file)),
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 60
    while len(started := children_of(bench.pid)) < 3:  # gateway, constant, wrk
        assert time.monotonic() < end
        assert bench.poll() is None
        time.sleep(0.05)

    bench.send_signal(signal.SIGTERM)

    assert bench.wait(60) == 1
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    assert json.loads(file.read_text())["plan"]["rows"] > 10
