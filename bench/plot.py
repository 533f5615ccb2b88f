"""Two figures out of a run's JSON: latency over load, and cost over size. Needs matplotlib (group `bench`).

python -m bench.plot build/bench/<time>.json [--to docs/performance]
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

INK = "#7d8590"
"""A grey that can be read on white and on black; the ground is left open."""
COLOURS = ("#2f81f7", "#d9822b", "#2da44e", "#a371f7", "#cf5c78")
LATENCIES = {"p50_ms": "p50", "p99_ms": "p99", "p999_ms": "p99.9"}
COSTS = {
    "rules": "rules",
    "head ": "bytes of the head",
    "groups": "groups",
    "sessions": "sessions in Redis",
}
"""How the names of rows begin, and what their sizes are."""

Row = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.plot", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--to", type=Path, default=Path("docs/performance"))
    arguments = parser.parse_args()
    rows: list[Row] = json.loads(arguments.run.read_text())["rows"]
    arguments.to.mkdir(parents=True, exist_ok=True)
    plt.rcParams.update(_style())
    draw_latency(rows, arguments.to / "latency.svg")
    draw_cost(rows, arguments.to / "cost.svg")


def _style() -> dict[str, Any]:
    greys = (
        "text.color",
        "axes.labelcolor",
        "axes.edgecolor",
        "axes.titlecolor",
        "xtick.color",
        "ytick.color",
    )
    return {
        **dict.fromkeys(greys, INK),
        "svg.hashsalt": "bench",  # the same run gives the same file
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": INK,
        "grid.alpha": 0.25,
        "axes.grid": True,
        "legend.frameon": False,
    }


def draw_latency(rows: Sequence[Row], file: Path) -> None:
    """Percentiles over the number of connections, of the row that has them."""
    sides = _sides(_named(rows, "connections"))
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for (key, label), colour in zip(LATENCIES.items(), COLOURS, strict=False):
        axes.plot(_sizes(sides), _medians(sides, key), "o-", color=colour, label=label)
    axes.set(xscale="log", yscale="log", xlabel="connections", ylabel="milliseconds")
    axes.set_title("Latency of a cached check, one core under full load")
    axes.legend()
    _save(figure, file)


def draw_cost(rows: Sequence[Row], file: Path) -> None:
    """CPU of one check over the size of what grows, a panel for each thing."""
    panels = [(label, _all(rows, start)) for start, label in COSTS.items() if _all(rows, start)]
    figure, axes = plt.subplots(
        1, len(panels), figsize=(3 * len(panels), 3.2), layout="constrained", squeeze=False
    )
    for place, (label, found) in zip(axes[0], panels, strict=True):
        for row, colour in zip(found, COLOURS, strict=False):
            _draw_cost(place, row, colour)
        place.set(xlabel=label, xscale="symlog" if _sizes(_sides(found[0]))[0] == 0 else "log")
        place.set_ylim(bottom=0)
        place.legend()
    axes[0][0].set_ylabel("µs of CPU for one check")
    _save(figure, file)


def _draw_cost(place: Any, row: Row, colour: str) -> None:
    sides = _sides(row)
    low, high = ([side["cpu_us"][end] for side in sides] for end in ("low", "high"))
    label = "cold" if "cold" in row["name"] else "cached"
    place.plot(_sizes(sides), _medians(sides, "cpu_us"), "o-", color=colour, label=label)
    place.fill_between(_sizes(sides), low, high, color=colour, alpha=0.15, linewidth=0)


def _save(figure: Any, file: Path) -> None:
    figure.savefig(file, transparent=True, metadata={"Date": None})
    plt.close(figure)


def _all(rows: Sequence[Row], start: str) -> list[Row]:
    return [row for row in rows if row["name"].startswith(start) and len(_sides(row)) > 1]


def _named(rows: Sequence[Row], start: str) -> Row:
    """Raises `SystemExit` where the run has no such row."""
    found = _all(rows, start)
    if not found:
        raise SystemExit(f"this run has no row about {start}: run the group growth")
    return found[0]


def _sides(row: Row) -> list[dict[str, Any]]:
    """Those that have a size."""
    return [side for side in row["sides"] if side["size"] is not None]


def _sizes(sides: Sequence[Mapping[str, Any]]) -> list[float]:
    return [float(side["size"]) for side in sides]


def _medians(sides: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    return [float(side[key]["median"]) for side in sides]


if __name__ == "__main__":
    main()
