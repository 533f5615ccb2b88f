"""gateway.yaml and the environment → `Settings`, or every fault at once.

The steps: read the text, put overrides in, replace references, let the model validate, run the checks, place the
files. A step goes on past the faults of the one before it wherever that makes sense, so that one run shows all there
is to mend.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.errors import SettingsFault
from gateway.settings import checks
from gateway.settings.document import Document, read_document
from gateway.settings.fault import Fault, YamlPath
from gateway.settings.logo import read_logo
from gateway.settings.model import Settings
from gateway.settings.origins import Origins
from gateway.settings.overrides import apply_overrides
from gateway.settings.places import placed
from gateway.settings.references import References
from gateway.settings.sentences import to_faults, unknown_keys
from gateway.settings.shape import is_section

_MOST_BYTES = 8 * 1024 * 1024

# Harmless values for the required keys, so that the checks of everything else can run when one of them is damaged.
_STAND_INS: Mapping[str, Any] = {
    "public_url": "https://stand-in.invalid",
    "hosts": ["https://stand-in.invalid"],
    "rules": [{"allow": "optional"}],
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings without fault, and the warnings about them, ready to print; `origins` is for what is found later."""

    settings: Settings
    warnings: tuple[str, ...]
    origins: Origins


def load(path: str | Path, environ: Mapping[str, str]) -> Settings:
    """Read the configuration; raises `SettingsFault` with everything that is wrong with it."""
    return load_with_warnings(path, environ).settings


def load_with_warnings(path: str | Path, environ: Mapping[str, str], *, secrets: bool = True) -> Loaded:
    """As `load`, with what is not wrong and worth a look.

    Without `secrets`, each one that the file refers to is a stand-in: for what shows settings or makes keys, on a
    machine that has no secret. Such settings must never serve.
    """
    document = _read(Path(path))
    origins = Origins(str(path), document.lines)
    if document.broken:
        raise _settings_fault(document.faults, origins)
    if not isinstance(document.data, dict):
        must = Fault((), "must be a mapping", "write `key: value` lines, as in config/minimal.yaml")
        raise _settings_fault((*document.faults, must), origins)
    faults = apply_overrides(document.data, origins, environ)
    references = References(environ, origins.variables, Path(path).parent, secrets)
    return _judge(document, origins, references, faults)


def _judge(document: Document, origins: Origins, references: References, overrides: list[Fault]) -> Loaded:
    faults = [*document.faults, *overrides]
    data = references.resolve(document.data)
    faults += references.faults
    damaged = references.damaged | {fault.path for fault in document.faults}
    settings, unknown = None, set[YamlPath]()
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        unknown = unknown_keys(error, data)
        found = [fault for fault in to_faults(error, data) if not _follows(fault.path, damaged)]
        faults += found
        damaged |= {fault.path for fault in found} - unknown
    if faults or settings is None:
        faults += _checks_of_the_rest(data, damaged, unknown)
        raise _settings_fault(faults, origins)
    if meaning := checks.faults(settings):
        raise _settings_fault(meaning, origins)
    warnings = tuple(_described(checks.warnings(settings), origins))
    settings = placed(settings, references.folder)
    # Whoever has no secret here need not have the picture either.
    if references.secrets and settings.pages.logo:
        logo = read_logo(Path(settings.pages.logo))
        if isinstance(logo, Fault):
            raise _settings_fault([logo], origins)
    return Loaded(settings, warnings, origins)


def _follows(path: YamlPath, damaged: set[YamlPath]) -> bool:
    """Whether a fault only repeats that the value could not be had in the first place."""
    return any(path[:end] in damaged for end in range(len(path) + 1))


def _read(path: Path) -> Document:
    try:
        reason = "it is not a regular file" if path.exists() and not path.is_file() else ""
        raw = b"" if reason else path.read_bytes()
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "it does not open").lower()
    if reason:
        instead = "name the file with --config or GATEWAY_CONFIG, or begin with a copy of config/minimal.yaml"
        return Document(None, {}, (Fault((), f"cannot be read: {reason}", instead),), broken=True)
    if len(raw) > _MOST_BYTES:
        large = Fault((), "is larger than 8 MB", "write fewer rules, with patterns")
        return Document(None, {}, (large,), broken=True)
    try:
        return read_document(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return Document(None, {(): line}, (Fault((), "is not UTF-8", "save the file as UTF-8"),), broken=True)


def _checks_of_the_rest(data: Any, damaged: set[YamlPath], unknown: set[YamlPath]) -> tuple[Fault, ...]:
    """The findings of those checks that read nothing damaged."""
    # A misspelt matcher would make its rule wider, and a misspelt `allow` its provider; elsewhere it changes nothing.
    harmless = {path for path in unknown if len(path) == 1 or is_section(path[:1])}
    without = {_unit(path) for path in damaged | (unknown - harmless)}
    if () in without:
        return ()
    mended = _without(data, without | harmless)
    for key, stand_in in _STAND_INS.items():
        mended.setdefault(key, stand_in)
    try:
        settings = Settings.model_validate(mended)
    except ValidationError:
        return ()
    return checks.faults(settings, without)


def _unit(path: YamlPath) -> YamlPath:
    """The part of the file that falls with a damaged path: a key of a section, else a whole top-level value."""
    return path[:2] if is_section(path[:1]) else path[:1]


def _without(value: Any, gone: set[YamlPath], path: YamlPath = ()) -> Any:
    """A copy of `value` without the keys at the paths `gone`."""
    if isinstance(value, dict):
        kept = {key: child for key, child in value.items() if (*path, key) not in gone}
        return {key: _without(child, gone, (*path, key)) for key, child in kept.items()}
    if isinstance(value, list):
        return [_without(child, gone, (*path, index)) for index, child in enumerate(value)]
    return value


def _settings_fault(faults: list[Fault] | tuple[Fault, ...], origins: Origins) -> SettingsFault:
    return SettingsFault(tuple(_described(faults, origins)))


def _described(faults: list[Fault] | tuple[Fault, ...], origins: Origins) -> list[str]:
    """In the order of the file, each once, in letters that any terminal can print."""
    lines = [origins.describe(fault) for fault in sorted(faults, key=origins.order)]
    return [line.encode("utf-8", "backslashreplace").decode() for line in dict.fromkeys(lines)]
