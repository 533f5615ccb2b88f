"""Attacks on whoever reads the log: forged lines, steered terminals, leaked secrets."""

import io
import json
import logging
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.observe.events import Alarm, DecisionMade, LoginFinished
from gateway.observe.log import Log
from gateway.observe.redaction import MAX_TEXT, SECRET_NAMES, clean, redacted
from gateway.settings.model import Log as LogSettings
from tests.kit.clock import Clock

DECISION = DecisionMade(
    decision_id="d1",
    outcome="refused",
    contract="forward-auth",
    status=400,
    method="GET",
    host="app.example.com",
    path="/",
    rule="",
    reason="malformed",
    subject="",
    client="192.0.2.1",
    seconds=0.0001,
)
FORGED = '{"time": "2027-01-15T08:00:00.000Z", "level": "info", "event": "login.finished"}'
TEXTS = [
    field.name for field in fields(DecisionMade) if field.type in (str, "str") and field.name != "outcome"
]

HOSTILE = [
    pytest.param(f"/a\n{FORGED}", id="line-feed"),
    pytest.param(f"/a\r\n{FORGED}", id="cr-lf"),
    pytest.param(f"/a\r{FORGED}", id="carriage-return"),
    pytest.param(f"/a\u2028{FORGED}", id="line-separator"),
    pytest.param(f"/a\u2029{FORGED}", id="paragraph-separator"),
    pytest.param(f"/a\x85{FORGED}", id="next-line"),
    pytest.param(f"/a\x0b{FORGED}", id="vertical-tab"),
    pytest.param(f"/a\x0c{FORGED}", id="form-feed"),
    pytest.param('/a", "outcome": "allow', id="quotes"),
    pytest.param("/a\\", id="backslash"),
    pytest.param("/a\x1b[2K\x1b[1A", id="erase-line"),
    pytest.param("/a\x1b]0;title\x07", id="window-title"),
    pytest.param("/a\x9b31m", id="c1-control"),
    pytest.param("/a\u202etxt.exe", id="bidi-override"),
    pytest.param("/a\u200b\ufeff", id="zero-width"),
    pytest.param("/a\x00b", id="nul"),
    pytest.param("/a\udc80", id="lone-surrogate"),
    pytest.param("/a outcome=allow subject=corp:1", id="second-field"),
]


def written(form, event, level="debug"):
    stream = io.StringIO()
    Log(LogSettings(format=form, level=level), stream, Clock())(event)
    return stream.getvalue()


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", TEXTS)
def test_x13_no_value_forges_a_json_line(name, hostile):
    """One event is one line, and every field is where it belongs."""
    text = written("json", replace(DECISION, **{name: hostile}))

    assert text.isascii()
    assert len(text.splitlines()) == 1
    line = json.loads(text)
    assert line["event"] == "decision.made"
    assert line["outcome"] == "refused"
    assert set(line) == {"time", "level", "event"} | {field.name for field in fields(DecisionMade)}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_x13_no_value_forges_a_pretty_line_or_steers_a_terminal(hostile):
    """Unprintable characters are escapes, and a value with blanks is quoted."""
    text = written("pretty", replace(DECISION, path=hostile))

    assert len(text.splitlines()) == 1
    assert text.removesuffix("\n").isprintable()
    assert text.count(" outcome=") == 1 or f"'{hostile}'" in text


@given(st.text(st.characters(), max_size=300))
def test_x13_no_text_at_all_breaks_a_line(text):
    """Whatever is sent, one event stays one line in both forms."""
    event = Alarm("x", text)

    assert len(written("json", event).splitlines()) == 1
    assert len(written("pretty", event).splitlines()) == 1
    assert clean(text).isprintable()


SECRETS = [
    pytest.param("GET https://idp.example/cb?code=s3cr3t&state=s3cr3t", id="callback"),
    pytest.param("grant_type=refresh_token&refresh_token=s3cr3t", id="form"),
    pytest.param("Authorization: Bearer s3cr3ts3cr3t", id="bearer"),
    pytest.param("Authorization: Basic czNjcjN0OnMzY3IzdA== s", id="basic"),
    pytest.param("token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.s3cr3ts3cr3t here", id="jwt"),
    pytest.param("eyJhbGciOiJkaXIifQ..s3cr3t.s3cr3t.s3cr3t", id="jwe"),
    pytest.param("cannot connect to redis://user:s3cr3t@cache:6379/0", id="redis-address"),
    pytest.param("cannot connect to redis://:s3cr3t@cache:6379/0", id="redis-password-alone"),
    pytest.param("client_secret=s3cr3t", id="client-secret"),
    pytest.param("PASSWORD=s3cr3t", id="upper-case"),
    pytest.param("Cookie=s3cr3t", id="cookie"),
]


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("form", ["json", "pretty"])
def test_w15_a_secret_within_a_text_is_not_printed_at_debug(form, text):
    """Events carry none; should one slip in, the line does not show it."""
    login = LoginFinished("corp", "provider_lied", "", "192.0.2.1", "d1", detail=text)

    line = written(form, login)

    assert "s3cr3t" not in line
    assert "czNjcjN0" not in line
    assert "[redacted]" in line


@pytest.mark.parametrize("text", SECRETS)
def test_w15_a_library_that_prints_a_secret_does_not_print_it_here(text):
    """The messages of uvicorn and others go through the same sieve."""
    stream = io.StringIO()
    undo = Log(LogSettings(format="json", level="debug"), stream, Clock()).adopt_stdlib()

    logging.getLogger("some.library").debug("sent: %s", text)
    undo()

    assert "s3cr3t" not in stream.getvalue()
    assert "[redacted]" in stream.getvalue()


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_case36_a_value_under_a_secret_name_is_masked_whole(name):
    """Whatever its type and however the name is written."""
    header = name.replace("_", "-").title()

    assert redacted({name: "s3cr3t", header: b"s3cr3t", "subject": "corp:42"}) == {
        name: "[redacted]",
        header: "[redacted]",
        "subject": "corp:42",
    }


def test_case36_a_token_at_the_cut_is_not_half_printed():
    """Secrets are found before a long text is cut."""
    text = "x" * (MAX_TEXT - 20) + " eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.s3cr3ts3cr3t"

    assert "eyJ" not in clean(text)


def test_x13_a_huge_value_does_not_make_a_huge_line():
    """A stranger who sends 60 kB of path does not fill the disk with it."""
    line = written("json", replace(DECISION, path="/" + "a" * 60_000))

    assert len(line) < MAX_TEXT + 1000
    assert "(60001 characters)" in json.loads(line)["path"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("the provider returned an error", id="plain"),
        pytest.param("encode=1, decoded=2", id="longer-names"),
        pytest.param("路径 does not exist", id="chinese"),
        pytest.param("company:42", id="subject"),
    ],
)
def test_x13_harmless_text_is_printed_as_it_is(text):
    """A sieve that eats everything would be no log."""
    assert clean(text) == text
