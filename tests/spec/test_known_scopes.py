"""Heads of ASGI scopes that came before: at hand for the same scope and for no other, and not for too large a one."""

import pytest

from gateway.errors import Malformed
from gateway.forward_auth.endpoint import MAX_BYTES, check_size
from gateway.forward_auth.shell import LONGEST, MOST_LINES, KnownHeads, head_of
from gateway.identity.presented import Head


def scope(**changes):
    plain = {
        "method": "GET",
        "path": "/verify/x",
        "raw_path": b"/verify/x",
        "headers": [(b"a", b"1"), (b"b", b"2")],
        "client": ("192.0.2.1", 4711),
    }
    return {**plain, **changes}


def learn(heads, what, kept="something"):
    """As an endpoint does that counts bytes and keeps something."""
    for _ in range(2):
        head = heads.of(what)
        check_size(head)
        head.kept = kept
        heads.add(head)


def test_a_scope_that_came_twice_has_its_head_at_hand():
    """With what was kept with it."""
    heads = KnownHeads()
    learn(heads, scope())

    assert heads.of(scope()).kept == "something"
    assert heads.of(scope(client=("192.0.2.1", 99))).kept == "something"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "HEAD"},
        {"raw_path": b"/verify/y"},
        {"client": ("192.0.2.2", 4711)},
        {"client": None},
        {"headers": [(b"b", b"2"), (b"a", b"1")]},
        {"headers": [(b"a", b"1"), (b"b", b"2"), (b"b", b"2")]},
        {"headers": [(b"a", b"1b"), (b"", b"2")]},
    ],
)
def test_any_other_scope_has_a_head_of_its_own(change):
    """Whatever it differs in."""
    heads = KnownHeads()
    learn(heads, scope())
    other = scope(**change)

    found, fresh = heads.of(other), head_of(other)

    assert found.kept is None
    assert (found.method, found.target, found.headers, found.peer) == (
        fresh.method, fresh.target, fresh.headers, fresh.peer,
    )  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"a", b"1" * LONGEST)], id="long"),
        pytest.param([(b"a", b"")] * (MOST_LINES + 1), id="many lines"),
    ],
)
def test_a_head_that_takes_much_room_is_not_kept(headers):
    """Nor one that nobody keeps anything with."""
    heads = KnownHeads()
    learn(heads, scope(headers=headers))
    learn(heads, scope(), kept=None)

    assert heads.of(scope(headers=headers)).kept is None
    assert len(heads._heads) == 0


def test_a_head_that_is_not_remembered_lets_go_of_what_was_made_of_it():
    """That holds the head in its turn: a ring for the garbage collector, at each check."""
    heads, first, large = KnownHeads(), head_of(scope()), head_of(scope(headers=[(b"a", b"1" * LONGEST)] * 2))
    for head in (first, large):
        check_size(head)
        head.kept = "something"
        heads.add(head)

    assert first.kept is large.kept is None


def test_nobody_is_believed_that_a_large_head_is_small():
    """What was counted is written down, and a head over the limit is refused as often as it is looked at."""
    head = Head("GET", b"/", ((b"a", b"1" * MAX_BYTES),), "")
    for _ in range(3):
        with pytest.raises(Malformed):
            check_size(head)
    small = Head("GET", b"/", ((b"a", b"1" * 10),), "")
    check_size(small)
    assert small.at_most == 11
