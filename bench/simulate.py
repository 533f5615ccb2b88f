"""How many processes, nodes and bytes a traffic needs: the tables of docs/scaling.md, and the simulation behind them.

    .venv/bin/python -m bench.simulate                           simulation and closed form, side by side
    .venv/bin/python -m bench.simulate --table                   all tables, from `bench/scaling/costs.toml`
    .venv/bin/python -m bench.simulate --write docs/scaling.md   the same, between the two marks of that file

Seeded: with the same costs the same text. Runs for some seconds, and needs nothing but the gateway's own code.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.scaling.comparison import compare
from bench.scaling.costs import FILE, read_costs
from bench.scaling.table import tables

FIRST, LAST = (
    "<!-- tables: python -m bench.simulate --write docs/scaling.md -->",
    "<!-- end of the tables -->",
)


def between(page: str, text: str) -> str:
    """The page with `text` between its two marks. Raises `ValueError` where it has not exactly one of each."""
    if page.count(FIRST) != 1 or page.count(LAST) != 1:
        raise ValueError(f"the page needs one line {FIRST!r} and one {LAST!r}")
    before, _, rest = page.partition(FIRST)
    _, _, after = rest.partition(LAST)
    return f"{before}{FIRST}\n\n{text}\n\n{LAST}{after}"


def all_tables(file: Path) -> str:
    """The tables, from the costs in this file."""
    costs = read_costs(file)
    return tables(costs, compare(costs))


def print_comparison(file: Path) -> None:
    """Each scene when it is done: what the simulation counted, and what the closed form says."""
    for scene, counted, estimated in compare(read_costs(file)):
        print(scene.name, flush=True)
        print("  simulated", counted)
        print("  estimated", estimated)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--costs", type=Path, default=FILE, help="measured costs; as bench/scaling/costs.toml"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--table", action="store_true", help="print the tables")
    what.add_argument("--write", type=Path, metavar="PAGE", help="write the tables into this page")
    chosen = parser.parse_args(arguments)
    if chosen.table:
        print(all_tables(chosen.costs))
    elif chosen.write:
        page = chosen.write.read_text("utf-8")
        chosen.write.write_text(between(page, all_tables(chosen.costs)), "utf-8")
    else:
        print_comparison(chosen.costs)


if __name__ == "__main__":
    main()
