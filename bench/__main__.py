"""python -m bench: run the rows that are wanted, one after the other, and say what each found."""

import argparse
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from types import FrameType

from bench.cores import cores_of
from bench.groups import GROUPS
from bench.lab import Lab, Plan
from bench.machine import facts, missing_programs
from bench.report import Line, document, table
from bench.row import Absent, Row
from bench.size import SIZES, Size
from tests.kit.real_gateway import ROOT


def main() -> int:
    """0, or 1 where a row could not be measured, or 2 where the bench could not begin. Budgets judge nothing."""
    arguments = _arguments()
    rows = wanted_rows(arguments.rows, arguments.names, SIZES[arguments.size])
    missing = missing_programs()
    if missing or not rows:
        print(missing or "no row has such a name", file=sys.stderr)
        return 2
    if arguments.list:
        print("\n".join([f"{row.group:8} {row.name}" for row in rows]))
        return 0
    signal.signal(signal.SIGTERM, _ended)
    known = facts(ROOT)
    cores = cores_of(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores.load)  # what the bench does itself is not to disturb what it measures
    begun = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    plan = Plan(arguments.rounds, arguments.seconds, SIZES[arguments.size], cores)
    lines: list[Line] = []
    try:
        run(rows, plan, lines)
    except KeyboardInterrupt:
        print("\nended early", flush=True)
    shape = {"rounds": plan.rounds, "seconds": plan.seconds, "size": plan.size.name, "rows": len(rows)}
    told = document(begun, known, shape, lines)
    file = Path(arguments.out or ROOT / "build" / "bench" / f"{begun}.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    print(f"\n{table(lines)}\n\n{file}")
    return 1 if any(line.failed for line in lines) or len(lines) < len(rows) else 0


def run(rows: Sequence[Row], plan: Plan, lines: list[Line]) -> None:
    """Each group in a laboratory of its own; `lines` gets one for each row, as soon as it is known."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for group, members in groupby(rows, key=lambda row: row.group):
            home = Path(folder) / group
            home.mkdir()
            with Lab(plan, home) as lab:
                for row in members:
                    print(f"[{len(lines) + 1}/{len(rows)}] {row.group}: {row.name}", end=" … ", flush=True)
                    lines.append(measured(row, lab))
                    print(lines[-1].short(), flush=True)


def measured(row: Row, lab: Lab) -> Line:
    """A row that fails does not take the others along."""
    try:
        return Line(row, row.measure(lab))
    except Absent as reason:
        return Line(row, skipped=str(reason))
    except Exception as error:  # noqa: BLE001 - a bench is many programs, each with its own way to fail
        traceback.print_exc()
        return Line(row, failed=f"{type(error).__name__}: {error}")


def wanted_rows(groups: str, names: str, size: Size) -> tuple[Row, ...]:
    """The rows of the named groups (all, where none is named) whose name holds one of the words of `names`."""
    chosen = [name for name in groups.split(",") if name] or list(GROUPS)
    unknown = [name for name in chosen if name not in GROUPS]
    if unknown:
        raise SystemExit(f"no such rows: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    words = [word.strip() for word in names.split(";") if word.strip()]
    every = [row for name in GROUPS if name in chosen for row in GROUPS[name](size)]
    return tuple([row for row in every if not words or any(word in row.name for word in words)])


def _ended(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the form of a handler)
    raise KeyboardInterrupt


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", default="", help=f"groups, by commas: {', '.join(GROUPS)}")
    parser.add_argument("--names", default="", help="parts of rows' names, by semicolons")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=1, help="whole seconds of one run of wrk")
    parser.add_argument("--size", choices=tuple(SIZES), default="usual")
    parser.add_argument("--out", help="the JSON file; build/bench/<time>.json by default")
    parser.add_argument("--list", action="store_true", help="print the rows, and run none")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
