"""The closed form held against the simulation: the same population, the same costs, side by side."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from bench.scaling.costs import Costs
from bench.scaling.estimate import Demand, Load, cores_of, redis_of
from bench.scaling.population import Population
from bench.scaling.rates import CACHE_TTL, Memory, rates
from bench.scaling.world import Seen, World

SESSIONS = 400
WARM, SECONDS = 240.0, 240.0
SEED = 5

PEOPLE = Population(token=300.0, life=14_400.0, logouts=1.0, peak=1.0, signed_in=1.0)
"""Short tokens and short sessions, so that a few minutes see enough refreshes and ends."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Processes, how checks are dealt to them, and what each can remember: how many sessions, for how many seconds."""

    processes: int
    affinity: bool = False
    remembered: float = math.inf
    cache_ttl: float = CACHE_TTL

    @property
    def memory(self) -> Memory:
        return Memory(self.cache_ttl, self.remembered)

    @property
    def name(self) -> str:
        """As a row of a table says it."""
        dealt = "affinity" if self.affinity else "in turns"
        words = ["1 process"] if self.processes == 1 else [f"{self.processes} processes", dealt]
        if self.remembered < math.inf:
            words.append(f"memory for {self.remembered:.0f} sessions")
        if self.cache_ttl != CACHE_TTL:
            words.append(f"`cache_ttl: {self.cache_ttl:.0f}s`")
        return ", ".join(words)


SCENES = (
    Scene(1),
    Scene(4),
    Scene(32),
    Scene(32, affinity=True),
    Scene(4, cache_ttl=30.0),
    Scene(1, remembered=50),
    Scene(1, remembered=30),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What both say of a scene; all but the share are in a second, the last two in cores."""

    hit_share: float
    touches: float
    refreshes: float
    notices: float
    cores: float
    redis_cores: float


Compared: TypeAlias = tuple[Scene, Outcome, Outcome]
"""A scene, what the simulation saw, and what the closed form says."""


def compare(costs: Costs) -> Iterator[Compared]:
    """Each scene with what the simulation saw, and what the closed form says."""
    for scene in SCENES:
        yield scene, simulated(scene, costs), estimated(scene, costs)


def simulated(scene: Scene, costs: Costs) -> Outcome:
    return outcome_of(scene, seen(scene), costs)


def seen(scene: Scene) -> Seen:
    """The scene, event by event; the same each time."""
    random = Random(SEED)  # noqa: S311 (a simulation, repeatable on purpose)
    world = World(PEOPLE, SESSIONS, scene.processes, scene.affinity, scene.memory, random)
    return world.run(WARM, SECONDS)


def outcome_of(scene: Scene, found: Seen, costs: Costs) -> Outcome:
    """What was counted, weighed by what each costs."""
    gateway, redis = costs.gateway, costs.redis
    busy = (
        (found.checks - found.cold) * gateway.cached
        + found.cold * gateway.cold
        + found.refreshes * gateway.refresh
        + found.logins * gateway.login
        + found.notices * gateway.notice * scene.processes
    )
    stored = (
        found.cold * redis.cold
        + found.touches * redis.touch
        + found.refreshes * redis.refresh
        + found.logins * redis.login
        + found.notices * (redis.publish + redis.deliver * scene.processes)
        + found.seconds * scene.processes * (redis.publish + redis.deliver)
    )
    counted = (found.touches, found.refreshes, found.notices, busy / 1e6, stored / 1e6)
    return Outcome(found.hit_share, *[count / found.seconds for count in counted])


def estimated(scene: Scene, costs: Costs) -> Outcome:
    """The scene by the closed form."""
    pages = SESSIONS / PEOPLE.pause
    dealt = 1 if scene.affinity else scene.processes
    each = pages * (1 / scene.processes if scene.affinity else PEOPLE.reaches(scene.processes))
    found = rates(PEOPLE, dealt, scene.memory, each)
    logins = SESSIONS / PEOPLE.life
    notices = pages * found.refresh + logins * PEOPLE.logouts
    load = Load(PEOPLE, SESSIONS, pages, found, logins, notices)
    demand = Demand(pages * PEOPLE.checks, SESSIONS, scene.affinity)
    cores = cores_of(load, demand, costs, scene.processes)
    return Outcome(
        load.hit_share,
        pages * found.touch,
        pages * found.refresh,
        notices,
        cores,
        sum(redis_of(load, costs, scene.processes)),
    )
