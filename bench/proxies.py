"""nginx and Traefik of the bench: in front of the gateway, of an nginx that says yes to everything, or of nobody.

One nginx is everything but the gateway: the front that browsers ask, the application (a constant), and the constant
that is asked in the gateway's place. So a side differs from another in one address.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.row import Absent
from bench.servers import Server, running
from gateway.forward_auth.snippets import nginx, traefik
from gateway.settings.model import Settings
from tests.kit.real_gateway import ROOT
from tests.kit.scene import APP
from tests.kit.servers import free_ports, is_listening
from tests.kit.wire import exchange

HEADERS = {
    "X-Auth-User": "alice",
    "X-Auth-Email": "alice%40example.com",
    "X-Auth-Name": "Alice",
    "X-Auth-Groups": "staff",
}


@dataclass(frozen=True, slots=True)
class Places:
    """Ports of one nginx: the application, and the constant that answers for a gateway."""

    application: int
    constant: int

    @classmethod
    def free(cls) -> "Places":
        return cls(*free_ports(2))


def asking(port: int, verify: int, places: Places) -> str:
    """A front that asks whoever listens on `verify`, in as few words as do it, and hands over four headers."""
    taken = [f"auth_request_set ${_variable(name)} $upstream_http_{_variable(name)};" for name in HEADERS]
    given = [f"proxy_set_header {name} ${_variable(name)};" for name in HEADERS]
    lines = "\n            ".join([*taken, *given])
    return f"""
    upstream verify_{port} {{ server 127.0.0.1:{verify}; keepalive 64; keepalive_requests 10000000; }}
    upstream application_{port} {{ server 127.0.0.1:{places.application}; keepalive 64; keepalive_requests 10000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            auth_request /.check;
            {lines}
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://application_{port};
        }}
        location = /.check {{
            internal;
            proxy_pass_request_body off;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_set_header X-Original-URL $scheme://$host$request_uri;
            proxy_set_header X-Original-Method $request_method;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_pass http://verify_{port}/verify/auth-request;
        }}
    }}"""


def open_door(port: int, places: Places) -> str:
    """A front that asks nobody."""
    return f"""
    upstream application_{port} {{ server 127.0.0.1:{places.application}; keepalive 64; keepalive_requests 10000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://application_{port};
        }}
    }}"""


def _variable(name: str) -> str:
    return name.lower().replace("-", "_")


def _constants(places: Places) -> str:
    said = " ".join([f"add_header {name} {value};" for name, value in HEADERS.items()])
    return f"""
    server {{ listen 127.0.0.1:{places.application}; location / {{ return 200 "hello\\n"; }} }}
    server {{ listen 127.0.0.1:{places.constant}; location / {{ {said} return 200; }} }}"""


@contextmanager
def nginx_running(
    parts: Sequence[str], places: Places, ports: Sequence[int], folder: Path, cores: frozenset[int]
) -> Iterator[Server]:
    """`parts` stand in its http context, beside the constants; `ports` are those of its fronts."""
    user = "user root;" if os.geteuid() == 0 else ""  # else the worker could not open the folder of the run
    conf = folder / "nginx.conf"
    conf.write_text(f"""{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 10000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    {"".join(parts)}
    {_constants(places)}
}}
""")
    argv = [require("nginx"), "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(conf)]
    with running(argv, folder, ports[0], cores, lambda: all(map(is_listening, ports))) as server:
        yield server


def shipped(settings: Settings, places: Places, folder: Path) -> str:
    """The part of `gateway snippet nginx`, with its files beside."""
    for name, text in nginx.snippet(settings, f"http://127.0.0.1:{places.application}").items():
        (folder / name).write_text(text)
    return "include gateway.conf;"


@contextmanager
def traefik_running(
    settings: Settings, port: int, places: Places, folder: Path, cores: frozenset[int], *, asks: bool = True
) -> Iterator[Server]:
    """Traefik by `gateway snippet traefik`; without the check where it is not to ask."""
    texts = traefik.snippet(settings, f"http://127.0.0.1:{places.application}")
    dynamic = folder / "gateway-dynamic.yml"
    for name, text in texts.items():
        put = text.replace(f"filename: {traefik.DYNAMIC_FILE}", f"filename: {dynamic}")
        if not asks:
            put = put.replace("[gateway-clear, gateway-check]", "[gateway-clear]")
        (folder / name).write_text(put)
    argv = [require("traefik"), f"--configFile={folder}/traefik.yml"]
    with running(argv, folder, port, cores, lambda: routes(port)) as server:
        yield server


def routes(port: int) -> bool:
    """Traefik listens before it has read its routes."""
    try:
        return (
            exchange(
                port, f"GET /public HTTP/1.1\r\nHost: {APP}\r\nConnection: close\r\n\r\n".encode()
            ).status
            == 200
        )
    except OSError:
        return False


def require(name: str) -> str:
    """The program; `Absent` with what to do where it is missing."""
    live = ROOT / ".venv-live" / "bin" / name
    found = str(live) if os.access(live, os.X_OK) else shutil.which(name)
    if found is None:
        raise Absent(f"{name} is not installed (requirements/live.txt has it)")
    return found
