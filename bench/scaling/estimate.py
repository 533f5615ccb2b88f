"""What a traffic needs, in closed form: processes of the gateway, nodes and memory of Redis."""

import math
from bisect import bisect_left
from dataclasses import dataclass, replace

from bench.scaling.costs import Costs
from bench.scaling.population import Population
from bench.scaling.rates import CACHE_TTL, Rates, memory_of, rates

GATEWAY_SHARE = 0.6
"""Of a core that a process may use on average: what is left is for bursts, and for the loss of a replica."""

REDIS_SHARE = 0.5
"""Of the one core that a redis-server can use: a failover sends it everybody at once."""

NODE_BYTES = 16e9
"""Of sessions on one node of Redis, at most: a copy for a new replica takes minutes, and memory for what changes."""

BUSIEST = 10.0
"""Checks of one session in a second, beyond which nobody speaks of people any more."""

MOST_PROCESSES = 300
"""Of one deployment: each may open 34 connections to each node of Redis, which takes 10 000 by default."""

MOST_PARTS = 64

LOGIN_PAGES = 0.1
"""Of all pages that are opened, the share before which there was a login, at most: who signs in looks at something."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Checks in a second, and sessions that live; whether the balancer keeps a session at one process.

    `cache_ttl` is the gateway's setting, in seconds.
    """

    checks: float
    sessions: float
    affinity: bool = True
    cache_ttl: float = CACHE_TTL


@dataclass(frozen=True, slots=True)
class Load:
    """What a demand is made of, in a second; `active` are the sessions at work, of `people` with just these pauses."""

    people: Population
    active: float
    pages: float
    rates: Rates
    logins: float
    notices: float

    @property
    def cold(self) -> float:
        """Cold checks in a second."""
        return self.pages * self.rates.cold

    @property
    def refreshes(self) -> float:
        """Token requests at the provider in a second."""
        return self.pages * self.rates.refresh

    @property
    def hit_share(self) -> float:
        """Of the checks that carry a session: how many need no store."""
        return 1 - self.rates.cold / self.people.checks


@dataclass(frozen=True, slots=True)
class Need:
    """What a demand needs. `cores` and `redis_cores` are what is busy on average, `processes` and `nodes` what to have.

    `bus` is the share of `redis_cores` that notices take, on the one node that carries them. `parts` is the number of
    deployments of their own, each with its store, that all of it is divided among.
    """

    load: Load
    cores: float
    processes: int
    redis_cores: float
    bus: float
    nodes: int
    redis_bytes: float
    parts: int = 1


def active_people(demand: Demand, people: Population) -> tuple[Population, float]:
    """Who makes the checks of a demand: the people with their pauses, and how many of them are at work.

    Where there are fewer sessions than it takes, all of them are at work, and pause less.
    """
    pages = demand.checks * people.signed_in / people.checks
    active = min(demand.sessions, pages * people.pause)
    return replace(people, pause=active / pages), active


def load_of(demand: Demand, people: Population, costs: Costs, processes: int) -> Load:
    """What so many processes have to do for a demand."""
    people, active = active_people(demand, people)
    pages = active / people.pause
    dealt = 1 if demand.affinity else processes
    # A page reaches a share of the processes; with affinity one of them.
    each = pages * (1 / processes if demand.affinity else people.reaches(processes))
    found = rates(people, dealt, memory_of(costs.bytes.cached, demand.cache_ttl), each)
    logins = min(demand.sessions / people.life * people.peak, pages * LOGIN_PAGES)
    notices = pages * found.refresh + logins * people.logouts
    return Load(people, active, pages, found, logins, notices)


def cores_of(load: Load, demand: Demand, costs: Costs, processes: int) -> float:
    """Cores of the gateway that are busy."""
    one = costs.gateway
    signed_in = demand.checks * load.people.signed_in
    micros = (
        (demand.checks - signed_in) * one.anonymous
        + (signed_in - load.cold) * one.cached
        + load.cold * one.cold
        + load.refreshes * one.refresh
        + load.logins * one.login
        + load.notices * one.notice * processes
    )
    return micros / 1e6


def redis_of(load: Load, costs: Costs, processes: int) -> tuple[float, float]:
    """Cores of Redis that are busy: with all that can be divided among nodes, and with the bus, which cannot."""
    one = costs.redis
    divided = (
        load.cold * one.cold
        + load.pages * load.rates.touch * one.touch
        + load.refreshes * one.refresh
        + load.logins * one.login
    )
    # A heartbeat of each process in each second is published, and heard by that process alone.
    bus = load.notices * (one.publish + one.deliver * processes) + processes * (one.publish + one.deliver)
    return divided / 1e6, bus / 1e6


def need(demand: Demand, people: Population, costs: Costs) -> Need | None:
    """The least that carries a demand; `None` where its sessions would ask more often than people do."""
    if demand.checks * people.signed_in / demand.sessions > BUSIEST:
        return None
    for parts in range(1, MOST_PARTS + 1):
        share = replace(demand, checks=demand.checks / parts, sessions=demand.sessions / parts)
        found = _need_of_one(share, people, costs)
        if found is not None:
            return _times(found, parts)
    return None


def _need_of_one(demand: Demand, people: Population, costs: Costs) -> Need | None:
    """The least of one deployment; `None` where a single one cannot carry it."""

    def enough(processes: int) -> bool:
        load = load_of(demand, people, costs, processes)
        return cores_of(load, demand, costs, processes) <= processes * GATEWAY_SHARE

    # One to lose. Of more processes each does less: what is enough once is enough from there on.
    numbers = range(2, MOST_PROCESSES + 1)
    at = bisect_left(numbers, True, key=enough)
    return _with_redis(demand, people, costs, numbers[at]) if at < len(numbers) else None


def _with_redis(demand: Demand, people: Population, costs: Costs, processes: int) -> Need | None:
    load = load_of(demand, people, costs, processes)
    cores = cores_of(load, demand, costs, processes)
    divided, bus = redis_of(load, costs, processes)
    stored = demand.sessions * costs.bytes.session
    if bus >= REDIS_SHARE:
        return None
    # The node of the bus has to have room for its slots beside it.
    nodes = nodes_for(max(divided / (REDIS_SHARE - bus), stored / NODE_BYTES))
    return Need(load, cores, processes, divided + bus, bus, nodes, stored)


def nodes_for(loads: float) -> int:
    """Nodes of Redis for what fills so many: one, or a cluster, which begins with three."""
    least = max(1, math.ceil(loads))
    return least if least == 1 else max(3, least)


def _times(one: Need, parts: int) -> Need:
    if parts == 1:
        return one
    return replace(
        one,
        cores=one.cores * parts,
        processes=one.processes * parts,
        redis_cores=one.redis_cores * parts,
        nodes=one.nodes * parts,
        redis_bytes=one.redis_bytes * parts,
        parts=parts,
    )
