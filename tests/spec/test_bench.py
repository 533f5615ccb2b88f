"""The bench's own arithmetic: ratios, budgets, what wrk is told and says, and whose time is counted."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from bench.cores import cores_of, cpu_seconds, family
from bench.gateways import COOKIE, sessions_in, sessions_of
from bench.load import Load, lua, read_wrk
from bench.machine import facts
from bench.row import Budget, Measured, Row, growth_of, holds, ratio_of, single
from bench.sample import Sample
from bench.trial import Expected
from gateway.identity.presented import Head
from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import read_ticket
from tests.kit.wire import Answer


def sample(**figures):
    known = {"requests": 1, "per_second": 10.0, "cpu_us": 1.0, "p50_ms": 1.0, "p99_ms": 1.0, "p999_ms": 1.0}
    return Sample(**known | figures)


def test_a_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_medians():
    """A neighbour that disturbs one round disturbs both of its sides."""
    base = Measured("base", tuple(sample(cpu_us=cost) for cost in (10.0, 40.0, 20.0)))
    ours = Measured("ours", tuple(sample(cpu_us=cost) for cost in (5.0, 80.0, 22.0)))

    found = ratio_of(ours, base, "cpu_us")

    assert (found.value.median, found.value.low, found.value.high) == (1.1, 0.5, 2.0)
    assert growth_of((base, ours, base), "cpu_us").value.median == 1.0


@pytest.mark.parametrize(
    ("budget", "value", "kept"),
    [
        (Budget(at_most=0.8), 0.8, True),
        (Budget(at_most=0.8), 0.81, False),
        (Budget(at_least=0.9), 0.89, False),
    ],
)
def test_a_budget_is_judged_by_the_median(budget, value, kept):
    row = Row("row", "check", "ours", "base", lambda _: single([], ""), budget)
    assert holds(row, single([value - 0.5, value, value + 0.5], "")) is kept


@pytest.mark.parametrize(
    "answer", [Answer(503, (("x-auth-user", "alice"),), b""), Answer(200, (("x-auth-user", ""),), b"")]
)
def test_a_fast_refusal_is_not_measured(answer):
    with pytest.raises(RuntimeError, match="side"):
        Expected(200, ("x-auth-user",)).hold(answer, "side")


def test_the_load_varies_where_its_head_has_places_for_it(tmp_path):
    """Numbers go on from where they are told to; a head without places is sent byte for byte."""
    still = lua(Load('GET / HTTP/1.1\r\nA: "\\"\r\n\r\n'), tmp_path)
    moving = lua(Load("GET /{serial} HTTP/1.1\r\nCookie: {cookie}\r\n\r\n", ("gw=1", "gw=2")), tmp_path, 7)

    assert r'return "GET / HTTP/1.1\r\nA: \"\\\"\r\n\r\n" end' in still
    assert "n = {}, 6" in moving
    assert '"GET /" .. n .. " HTTP/1.1' in moving
    assert (tmp_path / "cookies.txt").read_text() == "gw=1\ngw=2"


def test_a_run_of_wrk_without_its_line_is_no_run():
    with pytest.raises(RuntimeError, match="nothing"):
        read_wrk("Requests/sec: 12")


@pytest.mark.parametrize(
    ("available", "server", "second", "load"),
    [([3], {3}, {3}, {3}), ([0, 1], {0}, {1}, {1}), ([0, 1, 2, 3], {0}, {1}, {2, 3})],
)
def test_the_load_generator_has_cores_of_its_own_where_there_are_enough(available, server, second, load):
    found = cores_of(available)
    assert (found.server, found.second, found.load) == (server, second, load)


def test_the_time_of_children_counts():
    """A process that only waits for a child that works."""
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'], check=False)"
    parent = subprocess.Popen([sys.executable, "-c", script])
    try:
        end = time.monotonic() + 30
        while cpu_seconds([parent.pid]) < 0.5:
            assert time.monotonic() < end
            time.sleep(0.05)
        (child,) = family([parent.pid]) - {parent.pid}
        assert cpu_seconds([child]) > cpu_seconds([parent.pid]) / 2
    finally:
        for pid in family([parent.pid]):
            os.kill(pid, signal.SIGKILL)
        parent.wait()


def test_a_program_that_is_not_there_is_called_absent(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert facts(tmp_path)["wrk"] == "absent"


async def opened(address, ring, cookies):
    heads = [Head("GET", b"/", ((b"cookie", cookie.encode()),), "127.0.0.1") for cookie in cookies]
    tickets = [read_ticket(ring, COOKIE, head, time.time()) for head in heads]
    async with sessions_in(address, ring) as sessions:
        return [await sessions.open(ticket) for ticket in tickets]


def test_sessions_of_the_bench_are_sessions_of_the_gateway(tmp_path):
    """Begun beside it, in its own store, and each of another person."""
    ring = Keyring.generate(os.urandom, time.time())
    address = f"sqlite:{tmp_path / 'gateway.db'}"

    cookies = sessions_of(address, ring, 3, {})

    found = asyncio.run(opened(address, ring, cookies))
    assert [session.latest.user for session in found] == ["person-0", "person-1", "person-2"]
