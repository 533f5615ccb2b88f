"""What a session weighs in Redis: all of its keys, by the memory that the server says it uses."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.gateways import PROVIDERS, begin_all, sessions_in
from bench.lab import Lab
from bench.row import Budget, Result, Row, single
from gateway.identity.identity import Identity
from gateway.sessions.sealing import Sealing
from gateway.sessions.session import Grant
from tests.kit.real_gateway import alice
from tests.kit.redis_server import RedisServer

WARM = 64
"""Sessions that are there before the first look."""


def weigh(count: int) -> Row:
    name = f"a reference session of 3 kB in Redis, of {count}: bytes beyond 1.3 times its plaintext"
    measure = partial(_weigh, count=count)
    return Row(name, "growth", "all of its keys", "1.3 times its plaintext", measure, Budget(at_most=1_300))


def _weigh(lab: Lab, count: int) -> Result:
    server = lab.redis("redis-weight")
    asyncio.run(_begin(server.url, lab, WARM))  # scripts, and the server's own tables
    before = used_memory(server)
    with plaintexts() as seen:
        asyncio.run(_begin(server.url, lab, count, WARM))
    each, plain = (used_memory(server) - before) / count, sum(seen) / count
    note = f"{each:.0f} B of plaintext {plain:.0f} B, by the difference of used_memory"
    return single([each - 1.3 * plain], "B", note)


async def _begin(address: str, lab: Lab, count: int, first: int = 0) -> None:
    now, numbers = int(time.time()), range(first, first + count)
    async with sessions_in(address, lab.ring) as sessions:
        await begin_all(sessions, [(_person(i), _grant(now)) for i in numbers])


def _person(number: int) -> Identity:
    return alice(PROVIDERS, subject=f"p-{number}", user=f"person-{number}", groups=("staff", "a,b"))


def _grant(now: int) -> Grant:
    """Tokens as long as a provider's."""
    return Grant(
        provider="test", access_token="a" * 1200, id_token="i" * 1000, refresh_token="r" * 400,
        begun=now, expires=now + 3600,
    )  # fmt: skip


@contextmanager
def plaintexts() -> Iterator[list[int]]:
    """The lengths of what is sealed meanwhile."""
    sizes: list[int] = []
    sealed = Sealing._seal  # noqa: SLF001 (there is no other place where the plaintext is one piece)

    def seal(self: Sealing, ticket: Any, sid: str, kind: Any, payload: Any) -> bytes:
        sizes.append(len(json.dumps(payload, separators=(",", ":"))))
        return sealed(self, ticket, sid, kind, payload)

    Sealing._seal = seal  # type: ignore[method-assign]  # noqa: SLF001
    try:
        yield sizes
    finally:
        Sealing._seal = sealed  # type: ignore[method-assign]  # noqa: SLF001


def used_memory(server: RedisServer) -> int:
    """Bytes, without those that connections take."""
    said: bytes = server.ask("INFO", "memory")
    told = dict(line.split(b":", 1) for line in said.splitlines() if b":" in line)
    return int(told[b"used_memory"]) - int(told[b"mem_clients_normal"])
