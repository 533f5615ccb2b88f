"""The balancers of docs/scaling.md: what they say there keeps a session at one replica, in a real nginx and HAProxy."""

import re
import time
from pathlib import Path

import pytest

from tests.kit.servers import Process, find_binary, free_ports, is_listening
from tests.kit.wire import exchange, write_request

pytestmark = pytest.mark.live

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
REPLICAS = 3
COOKIES = [f"__Host-gw=v1.k.{number:04d}abcdef" for number in range(60)]


def block(language, ports):
    """What the page shows, with these ports in place of its replicas'."""
    text = PAGE.read_text("utf-8").partition(f"```{language}\n")[2].partition("```")[0]
    replicas = re.findall(r"10\.0\.0\.\d:4181", text)
    assert len(replicas) == REPLICAS
    for address, port in zip(replicas, ports, strict=True):
        text = text.replace(address, f"127.0.0.1:{port}")
    return text


def answering(port):
    """A replica that says which one it is."""
    return f"server {{ listen 127.0.0.1:{port}; location / {{ add_header X-Replica {port} always; return 200; }} }}\n"


def nginx(folder, text):
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; worker_processes 2; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off;\n{paths}{text}}}\n"
    )
    argv = [find_binary("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Process(argv, folder)


def through_nginx(folder, front, ports):
    """As the snippet asks: a subrequest of the application's request."""
    ask = (
        "location = /check { internal; proxy_pass http://gateway_verify; proxy_http_version 1.1;"
        ' proxy_set_header Connection ""; }\n'
        "location / { auth_request /check; auth_request_set $replica $upstream_http_x_replica;"
        f" add_header X-Replica $replica always; proxy_pass http://127.0.0.1:{ports[0]};"
        " proxy_hide_header X-Replica; }\n"
    )
    replicas = "".join(map(answering, ports))
    server = f"server {{ listen 127.0.0.1:{front};\n{ask}}}\n"
    return [nginx(folder, block("nginx", ports) + server + replicas)]


def through_haproxy(folder, front, ports):
    waits = "".join(f"    timeout {what} 5s\n" for what in ("connect", "client", "server"))
    text = block("haproxy", ports).replace("127.0.0.1:4181", f"127.0.0.1:{front}")
    (folder / "haproxy.cfg").write_text(f"defaults\n    mode http\n{waits}{text}")
    replicas = nginx(folder, "".join(map(answering, ports)))
    beside = folder / "balancer"
    beside.mkdir()
    return [replicas, Process([find_binary("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")], beside)]


@pytest.fixture(params=[through_nginx, through_haproxy], ids=["nginx", "haproxy"])
def ask(request, tmp_path):
    """Which replica answers a check with this cookie."""
    front, *ports = free_ports(1 + REPLICAS)
    processes = request.param(tmp_path, front, ports)

    def one(cookie):
        lines = [("Host", "app.example.com"), ("Connection", "close"), ("Cookie", cookie)]
        answer = exchange(front, write_request("GET", "/x", lines, b""), 10)
        assert answer.status == 200
        return next(value for name, value in answer.headers if name.lower() == "x-replica")

    try:
        processes[-1].wait_until(lambda: all(map(is_listening, (front, *ports))))
        time.sleep(0.5)  # a first health check
        yield one
    finally:
        for process in reversed(processes):
            process.stop()


def test_all_checks_of_a_session_come_to_one_replica_and_sessions_to_all(ask):
    """Whatever other cookies stand around the session's, and on whichever connection."""
    dealt = {cookie: ask(cookie) for cookie in COOKIES}

    assert len(set(dealt.values())) == REPLICAS
    for cookie, replica in list(dealt.items())[::6]:
        assert {ask(f"theme=dark; {cookie}; last=1") for _ in range(3)} == {replica}


def test_checks_without_a_session_are_answered_too(ask):
    assert ask("theme=dark")
