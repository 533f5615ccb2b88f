"""What the rows of a group share: servers, each started once, and the sessions that their cookies open."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from bench.cores import Cores, pinned
from bench.gateways import Gateway, Wanted, gateway_running, sessions_of
from bench.row import Measured
from bench.servers import Server, running
from bench.size import Size
from bench.trial import Bounds, Side, alternate
from gateway.keys.keyring import Keyring
from tests.kit.real_gateway import ROOT
from tests.kit.redis_server import RedisServer
from tests.kit.servers import free_port, is_listening

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is done."""

    rounds: int
    seconds: int
    size: Size
    cores: Cores


class Lab:
    """Servers live from the first row that wants them to the end of the group."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.size, self.cores = plan, plan.size, plan.cores
        self.folder = folder
        self.ring = Keyring.generate(os.urandom, time.time())
        self._stack = ExitStack()
        self._known: dict[object, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What was made for this key before, or is made now."""
        if key not in self._known:
            self._known[key] = make()
        found: T = self._known[key]
        return found

    def running(self, key: object, make: Callable[[], AbstractContextManager[T]]) -> T:
        """The same for what has to be ended."""
        return self.once(key, lambda: self._stack.enter_context(make()))

    def made(self, name: str) -> Path:
        """A new folder."""
        folder = self.folder / f"{len(list(self.folder.iterdir()))}-{name}"
        folder.mkdir()
        return folder

    # Servers

    def gateway(self, wanted: Wanted) -> Gateway:
        return self.running(wanted, lambda: self.fresh_gateway(wanted))

    def fresh_gateway(self, wanted: Wanted) -> AbstractContextManager[Gateway]:
        """One that no other row has asked; it ends with the context."""
        address, beside = self.store(wanted.store)
        cores = self.cores_named(wanted.cores)
        ring = self.token_ring() if wanted.tokens else self.ring
        return gateway_running(wanted, address, beside, ring, self.made("gateway"), cores)

    def token_ring(self) -> Keyring:
        """The ring with keys of access tokens: two of RSA take a second, which most rows can do without."""
        return self.once("token-ring", lambda: self.ring.for_tokens("RS256", os.urandom, time.time()))

    def constant(self) -> Server:
        """The same uvicorn, answering the least that a server can answer."""
        return self.running("constant", self._constant)

    def _constant(self) -> AbstractContextManager[Server]:
        port = free_port()
        argv = [sys.executable, "-m", "bench.constant", str(port)]
        path = {"PYTHONPATH": str(ROOT)}
        ready = lambda: is_listening(port)  # noqa: E731 (it is asked until it is true)
        return running(argv, self.made("constant"), port, self.cores.server, ready, path)

    def redis(self, name: str) -> RedisServer:
        """On the cores of the clients: its time is not the gateway's."""
        return self.running(("redis", name), lambda: self._redis(name))

    @contextmanager
    def _redis(self, name: str) -> Iterator[RedisServer]:
        with pinned(self.cores.load):
            server = RedisServer(self.made(name)).start()
        try:
            yield server
        finally:
            server.stop()

    def store(self, name: str) -> tuple[str, dict[str, int]]:
        """Its address, and the processes behind it. Names begin with `redis` or `sqlite`."""
        if name.startswith("sqlite"):
            return self.once(name, lambda: f"sqlite:{self.made(name) / 'gateway.db'}"), {}
        server = self.redis(name)
        assert server.process is not None
        return server.url, {"redis-server": server.process.pid}

    def cores_named(self, name: str) -> frozenset[int]:
        found: frozenset[int] = getattr(self.cores, name)
        return found

    # Sessions

    def cookies(self, store: str, count: int, **changes: Any) -> tuple[str, ...]:
        """So many sessions of different people in this store; `name=value` for a Cookie line."""
        key = ("cookies", store, count, repr(changes))
        return self.once(key, lambda: self._begun(store, count, changes))

    def _begun(self, store: str, count: int, changes: dict[str, Any]) -> tuple[str, ...]:
        address, _ = self.store(store)
        return sessions_of(address, self.ring, count, changes)

    # Measuring

    def bounds(self, cores: str = "load") -> Bounds:
        return Bounds(self.plan.rounds, self.plan.seconds, self.cores_named(cores), self.folder)

    def measure(self, *sides: Side, cores: str = "load") -> tuple[Measured, ...]:
        """The sides in turn, asked from these cores."""
        return alternate(sides, self.bounds(cores))
