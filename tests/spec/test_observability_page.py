"""docs/observability.md says what the code writes: every line, its fields, its level, and every alarm."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from gateway.errors import ProviderLied, ProviderMisconfigured, ProviderUnavailable
from gateway.observe import events
from gateway.observe.events import Event
from gateway.observe.log import _NUMBERS, _OUTCOMES, level_of
from gateway.observe.metrics import ALARMS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "observability.md").read_text()
ROWS = {
    name: (re.findall(r"\b(?:debug|info|warning|error)\b", level), re.findall(r"`(\w+)`", fields))
    for name, level, fields in re.findall(
        r"^\| `(\w+\.\w+)` \| [^|]* \| ([^|]*) \| ([^|]*) \|$", PAGE, re.MULTILINE
    )
}
KINDS = {
    kind.name: kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
}


def calls():
    """Every call in the code of the gateway, with its constant arguments; `None` stands for the others."""
    for path in (ROOT / "gateway").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield node, [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]


def lines_of_the_process():
    """What is written without an event, as (name, level, fields): level, name and a mapping, in that order."""
    for node, values in calls():
        level, name = (*values, None, None)[:2]
        if level in _NUMBERS and isinstance(name, str) and re.fullmatch(r"\w+\.\w+", name):
            given = node.args[2]
            yield name, level, [key.value for key in given.keys] if isinstance(given, ast.Dict) else None


LINES = sorted(lines_of_the_process(), key=str)


def test_the_page_lists_every_line_and_no_other():
    """Events, what the process itself writes, and what libraries say."""
    assert set(ROWS) == set(KINDS) | {name for name, _, _ in LINES} | {"library.said"}


@pytest.mark.parametrize("name", KINDS)
def test_the_page_lists_the_fields_of_an_event(name):
    """In their order, and none that it does not have."""
    assert ROWS[name][1] == [field.name for field in dataclasses.fields(KINDS[name])]


@pytest.mark.parametrize("name", KINDS)
def test_the_page_lists_the_levels_of_an_event(name):
    """All that it can have."""
    kind = KINDS[name]
    blank = kind(**{field.name: "" for field in dataclasses.fields(kind)})
    levels = {*_OUTCOMES[kind].values(), "warning"} if kind in _OUTCOMES else {level_of(blank)}

    assert set(ROWS[name][0]) == levels


@pytest.mark.parametrize(("name", "level", "fields"), LINES)
def test_the_page_lists_the_lines_of_the_process(name, level, fields):
    """As they are written."""
    assert level in ROWS[name][0]
    assert fields is None or ROWS[name][1] == fields


def test_every_alarm_has_its_word_in_the_metric_and_its_row_on_the_page():
    """Those that the code names, those of the provider's faults with a remedy, and no word without a row."""
    said = {
        values[0]
        for node, values in calls()
        if isinstance(node.func, ast.Name) and node.func.id == "Alarm" and values[0]
    }
    section = PAGE.partition("## When something fails")[2].partition("\n## ")[0]

    with_remedy = {kind.code for kind in (ProviderLied, ProviderMisconfigured, ProviderUnavailable)}
    assert said | with_remedy == set(ALARMS)
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {*ALARMS, "what"}
