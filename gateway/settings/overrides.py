"""`GATEWAY__section__key=value` in the environment: one value in place of the file's."""

from collections.abc import Mapping
from typing import Any

from gateway.settings.document import read_document
from gateway.settings.fault import Fault, YamlPath, did_you_mean
from gateway.settings.origins import Origins
from gateway.settings.shape import expected, known_keys, secret_type

PREFIX = "GATEWAY__"


def apply_overrides(data: dict[str, Any], origins: Origins, environ: Mapping[str, str]) -> list[Fault]:
    """Write every override into `data` and its name into `origins`; returns the faults found on the way."""
    faults: list[Fault] = []
    for name in sorted(environ):
        if name.startswith(PREFIX):
            faults += _apply(data, origins, name, environ[name])
    return faults


def _apply(data: dict[str, Any], origins: Origins, name: str, text: str) -> list[Fault]:
    path: YamlPath = tuple(name.removeprefix(PREFIX).split("__"))
    origins.variables[path] = name
    if not expected(path):
        return [Fault(path, "overrides a key that does not exist", _nearest(path))]
    value, faults = _value(path, text)
    if not faults and not _put(data, path, value):
        return [Fault(path, "overrides a key inside a value that is not a mapping", "mend the file first")]
    return faults


def _nearest(path: YamlPath) -> str:
    """The nearest names on the level where the path leaves the known ground."""
    depth = next(end for end in range(len(path)) if not expected(path[: end + 1]))
    parent = path[:depth]
    if expected(parent) and not known_keys(parent):
        return f"override {PREFIX}{'__'.join(map(str, parent))} as a whole"
    names = tuple("__".join(map(str, (*parent, key))) for key in known_keys(parent))
    return did_you_mean("__".join(map(str, path[: depth + 1])), names, PREFIX)


def _value(path: YamlPath, text: str) -> tuple[Any, list[Fault]]:
    if secret_type(path):
        return text, []  # a secret is taken as it is: `a: b#c` is a fine password and another thing in YAML
    document = read_document(text)
    if document.faults:
        return None, [Fault(path, "is not YAML", "write a plain value, [a, b] or {key: value}")]
    # An empty variable is an empty text, not an empty mapping.
    return document.data if text.strip() else "", []


def _put(data: dict[str, Any], path: YamlPath, value: Any) -> bool:
    place = data
    for part in path[:-1]:
        if place.get(str(part)) is None:
            place[str(part)] = {}
        place = place[str(part)]
        if not isinstance(place, dict):
            return False
    place[str(path[-1])] = value
    return True
