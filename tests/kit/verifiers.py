"""The verifiers that docs/assertion.md shows, each started as the small application that stands beside it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.kit.proxies import nginx_surroundings
from tests.kit.servers import ROOT, Process, find_binary, free_port, is_listening, missing

SOURCES = ROOT / "docs" / "verifiers"
ISSUER = "https://auth.example.com"
AUDIENCE = "app.example.com"
NJS = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")

Change = tuple[str, str, str]
"""File, text that stands there once, what to put in its place."""

NO_COOLDOWN: Mapping[str, Change] = {
    "python": ("assertion.py", "COOLDOWN = 30 ", "COOLDOWN = 0 "),
    "go": ("assertion.go", "cooldown = 30 * time.Second ", "cooldown = 0 * time.Second "),
    "node": ("assertion.mjs", "COOLDOWN = 30;", "COOLDOWN = 0;"),
}


class KeyServer:
    """Serves the key set at /jwks.json and the attacker's at /evil.json; any other path tells what it was sent."""

    def __init__(self) -> None:
        self.sets: dict[str, Any] = {"/jwks.json": {"keys": []}, "/evil.json": {"keys": []}}
        self.status = 200
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def fetches(self) -> int:
        return self.asked.count("/jwks.json")

    def answer(self, path: str, told: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        self.asked.append(path)
        headers = {"Content-Type": "application/json", "Cache-Control": "public, max-age=300"}
        if path == "/jwks.json" and self.status != 200:
            return self.status, {"Location": f"{self.url}/evil.json"}, b"{}"
        return 200, headers, json.dumps(self.sets.get(path, told)).encode()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(keys: KeyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            told = {"headers": self.headers.items(), "body": body.decode()}
            status, headers, answer = keys.answer(self.path, told)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 (the name is the library's)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


@dataclass(frozen=True, slots=True)
class Application:
    """A running application that believes assertions."""

    kind: str
    port: int
    process: Process

    def ask(
        self, *assertions: str | bytes, headers: Sequence[tuple[str, str]] = (), content: bytes = b""
    ) -> httpx.Response:
        """Send each as an X-Auth-Assertion line of its own."""
        raw = [one if isinstance(one, bytes) else one.encode("latin-1") for one in assertions]
        lines = [(name.encode(), value.encode()) for name, value in headers]
        lines += [(b"X-Auth-Assertion", one) for one in raw]
        method = "POST" if content else "GET"
        with httpx.Client(trust_env=False) as client:
            return client.request(
                method, f"http://127.0.0.1:{self.port}/a?b=c", headers=lines, content=content
            )


def start(kind: str, folder: Path, keys: KeyServer, *changes: Change) -> Application:
    """Copy the sources of a verifier into `folder`, change what a test must, and run the application on them."""
    port = free_port()
    shutil.copytree(SOURCES / kind, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in (*changes, *(_nginx_places(folder, keys, port) if kind == "njs" else ())):
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    environment = {
        "ASSERTION_ISSUER": ISSUER,
        "ASSERTION_AUDIENCE": AUDIENCE,
        "ASSERTION_JWKS_URL": f"{keys.url}/jwks.json",
        "PORT": str(port),
        "no_proxy": "127.0.0.1",
    }
    process = Process(_ARGV[kind](folder), folder, environment)
    process.wait_until(lambda: is_listening(port))
    return Application(kind, port, process)


def _nginx_places(folder: Path, keys: KeyServer, port: int) -> list[Change]:
    return [
        ("assertion.conf", "listen 8080;", f"listen 127.0.0.1:{port};"),
        ("assertion.conf", f"{ISSUER}/.well-known/jwks.json", f"{keys.url}/jwks.json"),
        ("assertion.conf", "http://127.0.0.1:3000", keys.url),
        ("assertion.conf", "/var/cache/nginx-assertion", f"{folder}/cache"),
    ]


def _python(folder: Path) -> list[str]:
    return [sys.executable, "application.py"]


def _node(folder: Path) -> list[str]:
    return [find_binary("node"), "application.mjs"]


def _go(folder: Path) -> list[str]:
    # The one tool that may be missing in CI, too: nothing else of the project needs the Go toolchain, Debian's is
    # 300 MB, and a machine that has it runs the same matrix.
    binary = shutil.which("go")
    if binary is None:
        pytest.skip("go is not on PATH")
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    command = [binary, "build", "-o", "application", "."]
    subprocess.run(command, cwd=folder, env=os.environ | offline, check=True)
    return [str(folder / "application")]


def _njs(folder: Path) -> list[str]:
    binary = find_binary("nginx")
    if not NJS.exists():
        missing(f"{NJS} is not there (libnginx-mod-http-js of Debian)")
    (folder / "gateway.conf").write_text("include assertion.conf;\n", encoding="utf-8")
    (folder / "nginx.conf").write_text(f"load_module {NJS};\n{nginx_surroundings(folder)}", encoding="utf-8")
    return [binary, "-e", "error.log", "-p", str(folder), "-c", str(folder / "nginx.conf")]


_ARGV: Mapping[str, Callable[[Path], list[str]]] = {
    "python": _python,
    "go": _go,
    "node": _node,
    "njs": _njs,
}
KINDS = tuple(_ARGV)
