"""Real redis-servers for the tests: alone, with a replica behind sentinels, or as a cluster; ended by their own pids.

All on loopback, nothing kept on disk unless a test asks for it.
"""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self

import pytest

from tests.kit.servers import free_port

BINARY = "redis-server"
START_WITHIN = 30.0
SLOTS = 16384


def require_redis() -> str:
    """The path of redis-server; where it is missing the test skips with the reason, and fails in CI."""
    found = shutil.which(BINARY)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"{BINARY} is not on PATH, and CI must not skip its tests")
    if found is None:
        pytest.skip(f"{BINARY} is not on PATH")
    return found


def eventually(what: str, holds: Callable[[], bool], within: float = START_WITHIN) -> float:
    """Wait until it holds; how many seconds that took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within:
            raise RuntimeError(f"not within {within:.0f} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - began


@dataclass
class RedisServer:
    folder: Path
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None
    tls: Path | None = None
    """A certificate with its key: then there is no port without TLS."""
    login: str = ""
    """`user:password@`, for the URL."""

    @property
    def url(self) -> str:
        place = f"{self.login}127.0.0.1:{self.port}"
        return f"rediss://{place}?ssl_ca_certs={self.tls}" if self.tls else f"redis://{place}"

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

    def ask(self, *words: object) -> Any:
        """The reply to one command, in RESP2, on a connection of its own; an error is raised."""
        with self._connected(2) as link:
            parts = [str(word).encode() for word in words]
            link.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
            with link.makefile("rb") as lines:
                return _reply(lines)

    def _connected(self, timeout: float) -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        if self.tls is None:
            return link
        context = ssl.create_default_context(cafile=self.tls)
        context.load_cert_chain(self.tls)
        return context.wrap_socket(link, server_hostname="127.0.0.1")

    def _port(self) -> dict[str, str]:
        if self.tls is None:
            return {"port": str(self.port)}
        files = dict.fromkeys(("tls-cert-file", "tls-key-file", "tls-ca-cert-file"), str(self.tls))
        return {
            "port": "0",
            "tls-port": str(self.port),
            "tls-replication": "yes",
            "tls-auth-clients": "no",
            **files,
        }

    def _options(self) -> list[str]:
        where = [word for name, value in self._port().items() for word in (f"--{name}", value)]
        where += ["--bind", "127.0.0.1", "--unixsocket", f"{self.folder}/redis.sock"]
        return [*where, "--dir", str(self.folder), "--save", "", "--appendonly", "no", "--daemonize", "no"]

    def _answers(self, until: float) -> bool:
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with self._connected(1) as link:
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


def _reply(lines: Any) -> Any:
    line = lines.readline()
    kind, rest = line[:1], line[1:].rstrip(b"\r\n")
    if kind == b"-":
        raise RuntimeError(rest.decode())
    if kind == b"*":
        return [_reply(lines) for _ in range(int(rest))]
    if kind == b"$":
        return None if rest == b"-1" else lines.read(int(rest) + 2)[:-2]
    return int(rest) if kind == b":" else rest


@dataclass
class _Sentinel(RedisServer):
    """A redis-server that watches others; it keeps what it knows in a file of its own."""

    watched: int = 0
    down_after_ms: int = 500

    def _options(self) -> list[str]:
        file = self.folder / "sentinel.conf"
        if not file.exists():
            name = SentinelSet.name
            port = "\n".join(f"{option} {value}" for option, value in self._port().items())
            file.write_text(
                f"{port}\nbind 127.0.0.1\ndir {self.folder}\n"
                f"sentinel monitor {name} 127.0.0.1 {self.watched} 2\n"
                f"sentinel down-after-milliseconds {name} {self.down_after_ms}\n"
                f"sentinel failover-timeout {name} 2000\n"
            )
        return [str(file), "--sentinel", "--daemonize", "no"]


class SentinelSet:
    """A primary, its replica and three sentinels that agree after half a second without an answer."""

    name = "mymaster"

    def __init__(self, folder: Path, arguments: tuple[str, ...] = (), tls: Path | None = None) -> None:
        self._folder = folder
        self._arguments = arguments
        self._tls = tls
        self.servers: list[RedisServer] = []
        self.sentinels: list[_Sentinel] = []

    @property
    def url(self) -> str:
        places = ",".join(f"127.0.0.1:{one.port}" for one in self.sentinels)
        if self._tls:
            return f"rediss+sentinel://{places}/{self.name}?ssl_ca_certs={self._tls}"
        return f"redis+sentinel://{places}/{self.name}"

    def primary(self) -> RedisServer:
        """The one that the first sentinel names."""
        _, port = self.sentinels[0].ask("SENTINEL", "get-master-addr-by-name", self.name)
        return next(one for one in self.servers if one.port == int(port))

    def start(self) -> Self:
        first = RedisServer(_made(self._folder / "first"), self._arguments, tls=self._tls).start()
        self.servers.append(first)
        follow = ("--replicaof", f"127.0.0.1 {first.port}", "--repl-diskless-sync-delay", "0")
        second = RedisServer(_made(self._folder / "second"), (*self._arguments, *follow), tls=self._tls)
        self.servers.append(second.start())
        eventually("the replica has a copy", lambda: b"state=online" in first.ask("INFO", "replication"))
        for number in range(3):
            folder = _made(self._folder / f"sentinel-{number}")
            self.sentinels.append(_Sentinel(folder, watched=first.port, tls=self._tls).start())
        eventually("the sentinels know each other", self._agreed)
        return self

    def _agreed(self) -> bool:
        return all(
            b"slaves=1,sentinels=3" in one.ask("INFO", "sentinel")
            and b"status=ok" in one.ask("INFO", "sentinel")
            for one in self.sentinels
        )

    def stop(self) -> None:
        for one in [*self.sentinels, *self.servers]:
            one.stop()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exc: object) -> None:
        self.stop()


class RedisCluster:
    """Three primaries, with `replicas` each or without any."""

    def __init__(self, folder: Path, *, replicas: int = 0, tls: Path | None = None) -> None:
        self._folder = folder
        self._replicas = replicas
        self._tls = tls
        self._arguments = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
        if tls:
            self._arguments += ("--tls-cluster", "yes")
        self.nodes: list[RedisServer] = []

    @property
    def primaries(self) -> list[RedisServer]:
        """Those that began as primaries."""
        return self.nodes[:3]

    @property
    def url(self) -> str:
        places = ",".join(f"127.0.0.1:{one.port}" for one in self.primaries)
        return (
            f"rediss+cluster://{places}?ssl_ca_certs={self._tls}"
            if self._tls
            else f"redis+cluster://{places}"
        )

    def owner(self, key: str) -> RedisServer:
        """Who of those that live has the key now."""
        asked = next(one for one in self.nodes if one.process is not None)
        slot = asked.ask("CLUSTER", "KEYSLOT", key)
        slots = asked.ask("CLUSTER", "SLOTS")
        port = next(place[1] for first, last, place, *_ in slots if first <= slot <= last)
        return next(one for one in self.nodes if one.port == port)

    def start(self) -> Self:
        numbers = count()
        for _ in range(3 * (1 + self._replicas)):
            folder = _made(self._folder / f"node-{next(numbers)}")
            node = RedisServer(folder, self._arguments, port=_port_for_cluster(), tls=self._tls)
            self.nodes.append(node.start())
        for number, one in enumerate(self.primaries):
            first, last = number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1
            one.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
        for epoch, one in enumerate(self.nodes):
            one.ask("CLUSTER", "SET-CONFIG-EPOCH", epoch + 1)
            one.ask("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        eventually("all nodes have met", self._met)
        for number, one in enumerate(self.nodes[3:]):
            one.ask("CLUSTER", "REPLICATE", self.primaries[number % 3].ask("CLUSTER", "MYID").decode())
        eventually("the cluster is whole", self.whole)
        return self

    def _met(self) -> bool:
        return all(one.ask("CLUSTER", "NODES").count(b" connected") == len(self.nodes) for one in self.nodes)

    def whole(self) -> bool:
        """Whether all who live call the cluster fine, and each replica has its copy."""
        living = [one for one in self.nodes if one.process is not None]
        fine = all(b"cluster_state:ok" in one.ask("CLUSTER", "INFO") for one in living)
        copying = [one.ask("INFO", "replication") for one in living]
        return fine and all(b"role:master" in said or b"master_link_status:up" in said for said in copying)

    def stop(self) -> None:
        for one in self.nodes:
            one.stop()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exc: object) -> None:
        self.stop()


def acl_file(folder: Path) -> Path:
    """The user that docs/redis.md recommends, under the password `right`, and nobody else."""
    text = (Path(__file__).parents[2] / "docs" / "redis.md").read_text()
    line = next(line for line in text.splitlines() if line.startswith("user gateway on "))
    file = folder / "users.acl"
    file.write_text(f"user default off\n{line.replace('>PASSWORD', '>right')}\n")
    return file


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _port_for_cluster() -> int:
    """One whose neighbour 10000 further up, where the nodes talk to each other, exists and is free too."""
    for _ in range(100):
        port = free_port()
        if port < 55000:
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port + 10000))
                except OSError:
                    continue
                return port
    raise RuntimeError("no free pair of ports")
