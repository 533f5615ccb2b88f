"""`gateway serve --workers N`: one gateway in several processes, and nothing that a client would notice of it."""

import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.kit.real_gateway import RealGateway
from tests.kit.redis_server import RedisServer, require_redis
from tests.kit.scene import APP, scene_settings
from tests.kit.servers import free_ports, is_listening
from tests.kit.steady_load import SteadyLoad

pytestmark = pytest.mark.live


def until(fact: Callable[[], Any], seconds: float = 15) -> Any:
    """What `fact` gives, once it gives something."""
    end = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
    return found


class Crew:
    """A gateway with several workers, seen from outside."""

    def __init__(self, folder: Path, workers: int, **written: Any) -> None:
        self.one = RealGateway(scene_settings("one-host", free_ports(4)), folder, written)
        self.one.arguments = ("--workers", str(workers))
        # Which process answered is read off the lines of the log.
        self.change({"log": {**self.one.document.get("log", {}), "allows": "all"}})

    def server(self, **changes: Any) -> None:
        self.change({"server": self.one.document["server"] | changes})

    def change(self, changes: dict[str, Any]) -> None:
        self.one.document |= changes
        self.one.config.write_text(yaml.safe_dump(self.one.document))

    @property
    def pid(self) -> int:
        assert self.one.process is not None
        return self.one.process._process.pid

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def exit_code(self, seconds: float = 20) -> int:
        assert self.one.process is not None
        return self.one.process._process.wait(seconds)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.one.log.splitlines() if line.startswith("{")]

    def told(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    @property
    def pids(self) -> dict[int, int]:
        """The worker in each seat that became ready last."""
        return {line["worker"]: line["pid"] for line in self.told("worker.ready")}

    def operator(self, path: str) -> httpx.Response:
        return httpx.get(f"http://{self.one.settings.server.metrics_bind}{path}", timeout=5)

    def is_whole(self) -> bool:
        with suppress(httpx.TransportError):
            return self.operator("/readyz").status_code == 200
        return False

    def connect(self) -> socket.socket:
        bind = str(self.one.document["server"]["verify_bind"])
        if not bind.startswith("unix:"):
            return socket.create_connection(("127.0.0.1", int(bind.rpartition(":")[2])), timeout=10)
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(10)
        link.connect(bind.removeprefix("unix:"))
        return link

    def request(self, path: str = "/x") -> bytes:
        lines = (
            "GET /verify/forward-auth HTTP/1.1", "Host: gateway", "X-Forwarded-Method: GET",
            f"X-Forwarded-Host: {APP}", f"X-Forwarded-Uri: {path}", f"Cookie: {self.one.cookie}", "", "",
        )  # fmt: skip
        return "\r\n".join(lines).encode()

    def check(self, path: str = "/x") -> int:
        """The status of one check on a connection of its own."""
        with self.connect() as link:
            link.sendall(self.request(path))
            return int(link.recv(65_536).split(b" ", 2)[1])

    def load(self, clients: int = 8) -> SteadyLoad:
        return SteadyLoad(self.connect, self.request(), clients)

    def checks_by_process(self) -> Counter[str]:
        """How many each process answered: the first part of a decision's id is its process."""
        return Counter(line["decision_id"].partition("-")[0] for line in self.told("decision.made"))


def decisions(scraped: str) -> int:
    return int(
        sum(
            float(line.rpartition(" ")[2])
            for line in scraped.splitlines()
            if line.startswith("gateway_decisions_total")
        )
    )


@contextmanager
def crew(folder: Path, workers: int = 2, **written: Any) -> Iterator[Crew]:
    found = Crew(folder, workers, **written)
    with started(found):
        yield found


@contextmanager
def started(found: Crew) -> Iterator[Crew]:
    try:
        found.one.start()
        until(found.is_whole)
        yield found
    finally:
        found.one.stop()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def redis(tmp_path):
    require_redis()
    with RedisServer(tmp_path) as server:
        yield server


@pytest.mark.parametrize("place", [pytest.param("tcp", id="tcp"), pytest.param("unix", id="unix-socket")])
def test_connections_that_a_proxy_opens_at_once_are_dealt_to_all_workers(place, tmp_path, figure):
    """Also in a burst, as a proxy with kept connections opens them; and one session passes at every worker."""
    found = Crew(tmp_path, 4)
    if place == "unix":
        found.server(verify_bind=f"unix:{tmp_path}/verify.sock")
    with started(found):
        links = [found.connect() for _ in range(80)]
        for link in links:
            link.sendall(found.request())
        statuses = Counter(int(link.recv(65_536).split(b" ", 2)[1]) for link in links)
        for link in links:
            link.close()

        dealt = until(lambda: c if sum((c := found.checks_by_process()).values()) == 80 else None)
    figure(f"80 connections over four workers, {place}: the least of one", min(dealt.values()), "")
    assert statuses == {200: 80}
    assert len(dealt) == 4
    assert min(dealt.values()) >= 5


def test_a_session_opens_at_every_worker_over_redis(tmp_path, redis):
    """As over the embedded store."""
    with crew(tmp_path, 3, store=redis.url) as found:
        statuses = Counter(found.check() for _ in range(40))
        dealt = until(lambda: c if sum((c := found.checks_by_process()).values()) == 40 else None)

    assert statuses == {200: 40}
    assert len(dealt) == 3


def test_one_scrape_shows_all_workers_and_never_less_than_before(tmp_path, figure):
    """Whoever answers it; with a worker that hangs; and after one was killed."""
    with crew(tmp_path, 3) as found:
        for _ in range(30):
            found.check()
        sums = [decisions(found.operator("/metrics").text) for _ in range(6)]
        assert sums == [30] * 6
        states = found.operator("/readyz").json()
        assert states == {"status": "ready", "workers": {"1": "ready", "2": "ready", "3": "ready"}}
        scraped = found.operator("/metrics").text
        assert 'gateway_workers{state="ready"} 3.0' in scraped
        assert 'process_resident_memory_bytes{worker="3"}' in scraped

        os.kill(found.pids[1], signal.SIGSTOP)
        begun = time.monotonic()
        assert decisions(found.operator("/metrics").text) == 30
        figure("a scrape with a worker that hangs", time.monotonic() - begun, "s")

        os.kill(found.pids[1], signal.SIGKILL)
        until(lambda: len(found.told("worker.ready")) == 4)
        assert decisions(found.operator("/metrics").text) == 30
        assert "gateway_workers_died_total 1.0" in found.operator("/metrics").text


def test_a_worker_that_is_killed_is_replaced_and_costs_its_own_connections_alone(tmp_path, figure):
    """kill -9 under load: no new connection is refused, and nobody else notices."""
    with crew(tmp_path, 2) as found, found.load(8) as load:
        load.wait_for(400)
        victim = found.pids[1]
        begun = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        until(lambda: found.pids[1] != victim)
        seconds = time.monotonic() - begun
        load.wait_for(400)
        failures = list(load.failures)
        statuses = dict(load.statuses)

    figure("kill -9: clients of eight that lost a check", len(failures), "")
    figure("kill -9: until the worker was replaced", seconds, "s")
    assert set(statuses) == {200}
    assert len(failures) <= 8
    assert not any("refused" in failure.lower() for failure in failures)


def test_a_new_configuration_comes_without_one_failed_check(tmp_path, figure):
    """SIGHUP under load: one worker after the other, and the new rule holds afterwards."""
    with crew(tmp_path, 2) as found, found.load(8) as load:
        load.wait_for(300)
        before = found.pids
        assert found.check("/forbidden/a") == 403
        found.change({"rules": [{"allow": "authenticated"}]})
        found.send(signal.SIGHUP)
        until(lambda: found.told("configuration.changed"))
        until(lambda: not any(map(is_alive, before.values())))
        load.wait_for(300)
        after = found.check("/forbidden/a")
        states = found.operator("/readyz").json()["workers"]
        scraped = decisions(found.operator("/metrics").text)

    figure("SIGHUP under load: checks", load.answered, "")
    figure("SIGHUP under load: failed", len(load.failures), "")
    assert load.failures == []
    assert set(load.statuses) == {200}
    assert after == 200
    assert states == {"1": "ready", "2": "ready"}
    assert scraped >= 600


def test_a_worker_that_is_told_to_end_is_replaced_first(tmp_path):
    """SIGTERM to a worker, and not to the parent: no check is lost either."""
    with crew(tmp_path, 2) as found, found.load(6) as load:
        load.wait_for(100)
        old = found.pids[2]
        os.kill(old, signal.SIGTERM)
        until(lambda: not is_alive(old))
        load.wait_for(100)

    assert load.failures == []
    assert set(load.statuses) == {200}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"nonsense": 1}, "nonsense", id="a fault"),
        pytest.param({"server": {"bind": "127.0.0.1:1"}}, "server.bind", id="a listener moved"),
        pytest.param({"server": {"workers": 7}}, "server.workers", id="another number"),
        pytest.param({"keys": {"file": "/nowhere/keys.json"}}, "keys.json", id="no keys"),
        pytest.param(
            {"store": "sqlite:{occupied}/gateway.db"}, "occupied", id="workers cannot start with it"
        ),
    ],
)
def test_a_configuration_that_does_not_do_changes_nothing(change, said, tmp_path):
    """The faults are in the log, and the workers stay the same processes."""
    occupied = tmp_path / "occupied"
    occupied.write_text("a file where a folder should be")
    with crew(tmp_path, 2) as found:
        before = found.pids
        written = json.loads(json.dumps(change).replace("{occupied}", str(occupied)))
        if "server" in written:
            written["server"] = found.one.document["server"] | written["server"]
        found.change(written)
        found.send(signal.SIGHUP)

        until(lambda: found.told("configuration.refused"))

        assert said in found.one.log
        assert found.pids == before
        assert found.check() == 200
        assert found.is_whole()


def test_a_stop_answers_what_is_under_way_and_says_so_first(tmp_path, figure):
    """SIGTERM: /readyz fails on every listener while checks go on, then all processes end, with exit code 0."""
    found = Crew(tmp_path, 2)
    found.server(drain="1s")
    with started(found), found.load(4) as load:
        load.wait_for(50)
        workers = found.pids.values()
        found.send(signal.SIGTERM)
        until(lambda: not found.is_whole(), 0.9)
        # Checks go on, each on a connection of its own.
        assert found.check() == 200
        verify = found.one.document["server"]["verify_bind"]
        assert httpx.get(f"http://{verify}/readyz").status_code == 503
        assert httpx.get(f"{found.one.url}/readyz").status_code == 503
        detail = found.operator("/readyz").json()
        assert detail["status"] == "stopping"
        answered = load.answered
        code = found.exit_code()
        assert not any(map(is_alive, workers))
    assert code == 0
    assert load.answered > answered
    # Who knocks later is refused, at once. In the instant in which a socket closes a connection may still be reset.
    lost = [failure for failure in load.failures if "refused" not in failure.lower()]
    figure("a stop under load: checks", load.answered, "")
    figure("a stop under load: lost", len(lost), "")
    assert len(lost) <= 1


def test_who_is_told_twice_ends_at_once(tmp_path):
    """A drain of a minute, and no patience."""
    found = Crew(tmp_path, 2)
    found.server(drain="1m")
    with started(found):
        found.send(signal.SIGTERM)
        until(lambda: found.told("serve.stopping"))
        found.send(signal.SIGINT)

        assert found.exit_code(5) == 1
        assert not any(map(is_alive, found.pids.values()))


def test_workers_do_not_outlive_their_parent(tmp_path):
    """kill -9 of the parent: its end of the channel closes, and the workers leave."""
    with crew(tmp_path, 3) as found:
        workers = found.pids.values()
        found.send(signal.SIGKILL)

        until(lambda: not any(map(is_alive, workers)), 5)
        assert not is_listening(found.one.settings.server.verify_bind.port)


def test_the_first_start_makes_one_key_ring_for_all_workers(tmp_path):
    """Made by the parent, before there is a second process."""
    found = Crew(tmp_path, 2)
    found.one.cookie = "none=yet"
    found.one.key_file.unlink()
    with started(found):
        jwks = f"{found.one.url}/_gateway/.well-known/jwks.json"
        seen = {httpx.get(jwks).text for _ in range(20)}

        assert len(found.told("keys.made")) == 1
        assert len(seen) == 1
        assert json.loads(seen.pop())["keys"]


@pytest.mark.parametrize("fault", ["store", "address"])
def test_a_start_that_fails_in_the_workers_says_why_and_ends(fault, tmp_path):
    """One sentence and exit code 1, as with a single process."""
    (tmp_path / "occupied").write_text("a file where a folder should be")
    found = Crew(tmp_path, 2)
    taken = socket.create_server(
        ("127.0.0.1", found.one.settings.server.bind.port if fault == "address" else 0)
    )
    if fault == "store":
        found.change({"store": f"sqlite:{tmp_path / 'occupied' / 'gateway.db'}"})
    found.one.cookie = "none=yet"
    try:
        with taken, suppress(AssertionError):
            found.one.start()
        assert found.exit_code() == 1
    finally:
        log = found.one.log
        found.one.stop()

    assert "Traceback" not in log
    assert ("occupied" if fault == "store" else "server.bind") in log


def test_a_second_gateway_on_the_same_address_does_not_come_up(tmp_path):
    """Workers share an address among themselves, and with nobody else."""
    (tmp_path / "other").mkdir()
    with crew(tmp_path, 2) as found:
        other = Crew(tmp_path / "other", 2)
        other.server(**{key: found.one.document["server"][key] for key in ("bind", "verify_bind")})
        other.one.cookie = "none=yet"
        other.one.start()
        assert other.exit_code() == 1
        assert "in use" in other.one.log.lower()
        other.one.stop()
