"""CPU that processes have used, and what it is for one of many operations."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

AT_ONCE = 16

Sections: TypeAlias = dict[str, dict[str, float]]
"""The sections of `costs.toml`."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all of its threads; the system counts in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def spent(pids: tuple[int, ...], times: int, work: Awaitable[Any]) -> tuple[float, ...]:
    """Microseconds of each process for each of so many operations."""
    before = [cpu_seconds(pid) for pid in pids]
    await work
    return tuple([(cpu_seconds(pid) - was) / times * 1e6 for pid, was in zip(pids, before, strict=True)])


async def in_turns(work: Callable[[int], Awaitable[Any]], times: int) -> None:
    """So many calls, some of them at once."""
    for first in range(0, times, AT_ONCE):
        await asyncio.gather(*[work(number) for number in range(first, min(first + AT_ONCE, times))])
