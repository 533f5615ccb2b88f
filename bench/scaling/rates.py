"""How often a session costs more than a memory, in closed form: cold checks, notes of activity, refreshes.

All three are one question: how many pages of a session pass after an event before the first one that causes the next
event? With m(t), the pages expected within t seconds after a page, that is one page in 1 + m(t). For cold checks t is
the life of a memory; a page that is dealt to `n` processes reaches each with the chance s, and costs n s / (1 + s m(t)).
"""

import math
from dataclasses import dataclass

from bench.scaling.population import Population
from gateway.sessions.cache import CAPACITY
from gateway.sessions.schedule import AHEAD, AHEAD_SHARE
from gateway.sessions.sessions import TOUCH_EVERY
from gateway.settings.model import Sessions as Limits

CACHE_TTL = Limits().cache_ttl

FLIGHT = 0.1
"""Seconds that a provider takes for new tokens; until they are there nobody remembers the session."""


@dataclass(frozen=True, slots=True)
class Rates:
    """For each page of a session: how many cold checks, notes of activity and refreshes."""

    cold: float
    touch: float
    refresh: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process may remember: for so many seconds (none, or at least as long as a page takes), of so many sessions."""

    seconds: float = CACHE_TTL
    sessions: float = math.inf


def memory_of(cached_bytes: float, seconds: float = CACHE_TTL) -> Memory:
    """The cache as it is, for sessions of this weight."""
    return Memory(seconds, CAPACITY / cached_bytes)


def rates(people: Population, processes: int, memory: Memory, pages: float) -> Rates:
    """Of a page that is dealt to so many processes, where each of them sees so many pages in a second.

    With affinity that is one process. `pages` counts for the bound of the memory.
    """
    touch = 1 / (1 + people.pages_within(TOUCH_EVERY))
    refresh = 1 / (1 + people.pages_within(people.token - min(AHEAD, AHEAD_SHARE * people.token)))
    if memory.seconds <= 0:
        return Rates(people.checks, touch, refresh)
    reached = processes * people.reaches(processes)
    checks = people.checks / reached
    unused = _forgotten_after(people, checks, memory, pages)
    others = people.reaches(processes) * people.pages_within(min(_whole(people, checks, memory), unused))
    cold = reached * (1 / (1 + others) + _forgotten_within(people, checks, unused))
    # A note of activity makes those look again who remember the session from the page before, and so does a commit: half
    # a life early, on average. And until a commit is written, whoever has seen its page does not remember it either.
    remembering = reached * others / (1 + others) / 2
    waiting = (1 + (people.checks - 1) * FLIGHT / people.page) * (1 - 1 / checks)
    cold += touch * remembering + refresh * (remembering + waiting)
    return Rates(min(cold, people.checks), touch, refresh)


def _whole(people: Population, checks: float, memory: Memory) -> float:
    """Seconds in which another page must begin to be answered from memory whole: until its last check."""
    return max(memory.seconds - people.page * (checks - 1) / (checks + 1), 0.0)


def _forgotten_after(people: Population, checks: float, memory: Memory, pages: float) -> float:
    """Seconds after which a full memory has forgotten a session that was not used (Che et al., 2002).

    As long as it takes until as many others as fit were used: those whose pages begin, and those of pages under way.
    """
    if memory.sessions == math.inf or pages <= 0:
        return math.inf
    low, high = 0.0, memory.sessions / pages
    for _ in range(40):
        middle = (low + high) / 2
        quiet, end = math.exp(-middle / people.page), 1 / checks
        under_way = people.page * (1 - quiet * end / (1 - (1 - end) * quiet))
        low, high = (middle, high) if pages * (middle + under_way) < memory.sessions else (low, middle)
    return high


def _forgotten_within(people: Population, checks: float, unused: float) -> float:
    """How many checks of a page find that the memory has been lost since the one before: the page has been too slow."""
    quiet, end = math.exp(-unused / people.page), 1 / checks
    return end * (1 - end) * quiet**2 / (1 - (1 - end) * quiet) ** 2
