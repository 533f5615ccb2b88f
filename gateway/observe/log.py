"""The log: one line per event, as JSON or for a person's eyes, and the same for what libraries say.

A line has `time` (UTC), `level`, `event` (the event's name) and the event's fields; `gateway.observe.redaction` says
what a value may hold. Nothing of a query string is ever written.
"""

import dataclasses
import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from traceback import walk_tb
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from gateway.errors import GatewayError
from gateway.observe.events import (
    Alarm,
    BusChanged,
    DecisionMade,
    DecisionsSummarised,
    Event,
    GraceGiven,
    GrantRevoked,
    HeaderOverflowed,
    LoginFinished,
    LogLinesDropped,
    LogoutHandedOn,
    NoticeHeard,
    NoticesIgnored,
    ProviderLogout,
    RefreshFinished,
    StoreCalled,
    TokensAsked,
)
from gateway.observe.labels import OTHER, OUTCOMES
from gateway.observe.redaction import redacted
from gateway.settings.model import Log as LogSettings

_NUMBERS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

# What is not `ok` needs somebody's attention, and how much: outcome → level. Those that are missing are warnings.
_DECISIONS = {"allow": "info", "challenge": "info", "step_up": "info", "forbid": "info"}
_OUTCOMES: dict[type[Event], dict[str, str]] = {
    DecisionMade: _DECISIONS,
    # As loud as the lines that it stands for: a level that writes these must not hide how many are missing.
    DecisionsSummarised: _DECISIONS,
    LoginFinished: {"ok": "info"},
    TokensAsked: {"ok": "info", "again": "info"},
    ProviderLogout: {"ok": "info"},
    LogoutHandedOn: {"ok": "info"},
    GrantRevoked: {"ok": "info"},
    RefreshFinished: {"ok": "info", "conflict": "info", "gone": "info", "misconfigured": "error"},
    StoreCalled: {"ok": "debug"},
    BusChanged: {"current": "info"},
}

# Those of other events; what is missing here is info.
_LEVELS: dict[type[Event], str] = {
    Alarm: "error",
    HeaderOverflowed: "warning",
    LogLinesDropped: "warning",
    NoticesIgnored: "warning",
    GraceGiven: "warning",
    NoticeHeard: "debug",
}

# These print addresses, headers or commands when they are talkative; with them codes, states and tickets.
_QUIET = ("httpx", "httpcore", "redis", "asyncio", "uvicorn.asgi", "uvicorn.error")


def level_of(event: Event) -> str:
    """debug, info, warning or error."""
    kind = type(event)
    levels = _OUTCOMES.get(kind)
    return (
        _LEVELS.get(kind, "info") if levels is None else levels.get(getattr(event, "outcome", ""), "warning")
    )


class Log:
    """A subscriber that writes lines to `stream`. Safe to call from several threads."""

    def __init__(self, settings: LogSettings, stream: TextIO, clock: Callable[[], float]) -> None:
        self._level = _NUMBERS[settings.level]
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()
        self._fields: dict[type[Event], tuple[str, ...]] = {}
        terminal = stream.isatty()
        pretty = settings.format == "pretty" or (settings.format == "auto" and terminal)
        self._render = _pretty(colors=terminal) if pretty else _json()

    def wants(self, event: Event) -> bool:
        """Whether the event would be written at all at the configured level."""
        return _NUMBERS[level_of(event)] >= self._level

    def outcomes(self) -> frozenset[str]:
        """The outcomes of decisions that have a line at the configured level; `other` for those nobody knows."""
        words = (*OUTCOMES, OTHER)
        return frozenset([word for word in words if _NUMBERS[_DECISIONS.get(word, "warning")] >= self._level])

    def __call__(self, event: Event) -> None:
        level = level_of(event)
        if _NUMBERS[level] >= self._level:
            self.write(level, event.name, {name: getattr(event, name) for name in self._names(event)})

    def write(self, level: str, name: str, fields: Mapping[str, Any]) -> None:
        """One line. `name` is a constant of the code; `fields` may hold anything."""
        frame: dict[str, Any] = {"time": self._now(), "level": level, "event": name}
        # The frame stands first, and again last: a field cannot overwrite it.
        text = str(self._render(None, level, frame | redacted(_without_query(fields)) | frame))
        with self._lock:
            # Each line by itself, though a batch would be cheaper: while it is written the loop may run, and so a log
            # that catches up never holds an answer up for longer than the making of one line.
            self._stream.write(text + "\n")
            self._stream.flush()

    def _names(self, event: Event) -> tuple[str, ...]:
        kind = type(event)
        if kind not in self._fields:
            self._fields[kind] = tuple([field.name for field in dataclasses.fields(event)])
        return self._fields[kind]

    def _now(self) -> str:
        moment = datetime.fromtimestamp(self._clock(), UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def adopt_stdlib(self) -> Callable[[], None]:
        """Send everything that goes through `logging` here too; returns what undoes it.

        uvicorn's access log stays off: it would print query strings, and with them codes and states.
        """
        handler = _Handler(self)
        root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
        before = (root.level, access.disabled, [(name, logging.getLogger(name).level) for name in _QUIET])
        root.addHandler(handler)
        root.setLevel(self._level)
        access.disabled = True
        for name in _QUIET:
            logging.getLogger(name).setLevel(max(logging.WARNING, self._level))

        def undo() -> None:
            root.removeHandler(handler)
            root.setLevel(before[0])
            access.disabled = before[1]
            for name, level in before[2]:
                logging.getLogger(name).setLevel(level)

        return undo


class _Handler(logging.Handler):
    """Turns records of `logging` into lines."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name, "message": _message(record)}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= _error(record.exc_info[1])
        level = next(name for name in ("error", "warning", "info", "debug") if record.levelno >= _floor(name))
        try:
            self._log.write(level, "library.said", fields)
        except Exception:  # noqa: BLE001 - as `logging` itself treats a handler that fails
            self.handleError(record)


def _floor(level: str) -> int:
    return _NUMBERS[level] if level != "debug" else 0


def _message(record: logging.LogRecord) -> str:
    try:
        said = record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit their format string
        said = str(record.msg)
    if record.name != "asyncio":
        return said
    # Beneath its first line the loop prints the task that crashed, and with it the message of what was raised, which
    # may quote a password; and behind these words what a callback was given. Which one it was is in the frames.
    first = said.partition("\n")[0]
    return next((words for words in ("Exception in callback", "Executing") if first.startswith(words)), first)


def _error(error: BaseException) -> dict[str, str]:
    """Kind and frames. A printed traceback would hold source lines and messages, which may quote what was sent."""
    frames = [
        f"{PurePath(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    # What we raise ourselves is written for the log; what others raise may quote anything.
    said = {"error_message": str(error)} if isinstance(error, GatewayError) else {}
    return {"error": type(error).__name__, **said, "frames": " > ".join(frames[-12:])}


def _without_query(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    path = fields.get("path")
    return {**fields, "path": path.partition("?")[0]} if isinstance(path, str) and "?" in path else fields


def _json() -> Processor:
    """One encoder for all lines: `json.dumps` would make one for each. Only ASCII comes out."""
    encode = json.JSONEncoder().encode
    return structlog.processors.JSONRenderer(serializer=lambda line, **_options: encode(line))


def _pretty(*, colors: bool) -> Processor:
    """For a terminal. Values with blanks are quoted, so that none can pass for a second field."""
    return structlog.dev.ConsoleRenderer(
        colors=colors, timestamp_key="time", sort_keys=False, pad_event_to=18, pad_level=False
    )
