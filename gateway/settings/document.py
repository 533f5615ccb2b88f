"""The text of gateway.yaml → plain data, with the line of every path.

The scalars are those of the YAML 1.2 core schema without floats: `no`, `on`, `12:30` and `2026-01-01` are text, so
that what was written is what is meant. No tag makes an object, and neither nesting nor aliases can make a small
file large.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from gateway.settings.composing import CORE, compose
from gateway.settings.fault import Fault, YamlPath, show_path

_MOST_NODES = 500_000
_DEEPEST = 40
# What the parser says may quote the file, and so a secret in the wrong place; these sentences stand for it.
_SYNTAX: tuple[tuple[str, str, str], ...] = (
    (
        "mapping values are not allowed",
        "a colon cannot stand here",
        "put text that holds a colon in quotes, and check the indentation",
    ),
    ("could not find expected ':'", "a key lacks its colon", "write `key: value`"),
    (
        "cannot start any token",
        "text cannot begin with this character",
        "put the text in quotes, and indent with spaces, not tabs",
    ),
    (
        "undefined alias",
        "an alias refers to no anchor",
        "put text that begins with `*` in quotes, or write its anchor first",
    ),
    ("unexpected end of stream", "a quote or bracket is never closed", "close it"),
    ("another document", "a second document begins here", "keep one document"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data, and the line (from 1) of each path in it. With `broken` there is no data to go on with."""

    data: Any
    lines: dict[YamlPath, int]
    faults: tuple[Fault, ...] = ()
    broken: bool = False


def read_document(text: str) -> Document:
    """Parse one YAML document; never raises, whatever the text."""
    try:
        node = compose(text)
        reader = _Reader()
        data = {} if node is None else reader.value(node, ())
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _broken(line, "a character is not printable", "remove it, or escape it in double quotes")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _broken(mark.line + 1 if mark else 1, *_syntax_sentence(error.problem or ""))
    except (yaml.YAMLError, ValueError, OverflowError):
        # PyYAML passes on what chr() raises for an escape beyond Unicode.
        return _broken(1, "this is not YAML", "check the escapes in double quotes")
    except RecursionError:
        return _broken(1, "the file is nested too deeply", "write it as gateway.yaml is laid out")
    return Document(data, reader.lines, tuple(reader.faults), broken=reader.exhausted)


def _broken(line: int, what: str, instead: str) -> Document:
    return Document(None, {(): line}, (Fault((), what, instead),), broken=True)


def _syntax_sentence(problem: str) -> tuple[str, str]:
    for sign, what, instead in _SYNTAX:
        if sign in problem:
            return what, instead
    return "this is not YAML", "check indentation, colons and quotes around this line"


class _Reader:
    """Walks a composed tree once and collects data, lines and faults."""

    def __init__(self) -> None:
        self.lines: dict[YamlPath, int] = {(): 1}
        self.faults: list[Fault] = []
        self.exhausted = False
        self._nodes = 0

    def value(self, node: yaml.Node, path: YamlPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(path) > _DEEPEST:
            self._exhaust(path)
        if self.exhausted:
            return None
        if isinstance(node, yaml.MappingNode) and node.tag == f"{CORE}map":
            return {key: self.value(child, (*path, key)) for key, child in self._entries(node, path)}
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{CORE}seq":
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        return self._tagged(path)

    def _exhaust(self, path: YamlPath) -> None:
        # Aliases repeat a node for the price of a word; a tree of them, or one that holds itself, must end here.
        if not self.exhausted:
            self.exhausted = True
            fault = Fault(path[:3], "the file grows too large here", "write it without nested aliases")
            self.faults.append(fault)

    def _entries(self, node: yaml.MappingNode, path: YamlPath) -> Iterator[tuple[str, yaml.Node]]:
        seen: dict[str, int] = {}
        for key_node, child in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.faults.append(Fault(path, "a key is not plain text", "write `key: value`"))
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in seen:
                first = f"it stands on line {seen[key]} already"
                self.faults.append(Fault(here, f"is written twice: {first}", "keep one of the two"))
            seen.setdefault(key, line)
            self.lines[here] = line
            yield key, child

    def _scalar(self, node: yaml.ScalarNode, path: YamlPath) -> Any:
        kind, text = node.tag.removeprefix(CORE), str(node.value)
        match kind:
            case "str":
                return text
            case "null":
                return None
            case "bool" if text.lower() in {"true", "false"}:
                return text.lower() == "true"
            case "int" if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
                return int(text)
        return self._tagged(path)

    def _tagged(self, path: YamlPath) -> None:
        where = show_path(path) or "the file"
        self.faults.append(Fault(path, f"{where} carries a YAML tag", "write the plain value without `!`"))
