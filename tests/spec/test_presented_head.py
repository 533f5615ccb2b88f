"""A request head answers by name what a walk over its lines answers, and costs what its lines cost."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.presented import Head

NAMES = [b"accept", b"cookie", b"host", b"x"]
LINES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([b"", b"1", b"2"])), max_size=8)


def head(*lines):
    return Head("GET", b"/", tuple(lines), "127.0.0.1")


def walked(lines, name):
    return tuple([value for key, value in lines if key == name])


@given(lines=LINES)
def test_all_values_of_a_header_are_found_in_their_order(lines):
    """Empty ones as well."""
    for name in NAMES:
        assert head(*lines).all(name) == walked(lines, name)


@given(lines=LINES)
def test_a_header_that_is_wanted_once_is_never_one_of_two(lines):
    """Neither the first nor the last: none."""
    for name in NAMES:
        found = walked(lines, name)
        assert head(*lines).only(name) == (found[0] if len(found) == 1 else None)


@given(lines=LINES, names=st.lists(st.sampled_from(NAMES), max_size=4, unique=True))
def test_headers_that_are_wanted_together_are_there_or_missing_and_never_repeated(lines, names):
    """One that stands twice makes all of them none; one that nobody asked about does not matter."""
    found = [walked(lines, name) for name in names]
    expected = tuple([values[0] if values else None for values in found])

    each = head(*lines).each_once(tuple(names))

    assert each == (expected if all(len(values) < 2 for values in found) else None)


@given(lines=LINES, names=st.frozensets(st.sampled_from(NAMES)))
def test_one_of_several_headers_is_there_or_none_is(lines, names):
    """By name alone, an empty value counts."""
    assert head(*lines).has_any(names) == any(walked(lines, name) for name in names)


class Counted(bytes):
    """A name that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other):
        Counted.compared += 1
        return bytes.__eq__(self, other)

    __hash__ = bytes.__hash__


def test_many_lines_of_one_name_cost_in_proportion():
    """A head of a quarter of a megabyte holds sixty thousand lines: compared each with each they stop a process."""
    lines = [(Counted(b"a"), b"") for _ in range(1000)]
    Counted.compared = 0

    made = head(*lines)

    assert Counted.compared <= 4 * len(lines)
    assert len(made.all(b"a")) == len(lines)
