"""The log writes one line per event, for machines and for eyes."""

import io
import json
import logging
import re

import pytest

from gateway.errors import ProviderUnavailable
from gateway.observe import events as words
from gateway.observe.events import (
    Alarm,
    DecisionMade,
    DecisionsSummarised,
    Event,
    HeaderOverflowed,
    LoginFinished,
    LogLinesDropped,
    RefreshFinished,
    SessionBegun,
    SessionEnded,
    StoreCalled,
)
from gateway.observe.labels import OTHER, OUTCOMES
from gateway.observe.log import Log, _Handler, level_of
from gateway.settings.model import Log as LogSettings
from tests.kit.clock import Clock


class Terminal(io.StringIO):
    def isatty(self):
        return True


def decision(outcome="allow", path="/"):
    return DecisionMade(
        decision_id="d1",
        outcome=outcome,
        contract="forward-auth",
        status=200,
        method="GET",
        host="app.example.com",
        path=path,
        rule="rule-1",
        reason="authenticated",
        subject="corp:42",
        client="192.0.2.1",
        seconds=0.0001,
    )


def vocabulary():
    kinds = [kind for kind in vars(words).values() if isinstance(kind, type) and issubclass(kind, Event)]
    return [kind for kind in kinds if kind is not Event]


def login(outcome):
    return LoginFinished("corp", outcome, "corp:42", "192.0.2.1", "d1")


def refresh(outcome):
    return RefreshFinished("s1", "corp", outcome, 0, 0.1)


@pytest.fixture
def stream():
    return io.StringIO()


def log_on(stream, form="json", level="info"):
    return Log(LogSettings(format=form, level=level), stream, Clock())


@pytest.fixture
def adopted(stream):
    undo = log_on(stream, level="debug").adopt_stdlib()
    yield stream
    undo()


def test_a_decision_is_one_json_line_with_all_its_fields(stream):
    """Time and level come first, then the event's name and what it carries."""
    log = log_on(stream)

    log(decision())

    assert stream.getvalue().count("\n") == 1
    line = json.loads(stream.getvalue())
    assert list(line)[:4] == ["time", "level", "event", "decision_id"]
    assert line == {
        "time": "2027-01-15T08:00:00.000Z",
        "level": "info",
        "event": "decision.made",
        "decision_id": "d1",
        "outcome": "allow",
        "contract": "forward-auth",
        "status": 200,
        "method": "GET",
        "host": "app.example.com",
        "path": "/",
        "rule": "rule-1",
        "reason": "authenticated",
        "subject": "corp:42",
        "client": "192.0.2.1",
        "seconds": 0.0001,
        "detail": "",
    }


def test_a_json_line_is_written_the_same_to_the_byte(stream):
    """Programs that cut lines apart without parsing them exist."""
    log_on(stream)(decision("forbid", path="/a b"))

    assert stream.getvalue() == (
        '{"time": "2027-01-15T08:00:00.000Z", "level": "info", "event": "decision.made", "decision_id": "d1", '
        '"outcome": "forbid", "contract": "forward-auth", "status": 200, "method": "GET", '
        '"host": "app.example.com", "path": "/a b", "rule": "rule-1", "reason": "authenticated", '
        '"subject": "corp:42", "client": "192.0.2.1", "seconds": 0.0001, "detail": ""}\n'
    )


class Named(str):
    """A text that prints as another, as members of some enumerations do."""

    __slots__ = ()

    def __str__(self):
        return "printed"


def test_a_value_that_is_no_plain_text_is_written_as_it_prints(stream):
    """In bytes, in lists, and in what only looks like text."""
    log_on(stream).write(
        "info", "library.said", {"a": b"x", "b": ["y"], "c": Named("z"), "d": None, "e": True}
    )

    line = json.loads(stream.getvalue())
    assert [line[key] for key in "abcde"] == ["b'x'", "['y']", "printed", None, True]


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_outcomes_that_have_a_line_are_those_whose_decisions_have_one(level, stream):
    """What is asked before the event is made and what is asked of the event agree."""
    log = log_on(stream, level=level)

    for outcome in (*OUTCOMES, OTHER):
        assert (outcome in log.outcomes()) is log.wants(decision(outcome))


def test_a_query_that_slips_into_a_path_is_cut(stream):
    """No line holds a query string, whatever the event says."""
    log_on(stream)(decision(path="/callback?code=s3cret"))

    assert json.loads(stream.getvalue())["path"] == "/callback"


def test_a_field_cannot_overwrite_the_frame_of_its_line(stream):
    """Time, level and event are ours."""
    log_on(stream).write(
        "info", "library.said", {"event": "decision.made", "level": "debug", "time": "never"}
    )

    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"]) == ("library.said", "info")
    assert line["time"].startswith("2027-")


@pytest.mark.parametrize(
    ("event", "level"),
    [
        pytest.param(decision("allow"), "info", id="allow"),
        pytest.param(decision("forbid"), "info", id="forbid"),
        pytest.param(decision("refused"), "warning", id="refused"),
        pytest.param(decision("fault"), "warning", id="fault"),
        pytest.param(DecisionsSummarised("allow", 12), "info", id="summary"),
        pytest.param(DecisionsSummarised("refused", 12), "warning", id="summary-of-refusals"),
        pytest.param(login("ok"), "info", id="login"),
        pytest.param(login("provider_lied"), "warning", id="failed-login"),
        pytest.param(SessionBegun("s1", "corp:42", "corp"), "info", id="begun"),
        pytest.param(SessionEnded("s1", "corp:42", "logout"), "info", id="ended"),
        pytest.param(refresh("ok"), "info", id="refresh"),
        pytest.param(refresh("transient"), "warning", id="transient-refresh"),
        pytest.param(refresh("misconfigured"), "error", id="misconfigured-refresh"),
        pytest.param(StoreCalled("read", "ok", 0.001), "debug", id="store"),
        pytest.param(StoreCalled("read", "error", 3.0), "warning", id="store-fault"),
        pytest.param(Alarm("store_full", "no room"), "error", id="alarm"),
        pytest.param(LogLinesDropped(3), "warning", id="dropped"),
        pytest.param(HeaderOverflowed("X-Auth-Groups", 5000, "r", "d1"), "warning", id="overflow"),
    ],
)
def test_each_event_has_a_level(event, level, stream):
    """What needs attention stands out; what happens all the time can be switched off."""
    log_on(stream, level="debug")(event)

    assert level_of(event) == level
    assert json.loads(stream.getvalue())["level"] == level


@pytest.mark.parametrize(
    ("level", "written"),
    [
        pytest.param("debug", 4, id="debug"),
        pytest.param("info", 3, id="info"),
        pytest.param("warning", 2, id="warning"),
        pytest.param("error", 1, id="error"),
    ],
)
def test_events_below_the_level_have_no_line(level, written, stream):
    """`log.level` is a threshold, and `wants` says the same before the event is queued."""
    log = log_on(stream, level=level)
    happened = [StoreCalled("read", "ok", 0.1), decision(), login("provider_lied"), Alarm("a", "b")]

    for event in happened:
        log(event)

    assert stream.getvalue().count("\n") == written
    assert sum(map(log.wants, happened)) == written


def test_every_event_of_the_vocabulary_can_be_written(stream):
    """A new event needs no change here to be logged."""
    events = [kind(**dict.fromkeys(kind.__slots__, "x")) for kind in vocabulary()]
    log = log_on(stream, level="debug")

    for event in events:
        log(event)

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [event.name for event in events]
    assert len(lines) > 5


@pytest.mark.parametrize(
    ("stream", "form", "json_lines"),
    [
        pytest.param(io.StringIO, "auto", True, id="auto-in-a-pipe"),
        pytest.param(Terminal, "auto", False, id="auto-on-a-terminal"),
        pytest.param(Terminal, "json", True, id="json-on-a-terminal"),
        pytest.param(io.StringIO, "pretty", False, id="pretty-in-a-pipe"),
    ],
)
def test_the_format_follows_the_terminal_unless_it_is_configured(stream, form, json_lines):
    """auto: pretty on a terminal, JSON elsewhere."""
    sink = stream()

    log_on(sink, form)(decision())

    assert sink.getvalue().startswith("{") is json_lines


def test_the_pretty_line_is_coloured_on_a_terminal_only():
    """Escape sequences in a file are noise."""
    terminal, file = Terminal(), io.StringIO()

    log_on(terminal, "pretty")(decision())
    log_on(file, "pretty")(decision())

    assert "\x1b[" in terminal.getvalue()
    assert "\x1b" not in file.getvalue()
    assert re.match(r"2027-01-15T08:00:00\.000Z \[info *\] decision\.made +decision_id=d1 ", file.getvalue())


def test_what_libraries_say_takes_the_same_form(adopted):
    """uvicorn and all others go through the same line."""
    logging.getLogger("uvicorn.error").warning("Invalid HTTP %s", "request")

    line = json.loads(adopted.getvalue())
    assert line["event"] == "library.said"
    assert (line["level"], line["logger"], line["message"]) == (
        "warning",
        "uvicorn.error",
        "Invalid HTTP request",
    )


def test_an_unexpected_error_is_logged_by_its_kind_and_its_frames(adopted):
    """The message of a foreign error may quote what was sent; so it is left out."""

    def breaks():
        raise ValueError("cannot parse 'hunter2'")

    try:
        breaks()
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")

    line = json.loads(adopted.getvalue())
    assert line["error"] == "ValueError"
    assert re.search(r"test_observe_log\.py:\d+ breaks$", line["frames"])
    assert "hunter2" not in adopted.getvalue()


def test_an_error_of_our_own_is_logged_with_its_sentence(adopted):
    """What the gateway raises itself is written for the log."""

    def fails():
        raise ProviderUnavailable("corp", "no answer in 5 s")

    try:
        fails()
    except ProviderUnavailable:
        logging.getLogger("x").exception("refresh")

    assert json.loads(adopted.getvalue())["error_message"] == "provider corp: no answer in 5 s"


def test_a_message_whose_arguments_do_not_fit_is_still_a_line(adopted):
    """A mistake in a library's logging call is not ours to fail at."""
    record = logging.LogRecord("x", logging.WARNING, "", 1, "%d", ("no number",), None)

    next(h for h in logging.getLogger().handlers if isinstance(h, _Handler)).handle(record)

    assert json.loads(adopted.getvalue())["message"] == "%d"


@pytest.mark.parametrize("name", ["httpx", "httpcore", "redis", "asyncio"])
def test_talkative_libraries_are_quiet_even_at_debug(name, adopted):
    """At INFO httpx prints whole addresses, codes included."""
    logging.getLogger(name).info('HTTP Request: POST https://idp.example/token?code=s3cret "200"')

    assert adopted.getvalue() == ""


def test_the_access_log_of_uvicorn_is_off(adopted):
    """It would print query strings, and with them codes and states."""
    logging.getLogger("uvicorn.access").info('"GET /auth/corp/callback?code=s3cret HTTP/1.1" 303')

    assert adopted.getvalue() == ""


def test_adopting_can_be_undone(stream):
    """A test, or an embedding program, gets its logging back."""
    root, access, httpx = map(logging.getLogger, ("", "uvicorn.access", "httpx"))
    before = (list(root.handlers), root.level, access.disabled, httpx.level)

    log_on(stream).adopt_stdlib()()

    assert (list(root.handlers), root.level, access.disabled, httpx.level) == before
