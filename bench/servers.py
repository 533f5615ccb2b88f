"""The servers of a run: each on its cores, ended by its own pid, with a log that does not fill the disk."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cores import pinned

PATIENCE = 240.0
"""Seconds that a server has to come up: ten thousand rules are compared with each other."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and the port that is asked."""

    port: int
    pid: int
    log: Path

    def forget_log(self) -> None:
        """At level info a gateway writes a hundred megabytes in some seconds."""
        os.truncate(self.log, 0)


@contextmanager
def running(
    argv: Sequence[str],
    folder: Path,
    port: int,
    cores: frozenset[int],
    ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Start it, and wait until it is ready. Raises `RuntimeError` with the end of its log where it is not."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "process.log"
    with log.open("ab") as out, pinned(cores):
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, ready, log)
        yield Server(port, process.pid, log)
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            said = log.read_bytes()[-3000:].decode(errors="replace")
            raise RuntimeError(f"{process.args!r} did not come up:\n{said}")
        time.sleep(0.005)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(15)
