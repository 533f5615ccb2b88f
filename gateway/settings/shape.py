"""What the model expects at a path: which types, which keys, and whether it is a secret."""

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from gateway.settings.fault import YamlPath
from gateway.settings.model import Settings


def expected(path: YamlPath, data: Any = None) -> list[Any]:
    """The types that may stand at `path`, in `data` if it is given: a section that names its type is of that one."""
    types: list[Any] = [Settings]
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
        below = [one for kind in types for one in _step(kind, part)]
        types = [plain for kind in below for plain in _alternatives(kind) if _may_be(plain, data)]
    return types


def _may_be(kind: Any, data: Any) -> bool:
    """Whether `data` may be meant as a section of this kind, by its `type`."""
    if not (isinstance(data, dict) and _is(kind, BaseModel) and "type" in kind.model_fields):
        return True
    field = kind.model_fields["type"]
    return data.get("type", field.default) in get_args(field.annotation)


def _alternatives(kind: Any) -> list[Any]:
    """A type without `Annotated`, a union as its members."""
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        return [plain for member in get_args(kind) for plain in _alternatives(member)]
    return [kind]


def _step(kind: Any, part: str | int) -> list[Any]:
    found: list[Any] = []
    for plain in _alternatives(kind):
        if get_origin(plain) is dict and isinstance(part, str):
            found.append(get_args(plain)[1])
        elif get_origin(plain) is tuple and isinstance(part, int):
            found.append(get_args(plain)[0])
        elif _is(plain, BaseModel) and part in plain.model_fields:
            found.append(plain.model_fields[part].annotation)
    return found


def _is(kind: Any, parent: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, parent)


def secret_type(path: YamlPath) -> type[SecretStr] | None:
    """The secret that `path` holds, or `None` where a value may be shown."""
    return next((kind for kind in expected(path) if _is(kind, SecretStr)), None)


def holds_secrets(path: YamlPath) -> bool:
    """Whether a secret may stand at `path` or beneath it."""
    return any(_holds_secrets(kind) for kind in expected(path))


def _holds_secrets(kind: Any) -> bool:
    if _is(kind, SecretStr):
        return True
    if _is(kind, BaseModel):
        inside = [field.annotation for field in kind.model_fields.values()]
    else:
        inside = [below for below in get_args(kind) if get_origin(kind) in {dict, tuple}]
    return any(_holds_secrets(plain) for below in inside for plain in _alternatives(below))


def is_section(path: YamlPath) -> bool:
    """Whether a mapping with fixed keys stands at `path`."""
    return any(_is(kind, BaseModel) for kind in expected(path))


def known_keys(path: YamlPath, data: Any = None) -> tuple[str, ...]:
    """The keys that may stand beneath `path`, in `data` if it is given, sorted; none where they are free."""
    sections = [kind for kind in expected(path, data) if _is(kind, BaseModel)]
    return tuple(sorted({key for section in sections for key in section.model_fields}))
