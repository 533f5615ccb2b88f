"""Cookies and sealed sessions under anything at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Unsealable
from gateway.identity.identity import Identity
from gateway.identity.presented import Head
from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import (
    CookieSpec,
    Ticket,
    cookie_values,
    issue_ticket,
    read_ticket,
    without_cookies,
)
from gateway.sessions.sealing import Logins, Sealing, session_id
from gateway.sessions.session import Grant
from tests.kit.randomness import Randomness

NOW = 1_800_000_000
SPEC = CookieSpec("__Host-gw", None, True, 86_400)
RING = Keyring.generate(Randomness(), NOW)
VALUE, TICKET = issue_ticket(RING, SPEC, NOW, Randomness("t"))

# Pieces that a Cookie line could be made of, ours and near misses of ours among them.
pieces = st.sampled_from(
    [
        b";",
        b"; ",
        b"=",
        b",",
        b" ",
        b"\t",
        b'"',
        b"__Host-gw",
        b"__Host-gwx",
        b"__host-gw",
        VALUE.encode(),
        b"a",
    ]
)
lines = st.one_of(st.binary(max_size=200), st.lists(pieces, max_size=30).map(b"".join))


def head(*lines):
    return Head("GET", b"/", tuple([(b"cookie", line) for line in lines]), "127.0.0.1")


@given(st.lists(lines, max_size=4))
def test_no_cookie_line_raises_and_none_but_ours_is_a_ticket(parts):
    """Whatever arrives: nothing, or the one ticket that was issued."""
    read = read_ticket(RING, SPEC, head(*parts), NOW)

    assert read in {None, TICKET}


@given(st.lists(lines, max_size=4))
def test_what_is_left_for_the_application_holds_none_of_ours(parts):
    """Cleaned once, there is nothing more to clean."""
    left = without_cookies(head(*parts).all(b"cookie"), (SPEC.name,))
    again = head(left)

    assert cookie_values(again, SPEC.name) == ()
    assert without_cookies(again.all(b"cookie"), (SPEC.name,)) == left


@given(
    st.lists(
        st.tuples(st.sampled_from("abcde"), st.text('xyz=,"{} ', max_size=8).map(str.strip)), max_size=6
    ),
    st.integers(0, 6),
)
def test_cookies_of_others_stay_in_order_and_untouched(pairs, place):
    """Wherever ours stood among them."""
    others = [f"{name}={value}" for name, value in pairs]
    sent = [*others[:place], f"{SPEC.name}={VALUE}", *others[place:]]

    assert without_cookies(("; ".join(sent).encode(),), (SPEC.name,)) == "; ".join(others).encode()


@given(st.integers(0, len(VALUE) - 1), st.integers(1, 255))
def test_a_ticket_with_any_byte_changed_is_none(position, change):
    """Version, kid, time, secret or tag; every bit of each counts, spare bits of base64 included."""
    changed = bytearray(VALUE.encode())
    changed[position] ^= change

    assert read_ticket(RING, SPEC, head(b"__Host-gw=" + bytes(changed)), NOW) is None


@given(st.text(st.characters(max_codepoint=255), max_size=100))
def test_nothing_but_the_issued_value_is_a_ticket(value):
    """Cut, continued, wrapped or made up."""
    for forged in (value, VALUE + value, value + VALUE, VALUE[: len(value)]):
        read = read_ticket(RING, SPEC, head(b"__Host-gw=" + forged.encode("latin-1")), NOW)

        assert read is None or forged.strip(" \t").partition(";")[0].strip(" \t") == VALUE


tickets = st.builds(
    Ticket, st.just(RING.active), st.integers(0, 2**32 - 1), st.binary(min_size=32, max_size=32)
)
words = st.text(max_size=20)
identities = st.builds(
    Identity,
    provider=words,
    issuer=words,
    subject=words,
    user=words,
    authenticated_at=st.integers(0, 2**40),
    tenant=words,
    email=words,
    email_verified=st.booleans(),
    name=words,
    groups=st.lists(words, max_size=4).map(tuple),
    acr=words,
    amr=st.lists(words, max_size=3).map(tuple),
)
logins = st.builds(
    Logins,
    identities=st.lists(identities, max_size=3).map(tuple),
    created=st.integers(0, 2**40),
    absolute_end=st.integers(0, 2**40),
)
grants = st.dictionaries(
    words,
    st.builds(Grant, provider=words, access_token=words, refresh_token=words, expires=st.integers(0, 2**40)),
).map(lambda found: {grant.provider: grant for grant in found.values()})
SEALING = Sealing(RING, "here", Randomness("n"))


@given(tickets, logins)
def test_logins_survive_sealing(ticket, inside):
    """Whatever names people have."""
    sid = session_id(ticket)

    assert SEALING.open_logins(ticket, sid, SEALING.seal_logins(ticket, sid, inside)) == inside


@given(tickets, grants)
def test_grants_survive_sealing(ticket, inside):
    """Whatever tokens look like."""
    sid = session_id(ticket)

    assert SEALING.open_grants(ticket, sid, SEALING.seal_grants(ticket, sid, inside)) == inside


@given(tickets, tickets, logins)
def test_a_sealed_part_opens_for_its_own_session_kind_and_deployment_alone(ticket, other, inside):
    """Moved anywhere else, it is junk."""
    sid = session_id(ticket)
    sealed = SEALING.seal_logins(ticket, sid, inside)
    elsewhere = Sealing(RING, "there", Randomness("n"))

    for attempt in (
        lambda: SEALING.open_grants(ticket, sid, sealed),
        lambda: SEALING.open_logins(ticket, session_id(other) + "x", sealed),
        lambda: elsewhere.open_logins(ticket, sid, sealed),
        lambda: SEALING.open_logins(Ticket(ticket.kid, ticket.issued, bytes(31) + b"!"), sid, sealed),
    ):
        with pytest.raises(Unsealable):
            attempt()


@given(tickets, st.binary(max_size=80))
def test_junk_in_the_place_of_a_sealed_part_is_unsealable(ticket, junk):
    """One exception for everything."""
    with pytest.raises(Unsealable):
        SEALING.open_logins(ticket, session_id(ticket), junk)
