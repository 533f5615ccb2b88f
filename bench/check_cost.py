"""What a check costs: CPU of `gateway serve`, beside the same uvicorn that answers a constant.

    .venv/bin/python -m bench.check_cost [--rounds 3] [--seconds 3] [--store redis://…]

User and system time of the server process, as the operating system accounts for it, over the requests that it
answered. Gateway and constant take turns in one run and get the same bytes, so that a ratio means something on a
machine that does other things meanwhile; the median of the rounds is shown. Needs `wrk`.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from tests.kit.real_gateway import ROOT, RealGateway
from tests.kit.scene import scene_settings
from tests.kit.servers import Process, free_port, free_ports, is_listening

BROWSER = {
    "host": "gateway:4181",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en-US,en;q=0.5",
    "accept-encoding": "gzip, deflate, br, zstd",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "sec-fetch-site": "same-origin",
}
RULES = [
    {"name": "public", "paths": ["/public/**"], "allow": "public"},
    {"name": "admin", "paths": ["/admin/**"], "allow": {"groups": ["admins"]}},
    {"name": "rest", "allow": "authenticated"},
]


@dataclass(frozen=True, slots=True)
class Case:
    """One question, asked over and over, and the status that answers it."""

    name: str
    uri: str
    signed_in: bool
    status: int

    def headers(self, host: str, cookie: str) -> dict[str, str]:
        forwarded = {
            "x-forwarded-method": "GET",
            "x-forwarded-proto": "https",
            "x-forwarded-host": host,
            "x-forwarded-uri": self.uri,
            "x-forwarded-for": "198.51.100.7",
        }
        presented = f"theme=dark; {cookie}" if self.signed_in else "theme=dark"
        return {**BROWSER, **forwarded, "cookie": presented}


CASES = (
    Case("cached", "/mail/inbox?page=2", True, 200),
    Case("anonymous", "/mail/inbox?page=2", False, 303),
    Case("public", "/public/logo.png", False, 200),
    Case("denied", "/admin/users", True, 403),
)


async def constant(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 (ASGI's form)
    """The least that a server can answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def serve_constant(port: int) -> None:
    uvicorn.run(
        constant, port=port, http="httptools", loop="uvloop", ws="none", lifespan="off", proxy_headers=False,
        access_log=False, server_header=False, log_level="warning",
    )  # fmt: skip


@contextmanager
def constant_server(folder: Path) -> Iterator[tuple[int, int]]:
    """Port and pid."""
    port = free_port()
    process = Process(
        [sys.executable, "-m", "bench.check_cost", "--constant", str(port)], folder, {"PYTHONPATH": str(ROOT)}
    )
    try:
        process.wait_until(lambda: is_listening(port))
        yield port, process.pid
    finally:
        process.stop()


@contextmanager
def gateway_server(
    folder: Path, written: Mapping[str, Any], server: Mapping[str, Any]
) -> Iterator[tuple[int, int, str, str]]:
    """Port and pid, a host that it protects, and a cookie that opens a session there."""
    gateway = RealGateway(scene_settings("one-host", free_ports(4)), folder, written)
    gateway.document["server"] |= server
    gateway.config.write_text(json.dumps(gateway.document))
    gateway.start()
    try:
        assert gateway.process is not None
        port = int(str(gateway.document["server"]["verify_bind"]).rpartition(":")[2])
        host = str(gateway.document["hosts"][0]).partition("://")[2]
        yield port, gateway.process.pid, host, gateway.cookie
    finally:
        gateway.stop()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all of its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, headers: Mapping[str, str], seconds: float, connections: int) -> int:
    """Requests that were answered."""
    lines = [text for name, value in headers.items() for text in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", *lines]
    url = f"http://127.0.0.1:{port}/verify/forward-auth"
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+) requests in", said)
    assert found, said
    return int(found[1])


def cost(port: int, pid: int, headers: Mapping[str, str], seconds: float, connections: int) -> float:
    """Microseconds of CPU for one request."""
    before = cpu_seconds(pid)
    answered = load(port, headers, seconds, connections)
    return (cpu_seconds(pid) - before) / answered * 1e6


def assert_answers(port: int, case: Case, headers: Mapping[str, str]) -> None:
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    request = urllib.request.Request(f"http://127.0.0.1:{port}/verify/forward-auth", headers=dict(headers))
    try:
        status = urllib.request.build_opener(Stay).open(request).status
    except urllib.error.HTTPError as error:
        status = error.code
    assert status == case.status, (case, status)


def measure(arguments: argparse.Namespace) -> None:
    server = {"quick": False} if arguments.asgi else {}
    written: dict[str, Any] = {"rules": RULES, "log": {"level": arguments.log, "format": "json"}}
    if arguments.store:
        written["store"] = arguments.store
    seconds, connections = arguments.seconds, arguments.connections
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "constant").mkdir()
        port, pid = stack.enter_context(constant_server(folder / "constant"))
        asked, asked_pid, host, cookie = stack.enter_context(gateway_server(folder, written, server))
        print(f"{'case':12} {'constant':>9} {'gateway':>9} {'ratio':>6}", flush=True)
        for case in [case for case in CASES if case.name in (arguments.cases or case.name)]:
            headers = case.headers(host, cookie)
            assert_answers(asked, case, headers)
            rows = [
                (
                    cost(port, pid, headers, seconds, connections),
                    cost(asked, asked_pid, headers, seconds, connections),
                )
                for _ in range(arguments.rounds)
            ]
            plain, ours = (statistics.median(column) for column in zip(*rows, strict=True))
            ratio = statistics.median(b / a for a, b in rows)
            print(f"{case.name:12} {plain:7.1f}µs {ours:7.1f}µs {ratio:6.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--constant", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--cases", nargs="*", help="of " + ", ".join(case.name for case in CASES))
    parser.add_argument("--store", help="as in gateway.yaml; an embedded one by default")
    parser.add_argument("--log", default="warning", help="at `info` every decision is a line of the log")
    parser.add_argument("--asgi", action="store_true", help="without the quick shell")
    arguments = parser.parse_args()
    if arguments.constant:
        serve_constant(arguments.constant)
    else:
        measure(arguments)


if __name__ == "__main__":
    main()
