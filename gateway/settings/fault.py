"""One finding about the configuration: where, what is wrong, and what to write instead."""

import difflib
import json
import re
from dataclasses import dataclass
from typing import TypeAlias

YamlPath: TypeAlias = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclass(frozen=True, slots=True)
class Fault:
    """`what` is wrong at `path`; `instead` says what to write. Neither repeats a value that may be secret."""

    path: YamlPath
    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.what}; {self.instead}"


def show_path(path: YamlPath) -> str:
    """`("rules", 3, "allow")` → `rules[3].allow`. A key that is no plain word is quoted, escaped and cut."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            shown += f".{part}" if shown else part
        else:
            shown += f"[{json.dumps(part[:40])}]"  # ASCII only: a message must be printable on any terminal
    return shown


def overlap(one: YamlPath, other: YamlPath) -> bool:
    """Whether one of two paths is, or stands above, the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def did_you_mean(word: str, known: tuple[str, ...], prefix: str = "") -> str:
    """What to write for an unknown word: the nearest known one, or all of them; each with `prefix` in front."""
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    if near:
        return f"write {prefix}{near[0]}, or remove it"
    return f"write one of {', '.join(prefix + name for name in known)}" if known else "remove it"
