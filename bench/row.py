"""A row of the bench: what runs, what it is held against, the budget; and what came out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bench.sample import Sample, Spread, spread_of

TIMES = "×"  # noqa: RUF001 (the sign of a ratio)


class Absent(Exception):
    """A row that cannot run on this machine, and why."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a value should not be above, or below, in the unit of its row."""

    at_most: float | None = None
    at_least: float | None = None

    def holds(self, value: float) -> bool:
        above = self.at_most is not None and value > self.at_most
        return not above and not (self.at_least is not None and value < self.at_least)

    def __str__(self) -> str:
        sides = (("≤", self.at_most), ("≥", self.at_least))
        return " ".join([f"{sign} {bound:g}" for sign, bound in sides if bound is not None])


@dataclass(frozen=True, slots=True)
class Measured:
    """One side of a row. `size` is where it stands in a row of growth: rules, bytes or connections."""

    label: str
    samples: tuple[Sample, ...]
    size: float | None = None

    def spread(self, figure: str) -> Spread:
        return spread_of([float(getattr(sample, figure)) for sample in self.samples])


@dataclass(frozen=True, slots=True)
class Result:
    """What a row found. `value` is what the budget speaks of, in `unit`; `note` what a reader should know."""

    value: Spread
    unit: str
    sides: tuple[Measured, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """`measure` is given the laboratory; it may raise `Absent`."""

    name: str
    group: str
    ours: str
    against: str
    measure: Callable[[Any], Result]
    budget: Budget | None = None


def ratio_of(ours: Measured, against: Measured, figure: str, note: str = "") -> Result:
    """The median of the ratios of each round: what disturbs a round disturbs both of its sides."""
    rounds = zip(ours.samples, against.samples, strict=True)
    ratios = [float(getattr(b, figure)) / float(getattr(a, figure)) for b, a in rounds]
    return Result(spread_of(ratios), TIMES, (against, ours), note)


def growth_of(points: Iterable[Measured], figure: str, note: str = "") -> Result:
    """The last size beside the first, in each round."""
    sides = tuple(points)
    found = ratio_of(sides[-1], sides[0], figure, note)
    return Result(found.value, found.unit, sides, note)


def single(values: Iterable[float], unit: str, note: str = "") -> Result:
    return Result(spread_of(values), unit, (), note)


def holds(row: Row, result: Result) -> bool | None:
    """`None` where there is no budget."""
    return row.budget.holds(result.value.median) if row.budget else None
