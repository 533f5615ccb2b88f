"""Which processor runs what, and how much time of it a process took, with all of its children."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cores:
    """`server` runs what is measured, `second` what is to have a core of its own beside it, `load` the clients."""

    server: frozenset[int]
    second: frozenset[int]
    load: frozenset[int]

    @property
    def everything(self) -> frozenset[int]:
        return self.server | self.second | self.load


def cores_of(available: Iterable[int]) -> Cores:
    """With two cores the load generator shares the second one; with one, everything is on it."""
    known = sorted(available)
    return Cores(frozenset(known[:1]), frozenset(known[1:2] or known[:1]), frozenset(known[2:] or known[-1:]))


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """What is started inside runs on these cores alone, with every thread and child of it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of these processes and all that descend from them."""
    return sum(_ticks(pid) for pid in family(roots)) / _TICKS


def resident_mb(roots: Iterable[int]) -> float:
    """Resident memory, in megabytes of 10⁶ bytes; pages that are shared count for each process."""
    return sum(_resident(pid) for pid in family(roots)) * 1024 / 1e6


def family(roots: Iterable[int]) -> set[int]:
    """The processes and all of their descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(stat)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    known: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        known.add(pid)
        waiting += children.get(pid, [])
    return known


def _fields(stat: Path) -> list[str]:
    """What stands behind the name, which may hold spaces and brackets; nothing where the process has ended."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _ticks(pid: int) -> int:
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return int(fields[11]) + int(fields[12]) if fields else 0


def _resident(pid: int) -> int:
    """In kibibytes."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0
