"""Whose reply is whose on a connection to Redis, without a server: what arrives is said by the test."""

import asyncio
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Connection
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import MovedError, ResponseError
from redis.exceptions import TimeoutError as Late

from gateway.storage.redis import line as line_module
from gateway.storage.redis.line import Line
from gateway.storage.redis.resp import IncompleteError, packed, parsed

LIBRARY = Connection()


class Wire:
    """The connection that a line takes over, and its transport."""

    where = "127.0.0.1:6379"

    def __init__(self):
        self.written, self.closed, self.let_go_of = b"", False, False

    def hand_over(self, _protocol):
        return self

    def error_of(self, said):
        return LIBRARY._parser.parse_error(said)

    def let_go(self):
        self.let_go_of = True

    def write(self, data):
        self.written += data

    def abort(self):
        self.closed = True

    def is_closing(self):
        return self.closed


class Scene:
    """A line, its wire, and how often it became free."""

    def __init__(self):
        self.wire, self.freed = Wire(), 0
        self.line = Line(self.wire, self._free)

    def _free(self, _line):
        self.freed += 1

    def ask(self, *commands):
        return self.line.ask(b"".join([packed(command) for command in commands]), len(commands))

    @property
    def usable(self):
        return self.line.ready


def told(owed):
    """What is known by now of a reply."""
    if not owed.done():
        return "waits"
    return "gone" if owed.cancelled() else type(owed.exception() or owed.result())


@pytest.mark.anyio
async def test_replies_are_handed_out_in_the_order_of_the_commands():
    """And the line is free when the last one has come, not before."""
    scene = Scene()
    one, two = scene.ask(("GET", "a"), ("GET", "b"))

    scene.line.data_received(b"$1\r\n1\r\n")
    between = (scene.usable, scene.freed)
    scene.line.data_received(b"$1\r\n2\r\n")

    assert (await one, await two) == (b"1", b"2")
    assert (between, scene.usable, scene.freed) == ((False, 0), True, 1)


@pytest.mark.anyio
async def test_the_reply_of_somebody_who_gave_up_is_handed_to_nobody():
    """Until it is off the line nobody else gets the line."""
    scene = Scene()
    (gone,) = scene.ask(("GET", "theirs"))
    gone.cancel()
    between = scene.usable

    scene.line.data_received(b"$6\r\ntheirs\r\n")
    (mine,) = scene.ask(("GET", "mine"))
    scene.line.data_received(b"$4\r\nmine\r\n")

    assert not between
    assert await mine == b"mine"


@pytest.mark.anyio
async def test_after_a_timeout_a_line_is_never_used_again(monkeypatch):
    """The reply would still come, and be taken for that to the next command."""
    monkeypatch.setattr(line_module, "ANSWER", 0.01)
    scene = Scene()
    one, two = scene.ask(("GET", "a"), ("GET", "b"))

    with pytest.raises(Late, match=r"Timeout reading from 127\.0\.0\.1:6379"):
        await one
    scene.line.data_received(b"$1\r\n1\r\n$1\r\n2\r\n")
    (next_one,) = scene.ask(("GET", "c"))

    assert (told(two), told(next_one)) == (Late, Late)
    assert scene.wire.closed
    assert scene.wire.let_go_of
    assert not scene.usable
    assert scene.freed == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("asked", "arrives"),
    [
        pytest.param(0, b"+OK\r\n", id="unasked"),
        pytest.param(0, b"$5\r\nha", id="the begin of something unasked"),
        pytest.param(1, b"+OK\r\n+OK\r\n", id="one too many"),
        pytest.param(1, b"+OK\r\n$", id="the begin of one too many"),
        pytest.param(1, b"HTTP/1.1 400 Bad Request\r\n", id="another protocol"),
        pytest.param(1, b"$1\r\nlonger\r\n", id="longer than it said"),
        pytest.param(1, b">1\r\n+message\r\n", id="a push"),
        pytest.param(1, b"*1\r\n" * 5000, id="nested without end"),
        pytest.param(1, b":one\r\n", id="no number"),
        pytest.param(1, b"\r\n", id="nothing"),
    ],
)
async def test_a_server_that_says_what_it_was_not_asked_is_left(asked, arrives):
    """Nobody is handed a reply that may be another's."""
    scene = Scene()
    owed = scene.ask(*[("GET", "a")] * asked)

    scene.line.data_received(arrives)

    assert [told(one) for one in owed] == [Broken] * asked
    assert (scene.usable, scene.wire.closed, scene.freed) == (False, True, 1)


@pytest.mark.anyio
async def test_a_process_that_was_busy_does_not_blame_the_server(monkeypatch):
    """uvloop rings before it reads: what arrived while nobody looked is read first, however late the clock rings."""
    monkeypatch.setattr(line_module, "ANSWER", 0.05)
    scene = Scene()
    (one,) = scene.ask(("GET", "a"))

    time.sleep(0.2)  # noqa: ASYNC251 (the loop is kept busy, that is the point)
    await asyncio.sleep(0)  # the clock rings
    await asyncio.sleep(0)
    between = told(one)
    scene.line.data_received(b"$1\r\n1\r\n")

    assert between == "waits"
    assert await one == b"1"
    assert scene.usable


@pytest.mark.anyio
async def test_a_process_that_is_always_busy_hears_of_a_silent_server_all_the_same(monkeypatch):
    """So many looks that come too late, and no more."""
    monkeypatch.setattr(line_module, "ANSWER", 0.02)
    monkeypatch.setattr(line_module, "LOOKS", 3)
    scene = Scene()
    (one,) = scene.ask(("GET", "a"))

    looks = 0
    while not one.done():
        time.sleep(0.05)  # noqa: ASYNC251 (as above)
        await asyncio.sleep(0)
        looks += 1

    assert told(one) is Late
    assert looks > 3


@pytest.mark.anyio
async def test_one_watch_serves_all_commands_of_a_line(monkeypatch):
    """A reply that came in time leaves a clock behind, which rings for nobody and breaks nothing."""
    monkeypatch.setattr(line_module, "ANSWER", 0.05)
    scene = Scene()
    for _ in range(3):
        (one,) = scene.ask(("GET", "a"))
        await asyncio.sleep(0.03)
        scene.line.data_received(b"$1\r\n1\r\n")
        assert await one == b"1"
    await asyncio.sleep(0.1)
    idle = scene.usable
    (late,) = scene.ask(("GET", "b"))
    with pytest.raises(Late):
        await late

    assert idle
    assert not scene.usable


@pytest.mark.anyio
async def test_a_connection_that_ends_is_told_to_all_who_wait():
    """It is a fault of the connection, so that reads may be asked again."""
    scene = Scene()
    owed = scene.ask(("GET", "a"), ("GET", "b"))
    scene.line.data_received(b"$1\r\n1\r\n")

    scene.line.connection_lost(TimeoutError("of the system"))

    assert [told(one) for one in owed] == [bytes, Broken]
    assert owed[1].exception().__cause__ is None  # which would say that all connections were busy


@pytest.mark.anyio
async def test_a_transport_that_is_closed_already_is_a_fault_of_the_connection():
    """uvloop raises a RuntimeError there."""
    scene = Scene()
    scene.wire.write = lambda _: (_ for _ in ()).throw(RuntimeError("the handler is closed"))

    (owed,) = scene.ask(("GET", "a"))

    with pytest.raises(Broken):
        await owed


@pytest.mark.anyio
async def test_a_refusal_is_told_to_its_own_caller():
    """The others, and the line, go on."""
    scene = Scene()
    one, two = scene.ask(("GET", "a"), ("GET", "b"))

    scene.line.data_received(b"-MOVED 7 10.0.0.1:6379\r\n$1\r\n2\r\n")

    with pytest.raises(MovedError):
        await one
    assert await two == b"2"
    assert scene.usable


def written(value):
    """A value as the server writes it."""
    if value is None:
        return b"_\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    if isinstance(value, dict):
        return b"%%%d\r\n" % len(value) + b"".join([written(part) for pair in value.items() for part in pair])
    return b"*%d\r\n" % len(value) + b"".join([written(part) for part in value])


replies = st.recursive(
    st.none() | st.integers() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(replies, min_size=1, max_size=4), st.data())
def test_replies_are_the_same_wherever_they_are_cut(values, data):
    """The network cuts where it likes."""
    whole = b"".join([written(value) for value in values])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))

    async def heard():
        scene = Scene()
        owed = scene.ask(*[("GET", "a")] * len(values))
        for start, end in itertools.pairwise([0, *cuts, len(whole)]):
            if start < end:
                scene.line.data_received(whole[start:end])
        return [await one for one in owed], scene.usable

    assert asyncio.run(heard()) == (values, True)


@given(replies)
def test_half_a_reply_is_none(value):
    """Up to its last byte."""
    whole = written(value)

    for end in range(len(whole)):
        with pytest.raises(IncompleteError):
            parsed(whole[:end], 0, ResponseError)


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        pytest.param(b"$-1\r\n", None, id="null string"),
        pytest.param(b"*-1\r\n", None, id="null array"),
        pytest.param(b"+PONG\r\n", b"PONG", id="simple string"),
        pytest.param(b"=8\r\ntxt:role\r\n", b"role", id="verbatim"),
    ],
)
def test_kinds_that_are_seldom(wire, value):
    """What older and newer servers answer."""
    assert parsed(wire, 0, ResponseError) == (value, len(wire))


words = st.text(max_size=30) | st.binary(max_size=30) | st.integers() | st.floats(allow_nan=False)


@given(st.lists(words, max_size=8))
def test_commands_are_written_as_the_library_writes_them(arguments):
    """Byte for byte."""
    assert packed(("EVALSHA", *arguments)) == b"".join(LIBRARY.pack_command("EVALSHA", *arguments))
