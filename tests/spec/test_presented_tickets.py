"""Tickets by their `Cookie` line: remembered, they are what they are when they are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import CookieSpec, issue_ticket, read_ticket, ticket_of, without_cookies
from gateway.sessions.presented_tickets import LONGEST, REMEMBERED, PresentedTickets
from tests.kit.people import asking
from tests.kit.randomness import Randomness

NOW = 1_800_000_000.0
RANDOM = Randomness()
RING = Keyring.generate(RANDOM, NOW)
OTHER_RING = Keyring.generate(RANDOM, NOW)
SPEC = CookieSpec("__Secure-gw", "example.com", True, 3600)
OWN = ("__Secure-gw", "__Host-gw-login")
VALUE, TICKET = issue_ticket(RING, SPEC, NOW, RANDOM)
SECOND, _ = issue_ticket(RING, SPEC, NOW + 60, RANDOM)
FOREIGN, _ = issue_ticket(OTHER_RING, SPEC, NOW, RANDOM)
LINE = f"a=1; __Secure-gw={VALUE}; b=2"


@pytest.fixture
def tickets():
    return PresentedTickets(RING, SPEC, OWN)


def test_a_line_that_comes_again_brings_the_very_same_ticket(tickets):
    """Nothing is computed for it."""
    first, again = tickets.read(asking(LINE)), tickets.read(asking(LINE))

    assert again is first
    assert first.ticket == TICKET
    assert first.rest == b"a=1; b=2"


def test_a_line_that_is_too_long_is_read_each_time(tickets):
    """And read alike."""
    line = f"{LINE}; long={'x' * LONGEST}"

    first, again = tickets.read(asking(line)), tickets.read(asking(line))

    assert again is not first
    assert again == first
    assert first.ticket == TICKET


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([f"__Secure-gw={VALUE}; __Secure-gw={SECOND}"], id="two on a line"),
        pytest.param([f"__Secure-gw={VALUE}", f"__Secure-gw={SECOND}"], id="two lines"),
        pytest.param([f"__Secure-gw={VALUE}", f"__Secure-gw={VALUE}"], id="the same line twice"),
        pytest.param([f"__Secure-gw={FOREIGN}"], id="of another deployment"),
        pytest.param([f"__secure-gw={VALUE}"], id="another name"),
        pytest.param([], id="no line"),
    ],
)
def test_what_is_no_ticket_stays_none_after_the_lines_were_seen_alone(tickets, lines):
    """Each line by itself may have been remembered as genuine."""
    for value in (VALUE, SECOND):
        assert tickets.read(asking(f"__Secure-gw={value}")).ticket is not None

    for _ in range(3):
        assert tickets.read(asking(*lines)).ticket is None


def test_two_lines_lose_our_cookie_both(tickets):
    """What is left of them is one line."""
    head = asking(f"a=1; __Secure-gw={VALUE}", "__Host-gw-login=x; b=2")

    assert tickets.read(head) == (TICKET, b"a=1; b=2", NOW + 3600)


def test_a_remembered_ticket_ends_at_the_absolute_limit(tickets):
    """The memory says that it is genuine, not that it holds."""
    ticket, _, ends = tickets.read(asking(LINE))

    assert ends == NOW + 3600
    assert read_ticket(RING, SPEC, asking(LINE), ends) is None
    assert read_ticket(RING, SPEC, asking(LINE), ends - 1) == ticket


def test_so_many_lines_are_remembered_and_no_more(tickets):
    """Those that were seen longest ago go."""
    for number in range(REMEMBERED + 10):
        tickets.read(asking(f"a={number}"))

    assert tickets._remembered.cache_info().currsize == REMEMBERED


PAIRS = st.sampled_from(
    [f"__Secure-gw={VALUE}", f"__Secure-gw={SECOND}", f"__Secure-gw={FOREIGN}", f" __Secure-gw = {VALUE} ",
     "__Secure-gw", "__Secure-gw=", "a=1", "b", "", " ", "__Host-gw-login=1", "__secure-gw=x", "=x",
     f"x__Secure-gw={VALUE}", f'__Secure-gw="{VALUE}"', "ü=é", f"__Secure-gw={VALUE[:-1]}"]
)  # fmt: skip
LINES = st.lists(st.lists(PAIRS, max_size=5).map(";".join), max_size=3)
ONE = PresentedTickets(RING, SPEC, OWN)


@given(lines=LINES)
def test_whatever_is_remembered_is_what_is_read(lines):
    """One memory over all examples: what came before changes nothing."""
    raw = tuple([line.encode("latin-1") for line in lines])
    ticket = ticket_of(RING, SPEC, raw)
    expected = (ticket, without_cookies(raw, OWN), ticket.issued + SPEC.max_age if ticket else 0.0)

    for _ in range(3):
        assert ONE.read(asking(*lines)) == expected
