"""What a stranger can make the check remember: each memory is filled with the worst that fits, and weighed."""

import gc
import tracemalloc

import pytest

from gateway.forward_auth import places, shell
from gateway.forward_auth.contracts.contract import Question
from gateway.identity.presented import Head
from gateway.policy import rule_index
from gateway.policy.patterns import compile_pattern
from gateway.serve import known_heads
from gateway.sessions import presented_tickets
from gateway.storage.bus import About, Notice
from tests.kit.bare_connection import Bare, counting
from tests.kit.people import person
from tests.kit.verify_house import APP, PROXY, VerifyHouse, family, open_house

pytestmark = pytest.mark.anyio

MANY = 64
"""Entries that are weighed; what a full memory takes is reckoned from them."""
MEGABYTE = 1_000_000
WIDE = "\U0001f389"
"""Four bytes on the wire, and four for each character of a text that holds one."""


def weighed(fill):
    """Bytes that stay when `fill` has run."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = fill()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del kept
    return after - before


@pytest.fixture
async def house():
    found = await open_house()
    for _ in range(3):  # what is made once is made now
        await found.ask("forward-auth", "/x", who="alice")
    return found


def padded(text, size):
    return text + b"x" * (size - len(text))


async def test_cookie_lines_take_at_most_6_megabytes(house):
    """Each with a ticket of ours, and so long that it is just kept."""
    tickets, own = house.check.tickets, house.cookie("alice").encode()

    def fill():
        for number in range(MANY):
            line = padded(b"%b; a%d=" % (own, number), presented_tickets.LONGEST)
            tickets.read(Head("GET", b"/", ((b"cookie", line),), PROXY))

    taken = weighed(fill)

    assert tickets._remembered.cache_info().currsize >= MANY
    assert taken / MANY * presented_tickets.REMEMBERED < 6 * MEGABYTE


@pytest.mark.parametrize("readings", [0, 1, 2])
async def test_places_take_no_more_than_they_are_said_to(house, readings):
    """Long hosts under a wildcard, the longest methods, paths with as many readings as are kept."""
    found = house.check.places
    host = ".".join(["x" * 60] * 3 + ["{:04}.apps.example.com:00443"])
    tail = ["", "%2f", "%23"][readings]

    def fill():
        for number in range(MANY):
            path = padded(f"/{number}/{WIDE * 4}{tail}".encode(), places.LONGEST)
            question = Question(b"P" * 32, host.format(number).encode(), path)
            for _ in range(2):
                place = found.find(question, None)
            assert place.is_light
            assert bool(place.target.readings) == bool(readings)

    said = found._remembered._weight
    taken = weighed(fill)

    assert taken <= found._remembered._weight - said


async def test_beginnings_of_paths_take_no_more_than_they_are_said_to(house):
    """Of the longest hosts, and with as many candidates as are kept."""
    rows = [([], [], number) for number in range(rule_index.MOST - 1)] + [(["*.test"], [], 99)]
    index = rule_index.RuleIndex.of(rows)
    index.deepest = 9

    def fill():
        for number in range(MANY):
            path = padded(f"/{number:04}{WIDE}".encode(), rule_index.LONGEST - 3).decode()
            for _ in range(2):
                assert len(index.candidates(f"{number:04}" + "h" * 240 + ".test", path)) == rule_index.MOST

    taken = weighed(fill)

    assert len(index._remembered) == MANY
    assert taken <= index._remembered._weight


def test_a_place_with_more_candidates_than_are_kept_is_looked_up_each_time():
    """A thousand rules at one place are the operator's; a copy of them for each path is a stranger's."""
    index = rule_index.RuleIndex.of([([], [], number) for number in range(1000)] + [(["a.test"], [], 0)])
    for _ in range(3):
        assert len(index.candidates("a.test", "/x")) == 1001

    assert len(index._remembered) == 0


def test_a_beginning_that_is_very_long_is_looked_up_each_time():
    """A rule with many segments, and a stranger who writes long ones."""
    index = rule_index.RuleIndex.of([([], [compile_pattern("/a/b/c/**")], 1), ([], [], 2)])
    for _ in range(3):
        assert len(index.candidates("a.test", f"/{'x' * rule_index.LONGEST}/b/c")) == 1
        assert len(index.candidates("a.test", "/a/b/c/d")) == 2

    assert len(index._remembered) == 1


def worst_head(house: VerifyHouse, number: int, who: str, path: bytes, size: int, lines: int) -> bytes:
    """A head of `size` bytes and `lines` lines, whose target fills it, for a browser that shows pages."""
    own = [] if who == "nobody" else [(b"cookie", house.cookie(who).encode())]
    more = [(b"n%03d" % line, b"%02d" % line) for line in range(lines - len(own) - 7)]

    def written(uri: bytes) -> bytes:
        known = [
            *family("forward-auth", b"GET", APP.encode(), uri),
            (b"accept", b"text/html"),
            (b"host", b""),
        ]
        head = b"".join([name + b": " + value + b"\r\n" for name, value in (*known, *own, *more)])
        return b"GET /verify/forward-auth HTTP/1.1\r\n" + head + b"\r\n"

    uri = b"/%d" % number + path + b"?"
    return written(uri + b"<" * (size - len(written(uri))))


LONG = b"x" * 7_000
HEADS = [
    pytest.param(b"", 1_200, 20, id="usual"),
    pytest.param(b"", 3_000, shell.MOST_LINES, id="many lines"),
    pytest.param(b"", 4_000, 10, id="a long query"),
    pytest.param(LONG, 16_000, 10, id="a long path"),
    pytest.param(b"/%2f" + LONG, 16_000, 10, id="a long path with two readings"),
    pytest.param(b"/%2f" + WIDE.encode() + LONG, 16_000, 10, id="a long path with a wide letter"),
    pytest.param(b"/%2f" + WIDE.encode() * 4 + b"x" * 1_900, 4_000, 10, id="a path that is not so long"),
]


@pytest.mark.parametrize("who", ["nobody", "large"])
@pytest.mark.parametrize(("path", "size", "lines"), HEADS)
async def test_known_heads_take_no_more_than_they_are_said_to(who, path, size, lines):
    """Before a login; and of a person with more groups than headers hold, whose session is opened anew each time."""
    house = await open_house(rules=[{"name": "rest", "allow": "authenticated"}])
    await house.sign_in(
        "large", person("l-1", groups=tuple([f"group {number} of many" for number in range(100)]))
    )
    counter, asked = counting(house.verify.answer_at)
    heads = [worst_head(house, number, who, path, size, lines) for number in range(MANY // 4)]

    async def ask_all():
        for head in heads:
            for _ in range(3):
                link = Bare(counter, PROXY)
                assert (link.say(head) or await link.hear()).startswith(b"HTTP/1.1 ")
                link.end()
            house.clock.advance(5)  # no two of them find the same memory
        await house.bus.publish(Notice(About.ALL))
        asked.clear()
        house.events.clear()
        house.bus.heard.clear()
        house.store.calls.clear()
        # Each reading of a session is another identity, kept elsewhere as it was written.
        house.check.verdicts._headers._kept.clear()

    await ask_all()
    for one in heads:
        assert len(one) == size
    counter.known = known_heads.KnownHeads()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    await ask_all()
    gc.collect()
    # The bytes of the heads themselves were there before.
    taken = tracemalloc.get_traced_memory()[0] - before + sum(map(len, heads))
    tracemalloc.stop()

    assert all(counter.known.get(head) for head in heads)
    assert taken <= counter.known._heads._weight
