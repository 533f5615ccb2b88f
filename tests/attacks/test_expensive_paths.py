"""Paths that are made to be expensive: refused before they have cost much."""

import pytest

from gateway.errors import Malformed
from gateway.policy import readings
from gateway.policy.hosts import Hosts
from gateway.policy.readings import MAX_READ, readings_of
from gateway.policy.rules import Rules
from gateway.policy.target import parse_target
from gateway.settings.access import RuleSettings

LONGEST = 8000

EXPENSIVE = [
    pytest.param(b"a%2f%25252541a%25252541%EF%B7%BA%2f", b"%3fq;z", id="every way to read at once"),
    pytest.param(
        b"%2fa%3b%3b%EF%B7%BA%EF%B7%BA=", b"%25252525252541%3fq;z", id="letters that fold to eighteen"
    ),
    pytest.param(b"%25252541//%EF%B7%BA", b"%3fq;z", id="many slashes"),
]


@pytest.mark.parametrize(("unit", "end"), EXPENSIVE)
def test_a_path_with_many_long_readings_is_refused_before_they_are_all_made(monkeypatch, unit, end):
    """Each of 64 readings of 8 kB, made anew in six ways, took thirty milliseconds before anybody had signed in."""
    made = []
    plain = readings._next
    monkeypatch.setattr(readings, "_next", lambda text: made.append(len(text)) or plain(text))

    with pytest.raises(Malformed, match="too_many_readings"):
        readings_of(b"/" + unit * (LONGEST // len(unit)) + end)

    assert sum(made) <= MAX_READ


def test_a_long_path_with_a_few_readings_is_judged():
    """An object's name with slashes and parameters, near the end of what a request line may hold."""
    path = b"/files/" + b"x" * 7500 + b"%2fy;v=1"

    canonical, others = readings_of(path)

    assert len(canonical) > 7500
    assert len(others) == 3


@pytest.mark.parametrize(
    "unit", [pytest.param("A", id="capitals"), pytest.param("\u0390", id="letters that fold to three")]
)
def test_letter_case_at_most_doubles_the_readings_that_are_held_against_the_rules(unit):
    """Each is looked at in its folded form as well, once, and no folded form is read anew."""
    written = [RuleSettings(name="capitals", paths=["/A/*/B"], allow="public"), RuleSettings(allow="public")]
    hosts, path = (
        Hosts.of(["https://app.example.com"]),
        "/" + unit * (LONGEST // len(unit.encode())) + ";v=1%2f",
    )
    target = parse_target(b"app.example.com", path.encode(), b"GET", hosts)

    others = list(Rules.of(written).other_readings(target))

    assert len(others) == 2 * len(target.readings) + 1
    assert sum(len(path) for path, _ in others) <= 4 * MAX_READ
