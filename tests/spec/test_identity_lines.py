"""Header lines as values and as bytes: both say the same, or the bytes are empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE

from gateway.identity.lines import Lines, is_safe


def test_lines_are_written_one_below_the_other():
    """In their order, each with its end."""
    lines = Lines.of(((b"a", b"1"), (b"b", b""), (b"a", b"2 3")))

    assert lines.headers == ((b"a", b"1"), (b"b", b""), (b"a", b"2 3"))
    assert lines.wire == b"a: 1\r\nb: \r\na: 2 3\r\n"


def test_no_lines_are_no_bytes():
    """Nothing is made up."""
    assert Lines.of(()) == Lines((), b"")


@pytest.mark.parametrize(
    "value", [b"a\r\nset-cookie: b", b"\r\n", b"a\n", b"a\r", b"\x00", b"\x7f", b"a\x1bb", b"\x0b"]
)
def test_a_value_that_is_not_fit_to_be_sent_empties_all_bytes(value):
    """A line end in one value would begin a line of its own; so nobody writes any of them."""
    assert Lines.of(((b"a", b"1"), (b"b", value), (b"c", b"3"))).wire == b""
    assert not is_safe(value)


def test_two_unfit_values_do_not_make_up_for_each_other():
    """A line end too many is not one that another line lacks."""
    assert Lines.of(((b"a", b"\r"), (b"b", b"\n"))).wire == b""
    assert Lines.of(((b"a\r\n", b"1"),)).wire == b""


@given(st.lists(st.tuples(st.sampled_from([b"a", b"x-y"]), st.binary(max_size=6)), max_size=5))
def test_the_bytes_are_there_exactly_where_the_server_would_send_each_value(headers):
    """The server's own expression is the judge."""
    fit = not any(HEADER_VALUE_RE.search(value) for _, value in headers)
    written = b"".join([name + b": " + value + b"\r\n" for name, value in headers])

    assert Lines.of(tuple(headers)).wire == (written if fit else b"")
    assert all(is_safe(value) == (not HEADER_VALUE_RE.search(value)) for _, value in headers)
