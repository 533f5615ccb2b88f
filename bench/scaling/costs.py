"""Measured costs, as `costs.toml` holds them: CPU in microseconds, memory in bytes."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("costs.toml")


@dataclass(frozen=True, slots=True)
class GatewayCosts:
    """CPU of a gateway process for one of each. `cached`, `anonymous` and `cold` are whole checks."""

    cached: float
    anonymous: float
    cold: float
    login: float
    refresh: float
    notice: float


@dataclass(frozen=True, slots=True)
class RedisCosts:
    """CPU of redis-server for one of each. A notice costs `publish`, and `deliver` for each process that hears it."""

    cold: float
    touch: float
    login: float
    refresh: float
    publish: float
    deliver: float


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes: a session in Redis with all its keys, one in the cache of a process, a process without them."""

    session: float
    cached: float
    process: float


@dataclass(frozen=True, slots=True)
class Costs:
    """All of them, and the machine that they were measured on."""

    machine: str
    gateway: GatewayCosts
    redis: RedisCosts
    bytes: Weights


def read_costs(file: Path = FILE) -> Costs:
    """The committed costs. Raises `TypeError` where one is missing, or nobody knows it."""
    found = tomllib.loads(file.read_text("utf-8"))
    return Costs(
        machine=str(found["measured"]["machine"]),
        gateway=GatewayCosts(**found["gateway"]),
        redis=RedisCosts(**found["redis"]),
        bytes=Weights(**found["bytes"]),
    )
