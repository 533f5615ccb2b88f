"""Measure what `costs.toml` holds: a real gateway, a real redis-server and a scripted provider on loopback.

    .venv/bin/python -m bench.scaling.measure

Prints the sections of `costs.toml`, which somebody then puts there: medians of three rounds, two minutes in all. A cost
is the user and system time of one process, as the operating system accounts for it, over the number of operations; what
the load itself costs is not in it. Needs `wrk` and `redis-server`.
"""

import asyncio
import statistics
import tempfile
from pathlib import Path

from bench.scaling.gateway_side import gateway_costs
from bench.scaling.redis_side import redis_costs
from bench.scaling.spent import Sections

ROUNDS = 3


async def measured(folder: Path) -> Sections:
    """Every cost, once. `folder` is there, and empty."""
    sections = await gateway_costs(folder)
    for name, costs in (await redis_costs(folder)).items():
        sections[name] |= costs
    return sections


async def main() -> None:
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            print(f"# round {number + 1} of {ROUNDS}", flush=True)
            rounds.append(await measured(Path(tempfile.mkdtemp(dir=folder))))
    for section, costs in rounds[0].items():
        print(f"\n[{section}]")
        for cost in costs:
            seen = [one[section][cost] for one in rounds]
            print(f"{cost} = {statistics.median(seen):.1f}  # {min(seen):.1f} to {max(seen):.1f}")


if __name__ == "__main__":
    asyncio.run(main())
