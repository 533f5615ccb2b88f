"""What a run leaves: one JSON document, and the table that is printed at its end."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.row import Measured, Result, Row, holds

VERSION = 1
_LATENCIES = ("p50_ms", "p99_ms", "p999_ms")


@dataclass(frozen=True, slots=True)
class Line:
    """A row and what became of it: a result, a reason why it could not run, or what went wrong."""

    row: Row
    result: Result | None = None
    skipped: str = ""
    failed: str = ""

    def short(self) -> str:
        """For the progress."""
        if self.result is None:
            return (
                f"skipped: {self.skipped}" if self.skipped else f"FAILED: {self.failed.splitlines()[0][:100]}"
            )
        return f"{figure(self.result.value.median)} {self.result.unit}{_verdict(self)}"


def document(
    begun: str, facts: Mapping[str, Any], plan: Mapping[str, Any], lines: Sequence[Line]
) -> dict[str, Any]:
    """Everything that was measured. `bench.plot` and docs/performance.md read it."""
    return {
        "version": VERSION,
        "begun": begun,
        "machine": dict(facts),
        "plan": dict(plan),
        "rows": [_entry(line) for line in lines],
    }


def _entry(line: Line) -> dict[str, Any]:
    row, result = line.row, line.result
    return {
        "name": row.name,
        "group": row.group,
        "ours": row.ours,
        "against": row.against,
        "budget": asdict(row.budget) if row.budget else None,
        "value": asdict(result.value) if result else None,
        "unit": result.unit if result else "",
        "holds": holds(row, result) if result else None,
        "note": result.note if result else "",
        "sides": [_side(side) for side in result.sides] if result else [],
        "skipped": line.skipped,
        "failed": line.failed,
    }


def _side(side: Measured) -> dict[str, Any]:
    names = ("cpu_us", "per_second", *_LATENCIES)
    return {
        "label": side.label,
        "size": side.size,
        **{name: asdict(side.spread(name)) for name in names},
        "samples": [asdict(sample) for sample in side.samples],
    }


# The table


def table(lines: Sequence[Line]) -> str:
    """Ratios with their spread, budgets, and what both sides cost; then the notes."""
    head = ("", "value", "low … high", "budget", "", "ours µs", "base µs", "ours /s", "p50/p99/p99.9 ms")
    cells: list[Sequence[str]] = [head]
    group = ""
    for line in lines:
        if line.row.group != group:
            group = line.row.group
            cells.append((f"— {group} —", *[""] * (len(head) - 1)))
        cells.append(_cells(line))
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    text = [_padded(row, widths) for row in cells]
    notes = [f"  {line.row.name}: {line.result.note}" for line in lines if line.result and line.result.note]
    return "\n".join([*text, *(["", "Notes", *notes] if notes else [])])


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = [
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join([first, *rest]).rstrip()


def _cells(line: Line) -> Sequence[str]:
    row, result = line.row, line.result
    if result is None:
        return (f"{row.name}: {line.short()}", *[""] * 8)
    value = result.value
    shown = (f"{figure(value.median)} {result.unit}", f"{figure(value.low)} … {figure(value.high)}")
    budget = (str(row.budget) if row.budget else "", _verdict(line).strip())
    return (row.name, *shown, *budget, *_costs(result))


def _costs(result: Result) -> Sequence[str]:
    if not result.sides:
        return ("", "", "", "")
    base, ours = result.sides[0], result.sides[-1]
    latency = "/".join([figure(ours.spread(name).median) for name in _LATENCIES])
    cpu = [f"{side.spread('cpu_us').median:.1f}" for side in (ours, base)]
    return (*cpu, f"{ours.spread('per_second').median:.0f}", latency)


def _verdict(line: Line) -> str:
    held = holds(line.row, line.result) if line.result else None
    return "" if held is None else (" holds" if held else " over")


def figure(value: float) -> str:
    """Three digits that mean something."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
