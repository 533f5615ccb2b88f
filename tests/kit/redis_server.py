"""A real redis-server for the tests: loopback port and Unix socket, nothing kept on disk, ended by its own pid."""

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

BINARY = "redis-server"


def require_redis() -> str:
    """The path of redis-server; where it is missing the test skips with the reason, and fails in CI."""
    found = shutil.which(BINARY)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"{BINARY} is not on PATH, and CI must not skip its tests")
    if found is None:
        pytest.skip(f"{BINARY} is not on PATH")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class RedisServer:
    folder: Path
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"unix://{self.folder}/redis.sock"

    def start(self) -> Self:
        """Start it, on the same port each time, and return when it answers."""
        binary = require_redis()
        for _ in range(5):
            self.process = subprocess.Popen(
                [binary, *self._options(), *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if self._answers(time.monotonic() + 10):
                return self
            self.stop()
            self.port = free_port()  # somebody else took the port between the look and the start
        raise RuntimeError("redis-server did not start")

    def stop(self) -> None:
        """End it at once, as a crash would; start() brings it back empty."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _options(self) -> list[str]:
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", f"{self.folder}/redis.sock"]
        return [*where, "--dir", str(self.folder), "--save", "", "--appendonly", "no", "--daemonize", "no"]

    def _answers(self, until: float) -> bool:
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                    link.sendall(b"PING\r\n")
                    # An error (a password is wanted) is an answer too.
                    if link.recv(16).startswith((b"+PONG", b"-NOAUTH")):
                        return True
            except OSError:
                pass
            time.sleep(0.01)
        return False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
