"""What parent and worker say to each other, over a real pair of sockets."""

import asyncio
import socket

import pytest

from gateway.serve import channel
from gateway.serve.channel import Frames, Line, Upward, framed


@pytest.fixture
def pair():
    mine, theirs = socket.socketpair()
    yield mine, theirs
    mine.close()
    theirs.close()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_messages_are_whole_however_they_are_cut(size):
    """A byte at a time, or several at once."""
    wire = framed("ready") + framed("ask", about="metrics", number=3) + framed("report")
    frames = Frames()

    heard = [m for at in range(0, len(wire), size) for m in frames.feed(wire[at : at + size])]

    assert heard == [{"word": "ready"}, {"word": "ask", "about": "metrics", "number": 3}, {"word": "report"}]


def test_the_parent_hears_what_was_said_and_that_it_was_the_last(pair):
    """Also when the worker is gone before anybody listens."""
    line = Line(pair[0])
    pair[1].sendall(framed("numbers", numbers=[]))
    pair[1].close()

    assert [message["word"] for message in line.hear()] == ["numbers"]
    assert line.ended
    assert list(line.hear()) == []


def test_the_parent_never_waits_for_a_worker_that_does_not_read(pair):
    """What does not go is kept, up to a bound, and goes later."""
    line = Line(pair[0])
    body = "x" * 300_000
    for _ in range(40):
        line.say("answer", number=1, body=body)

    assert line.has_more_to_say
    assert len(line._unsent) < channel._BACKLOG + 400_000

    frames, heard = Frames(), []
    pair[1].setblocking(False)
    while line.has_more_to_say:
        heard += frames.feed(pair[1].recv(1_000_000))
        line.flush()
    assert heard[0] == {"word": "answer", "number": 1, "body": body}


def test_nothing_is_said_to_the_dead(pair):
    """A worker that ended between two turns is no fault."""
    line = Line(pair[0])
    pair[1].close()

    line.say("stop")
    assert list(line.hear()) == []
    line.say("stop")

    assert not line.has_more_to_say


@pytest.mark.anyio
async def test_a_worker_asks_and_hears_and_notices_that_it_is_alone(pair):
    """The answer finds its question; the end of the channel is told once."""
    heard, alone = [], asyncio.Event()
    line = Line(pair[0])
    up = Upward(heard.append, alone.set)
    await asyncio.get_running_loop().create_unix_connection(lambda: up, sock=pair[1])

    asking = asyncio.create_task(up.ask("workers", 5.0))
    while not (questions := list(line.hear())):  # noqa: ASYNC110 - the parent has no event loop
        await asyncio.sleep(0)
    line.say("report")
    line.say("answer", number=99, body="for nobody")
    line.say("answer", number=questions[0]["number"], body={"whole": True})

    assert questions[0]["about"] == "workers"
    assert await asking == {"whole": True}
    assert heard == [{"word": "report"}]
    line.close()
    await asyncio.wait_for(alone.wait(), 5)
    up.say("ready")
    await up.close()


@pytest.mark.anyio
async def test_a_parent_that_does_not_answer_is_not_waited_for(pair):
    """The operator gets an answer in any case."""
    up = Upward(lambda message: None, lambda: None)
    await asyncio.get_running_loop().create_unix_connection(lambda: up, sock=pair[1])

    with pytest.raises(TimeoutError):
        await up.ask("metrics", 0.01)

    await up.close()
