"""The numbers of several processes as one exposition.

Counters and histograms are added up. A gauge that ends in `_info` says the same in every process and stands once. Any
other gauge, and what is about one process (`process_…`), keeps its value and gets the label `worker`: nobody but the
reader knows whether its sum, its least or its greatest value matters.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

Labels: TypeAlias = tuple[tuple[str, str], ...]
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_ADDED = frozenset({"counter", "histogram"})


@dataclass(slots=True)
class Family:
    """One metric: `kind` is counter, gauge or histogram; samples by (name, labels)."""

    name: str
    kind: str
    text: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    @property
    def is_added(self) -> bool:
        return self.kind in _ADDED and not self.name.startswith("process_")


Numbers: TypeAlias = dict[str, Family]
"""The metrics of a process, by name."""


class Collected(Protocol):
    """What a registry of prometheus_client gives for one metric."""

    name: str
    type: str
    documentation: str
    samples: list[Any]


def numbers_of(collected: Iterable[Collected]) -> Numbers:
    """What a registry holds at this moment."""
    return {
        one.name: Family(
            one.name,
            one.type,
            one.documentation,
            {(s.name, tuple(s.labels.items())): float(s.value) for s in one.samples},
        )
        for one in collected
    }


def packed(numbers: Numbers) -> list[Any]:
    """For the way to another process, as JSON."""
    return [
        [f.name, f.kind, f.text, [[name, labels, value] for (name, labels), value in f.samples.items()]]
        for f in numbers.values()
    ]


def unpacked(rows: list[Any]) -> Numbers:
    """The other way."""
    return {
        name: Family(
            name,
            kind,
            text,
            {(sample, tuple([(k, v) for k, v in labels])): value for sample, labels, value in samples},
        )
        for name, kind, text, samples in rows
    }


def add(total: Numbers, numbers: Numbers) -> None:
    """Add counters and histograms of `numbers` to `total`, and leave out the rest."""
    for family in numbers.values():
        if not family.is_added:
            continue
        mine = total.setdefault(family.name, Family(family.name, family.kind, family.text))
        for key, value in family.samples.items():
            mine.samples[key] = mine.samples.get(key, 0.0) + value


def merged(serving: Mapping[str, Numbers], leaving: Iterable[Numbers], ended: Numbers) -> Numbers:
    """All processes as one: those that serve, by the value of their label; those that leave; and the dead, added up."""
    total: Numbers = {}
    for numbers in (*serving.values(), *leaving, ended):
        add(total, numbers)
    for worker, numbers in serving.items():
        for family in numbers.values():
            if not family.is_added:
                _set_beside(total, family, worker)
    return total


def _set_beside(total: Numbers, family: Family, worker: str) -> None:
    mine = total.setdefault(family.name, Family(family.name, family.kind, family.text))
    label: Labels = () if family.name.endswith("_info") else (("worker", worker),)
    for (name, labels), value in family.samples.items():
        mine.samples[name, (*labels, *label)] = value


def exposition(numbers: Numbers) -> str:
    """Prometheus' text format, 0.0.4."""
    return "".join([line for family in numbers.values() for line in _lines(family)])


def _lines(family: Family) -> Iterable[str]:
    shown = f"{family.name}_total" if family.kind == "counter" else family.name
    text = family.text.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {shown} {text}\n"
    yield f"# TYPE {shown} {family.kind}\n"
    for (name, labels), value in family.samples.items():
        inside = ",".join([f'{key}="{_escaped(word)}"' for key, word in sorted(labels)])
        yield f"{name}{{{inside}}} {_number(value)}\n" if inside else f"{name} {_number(value)}\n"


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)
