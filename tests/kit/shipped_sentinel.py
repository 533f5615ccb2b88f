"""The Redis and Sentinels of deploy/k8s/redis-sentinel on loopback: the files of the ConfigMap, run as the pods run them.

What the cluster provides comes from here: names and ports, volumes, passwords.
"""

import os
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import redis

from tests.kit.kubernetes import WITH_SENTINEL, Manifest, one, pods, render
from tests.kit.redis_server import eventually, require_redis
from tests.kit.servers import find_binary, free_ports

PASSWORD, PEERS = "a0" * 16, "b1" * 16
NODE, SENTINEL = "gateway-redis-node", "gateway-redis-sentinel"
SERVICE = "gateway"


class Pod:
    """One of three, under a name with its number; its volume outlives it."""

    def __init__(self, container: Manifest, name: str, port: int, folder: Path, config: Path) -> None:
        self.port = port
        self.data, self._run = folder / "data", folder / "run"
        self._container = container
        self._log = folder / "log"
        self._given = {"POD_NAME": name, "CONFIG": str(config), "DATA": str(self.data), "RUN": str(self._run)}
        self._process: subprocess.Popen[bytes] | None = None
        for made in (self.data, self._run):
            made.mkdir(parents=True)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def knows(self, nodes: str, sentinels: str) -> None:
        """The places of all of them, as the StatefulSet lists them; and whatever else it sets."""
        self._given |= {"REDIS_NODES": nodes, "SENTINELS": sentinels, "BIND": "127.0.0.1"}
        self._given |= {"REDIS_PASSWORD": PASSWORD, "PEER_PASSWORD": PEERS, "POD_NAMESPACE": "gateway"}
        assert set(self._given) == {variable["name"] for variable in self._container["env"]}

    def start(self, **otherwise: str) -> None:
        with self._log.open("ab") as told:
            self._process = subprocess.Popen(
                self._words(self._container["command"]),
                env=self._environment() | otherwise,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.STDOUT,
            )

    def ended(self) -> int | None:
        """How it ended by itself."""
        return None if self._process is None else self._process.poll()

    def ready(self) -> bool:
        """What the readiness probe says."""
        return self._did(self._container["readinessProbe"]["exec"]["command"]) == 0

    def drain(self) -> float:
        """Stop as the kubelet does: the hook, then SIGTERM. The seconds that the hook took."""
        began = time.monotonic()
        assert self._did(self._container["lifecycle"]["preStop"]["exec"]["command"]) == 0
        took = time.monotonic() - began
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None
        return took

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def role(self) -> str:
        with redis.Redis(port=self.port, username="gateway", password=PASSWORD) as client:
            return client.role()[0].decode()

    def _did(self, command: list[str]) -> int:
        done = subprocess.run(
            self._words(command), env=self._environment(), capture_output=True, timeout=60, check=False
        )
        return done.returncode

    def _words(self, command: list[str]) -> list[str]:
        return [word.replace("/etc/redis", self._given["CONFIG"]) for word in command]

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **self._given}


class ShippedSentinelSet:
    """Three Redis and three Sentinels; a name is `localhost` with a port."""

    def __init__(self, folder: Path) -> None:
        require_redis()
        find_binary("redis-cli")
        manifests = render(WITH_SENTINEL[0])
        config = folder / "config"
        config.mkdir()
        for name, text in one(manifests, "ConfigMap", "gateway-redis-sentinel-config")["data"].items():
            (config / name).write_text(text)
        ports = free_ports(6)
        self.nodes = self._pods(manifests, NODE, ports[:3], folder, config)
        self.sentinels = self._pods(manifests, SENTINEL, ports[3:], folder, config)
        for pod in (*self.nodes, *self.sentinels):
            pod.knows(_places(self.nodes), _places(self.sentinels))
        self._shipped_url = next(
            variable["value"]
            for variable in dict(pods(manifests))["gateway"]["containers"][0]["env"]
            if variable["name"] == "GATEWAY__store"
        )

    @staticmethod
    def _pods(
        manifests: list[Manifest], owner: str, ports: list[int], folder: Path, config: Path
    ) -> list[Pod]:
        (container,) = dict(pods(manifests))[owner]["containers"]
        names = [f"{owner}-{number}" for number in range(3)]
        return [
            Pod(container, name, port, folder / name, config) for name, port in zip(names, ports, strict=True)
        ]

    @property
    def url(self) -> str:
        """The gateway's, with the places of this machine."""
        url = self._shipped_url.replace("${REDIS_PASSWORD}", PASSWORD)
        for number, pod in enumerate(self.sentinels):
            url = url.replace(f"{SENTINEL}-{number}.{SENTINEL}", f"localhost:{pod.port}")
        return url

    def seen(self, sentinel: Pod) -> dict[str, Any]:
        """What a sentinel tells the gateway's user."""
        with redis.Redis(port=sentinel.port, username="gateway", password=PASSWORD) as client:
            return dict(client.sentinel_masters()[SERVICE])

    def primary(self) -> Pod:
        """Whom all three sentinels name, once they name the same."""
        eventually(
            "the sentinels agree", lambda: len({self.seen(one)["port"] for one in self.sentinels}) == 1
        )
        port = self.seen(self.sentinels[0])["port"]
        return next(one for one in self.nodes if one.port == port)

    def whole(self) -> bool:
        """Every sentinel sees two others, two replicas, and a primary that answers."""
        wanted = {"num-slaves": 2, "num-other-sentinels": 2, "flags": "master", "ip": "localhost"}
        return all(wanted.items() <= self.seen(one).items() for one in self.sentinels)

    def __enter__(self) -> Self:
        try:
            for pod in (*self.nodes, *self.sentinels):
                pod.start()
            eventually("all Redis are ready", lambda: all(one.ready() for one in self.nodes))
            eventually("the sentinels know one another", self.whole)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for pod in (*self.sentinels, *self.nodes):
            pod.kill()


def _places(those: list[Pod]) -> str:
    return " ".join(f"localhost:{one.port}" for one in those)
