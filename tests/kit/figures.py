"""Figures: what a live test measured, for people to read. No test judges them.

    def test_something(figure):
        figure("provider delay 800 ms, slowest answer", 0.83, "s")

They are printed at the end of a run, and stand in its JUnit report as properties of the test. Where the environment
names a folder in GATEWAY_FIGURES, they are also added to `figures.json` there.
"""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

NAME = "figure"
FOLDER = "GATEWAY_FIGURES"

Figure = Callable[[str, float, str], None]


@pytest.fixture
def figure(record_property: Callable[[str, object], None], request: pytest.FixtureRequest) -> Figure:
    """Notes what was measured, its value and its unit."""

    def note(what: str, value: float, unit: str) -> None:
        entry = {"test": request.node.nodeid, "what": what, "value": round(value, 4), "unit": unit}
        record_property(NAME, json.dumps(entry))

    return note


def pytest_terminal_summary(terminalreporter: Any) -> None:
    found = figures_of(report for reports in terminalreporter.stats.values() for report in reports)
    if not found:
        return
    terminalreporter.section("figures")
    for line in table(found):
        terminalreporter.write_line(line)
    folder = os.environ.get(FOLDER)
    if folder:
        keep(Path(folder), found)


def figures_of(reports: Iterable[Any]) -> list[dict[str, Any]]:
    """The figures of these reports; of each test once, for setup and teardown repeat them."""
    found: dict[str, dict[str, Any]] = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == NAME:
                found[value] = json.loads(value)
    return list(found.values())


def table(found: list[dict[str, Any]]) -> list[str]:
    """One line a figure, under the test that measured it."""
    lines, test = [], ""
    for entry in found:
        if entry["test"] != test:
            test = entry["test"]
            lines.append(test)
        lines.append(f"  {entry['value']:>12g} {entry['unit']:<6} {entry['what']}")
    return lines


def keep(folder: Path, found: list[dict[str, Any]]) -> None:
    """Add them to what earlier runs have left there; a test that ran again replaces its own."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "figures.json"
    earlier = json.loads(file.read_text()) if file.exists() else []
    tests = {entry["test"] for entry in found}
    kept = [entry for entry in earlier if entry["test"] not in tests]
    file.write_text(json.dumps([*kept, *found], indent=1) + "\n")
