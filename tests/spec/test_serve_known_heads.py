"""A head that came before is not parsed again, and is answered as if it had been: at any place, in any state."""

import asyncio

import pytest
from uvicorn.server import ServerState

from gateway.forward_auth.shell import MOST_LINES
from gateway.identity.lines import Lines
from gateway.identity.presented import Head, Reply
from gateway.serve.known_heads import ENTRIES, LONGEST, Known, KnownHeads
from tests.kit.bare_connection import Bare, counting

pytestmark = pytest.mark.anyio

ASK = b"GET /now HTTP/1.1\r\nHost: x\r\n\r\n"
OTHER = ASK.replace(b"Host: x", b"Host: y")
LATER = ASK.replace(b"/now", b"/later")
BIG = ASK.replace(b"Host: x", b"Host: x\r\nA: " + b"a" * 70_000)


def named(head):
    """Says what it was asked, so that no answer can be taken for another's; `/later` makes its asker wait."""

    async def waited():
        return reply

    said = b"%b %b %b %d" % (head.method.encode(), head.target, head.peer.encode(), head.at_most)
    seen = b",".join([name + b"=" + value for name, value in head.headers])
    lines = Lines.of(((b"content-length", b"0"), (b"x-said", said), (b"x-seen", seen[:200])))
    reply = Reply(200, lines.headers, b"", lines.wire)
    return waited() if head.target == b"/later" else reply


@pytest.fixture
def house():
    return counting(named)


def said(answer):
    """The `x-said` lines of what was written."""
    return [line[8:] for line in answer.split(b"\r\n") if line.startswith(b"x-said: ")]


def learn(counter, ask=ASK, peer="192.0.2.1"):
    """After two sights a head is known; both answers are those of a parsed one."""
    link = Bare(counter, peer)
    for _ in range(2):
        link.say(ask)
    link.end()


async def test_the_third_time_a_head_is_not_parsed(house):
    """It is asked about all the same, and answered alike."""
    counter, asked = house
    link = Bare(counter)

    answers = [link.say(ASK) for _ in range(4)]

    assert answers == [b"HTTP/1.1 200 OK\r\n" + answers[0].partition(b"\r\n")[2]] * 4
    assert len(link.parser.fed) == 2
    assert len(asked) == 4
    assert link.state.total_requests == 4
    link.end()


async def test_a_known_head_is_known_on_a_connection_that_has_said_nothing(house):
    """And what comes next on it is read from its beginning."""
    counter, _ = house
    learn(counter)
    link = Bare(counter)

    assert said(link.say(ASK)) == [b"GET /now 192.0.2.1 %d" % len(ASK)]
    assert link.parser.fed == []
    assert said(link.say(OTHER)) == [b"GET /now 192.0.2.1 %d" % len(OTHER)]
    assert link.parser.fed == [OTHER]
    link.end()


@pytest.mark.parametrize("peer", ["203.0.113.66", ""])
async def test_a_head_of_one_peer_is_not_that_of_another(house, peer):
    """Whom we trust goes by the peer; so does the memory. The peer of a Unix socket is nobody's address."""
    counter, asked = house
    learn(counter)
    link = Bare(counter, peer)

    for _ in range(4):
        assert said(link.say(ASK)) == [b"GET /now %b %d" % (peer.encode(), len(ASK))]
    assert {head.peer for head in asked[2:]} == {peer}
    link.end()


@pytest.mark.parametrize("cut", [1, 5, 18, 20, 27, len(ASK) - 3, len(ASK) - 1])
async def test_a_known_head_behind_half_of_another_is_no_beginning(house, cut):
    """The same bytes are the rest of a head, or the value of a field: the parser has to see them."""
    counter, asked = house
    learn(counter)
    link, told = Bare(counter), len(asked)

    link.say(ASK[:cut])
    answer = link.say(ASK)

    assert link.parser.fed == [ASK[:cut], ASK]
    assert [head.at_most for head in asked[told:]] in ([], [0], [0, 0])
    assert answer.count(b"200 OK") == len(asked) - told
    link.end()


async def test_bytes_of_a_known_head_in_a_body_are_a_body(house):
    """A question inside of another is not asked."""
    counter, asked = house
    learn(counter)
    link = Bare(counter)
    body = b"POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(ASK)

    link.say(body)
    told = len(asked)
    assert said(link.say(ASK)) == []
    assert len(asked) == told
    assert link.parser.fed == [body, ASK]
    await link.hear()
    link.end()


async def test_a_known_head_behind_a_question_that_waits_waits_too(house):
    """It overtakes nothing."""
    counter, _ = house
    learn(counter)
    link = Bare(counter)

    assert link.say(LATER) == b""
    assert link.say(ASK) == b""
    answers = await link.hear()

    assert answers.index(b"/later") < answers.index(b"x-way: asgi")
    link.end()


async def test_a_question_that_has_to_wait_is_asked_once_though_its_head_is_known():
    """What was answered at once may have to wait the next time, and the other way round."""
    waits = [False] * 3 + [True, False, True, True]
    counter, asked = counting(lambda head: named(head) if not waits[len(asked) - 1] else later())

    async def later():
        return Reply(202, ((b"content-length", b"0"),))

    link = Bare(counter)

    answers = [link.say(ASK) + await link.hear() for _ in waits]

    assert [b" 202 " in answer for answer in answers] == waits
    assert [answer.count(b"HTTP/1.1 ") for answer in answers] == [1] * len(waits)
    assert len(asked) == len(waits)
    link.end()


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(ASK + ASK, id="two at once"),
        pytest.param(ASK + ASK[:10], id="one and the beginning of another"),
        pytest.param(ASK.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"), id="a body"),
        pytest.param(
            ASK.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), id="chunks"
        ),
        pytest.param(
            ASK.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            id="an upgrade",
        ),
        pytest.param(ASK.replace(b"GET", b"CONNECT").replace(b"/now", b"x:1"), id="a tunnel"),
        pytest.param(ASK.replace(b"Host: x", b"Host: x\r\nA: " + b"a" * LONGEST), id="a long one"),
        pytest.param(
            ASK.replace(b"Host: x", b"Host: x\r\n" + b"a: b\r\n" * MOST_LINES + b"c: d"), id="many lines"
        ),
        pytest.param(BIG, id="a huge one"),
        pytest.param(b"GET /now HTTP/1.1\r\nHo st: x\r\n\r\n", id="a broken one"),
    ],
)
async def test_what_is_more_than_one_plain_head_is_never_known(house, head):
    """However often it comes."""
    counter, _ = house
    for _ in range(3):
        link = Bare(counter)
        link.say(head)
        await link.hear()
        link.end()

    assert counter.known.get(head) is None


@pytest.mark.parametrize("line", [b"Connection: close\r\n", b""])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_the_connection_ends_behind_a_known_head_as_behind_a_new_one(house, version, line):
    """And the answer says so."""
    counter, _ = house
    ask = ASK.replace(b"1.1", version).replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n")
    seen = set()

    for _ in range(4):
        link = Bare(counter)
        seen.add((link.say(ask), link.transport.ended))
        link.end()

    assert len(seen) == 1
    ((answer, ended),) = seen
    assert ended == (b"connection: close" in answer) == (version == b"1.0" or bool(line))


async def test_a_server_that_stops_says_goodbye_behind_a_known_head(house):
    """What was learnt before is answered as the last of its connection."""
    counter, _ = house
    learn(counter)
    state = ServerState()
    state.default_headers = [(b"connection", b"close")]
    link = Bare(counter, state=state)

    answer = link.say(ASK)

    assert answer.count(b"connection: close") == 1
    assert link.transport.ended
    link.end()


async def test_a_known_head_on_a_connection_that_ends_is_not_answered(house):
    """Nobody would hear it."""
    counter, asked = house
    learn(counter)
    link, told = Bare(counter), len(asked)
    link.transport.ended = True

    assert link.say(ASK) == b""
    assert len(asked) == told
    link.end()


async def test_a_client_that_does_not_read_is_not_written_to_by_a_known_head(house):
    """Its answer waits until there is room."""
    counter, _ = house
    learn(counter)
    link = Bare(counter)
    link.say(ASK)
    link.protocol.pause_writing()

    assert link.say(ASK) == b""
    assert await link.hear() == b""
    link.protocol.resume_writing()
    assert (await link.hear()).count(b"HTTP/1.1 204") == 1
    link.end()


async def test_only_a_head_that_came_in_one_piece_is_said_to_be_no_longer_than_it(house):
    """The beginning of a head may be a megabyte, and its end ten bytes."""
    counter, asked = house
    link = Bare(counter)

    link.say(BIG[:60_000])
    link.say(BIG[60_000:])
    link.say(ASK + BIG[:60_000])
    link.say(BIG[60_000:])
    link.say(b"\r\n")
    link.say(ASK)
    link.say(ASK)

    sizes = [sum(map(len, [part for line in head.headers for part in line])) for head in asked]
    assert [head.at_most for head in asked] == [0, len(ASK) + 60_000, 0, 0, len(ASK)]
    assert all(head.at_most == 0 or size <= head.at_most for head, size in zip(asked, sizes, strict=True))
    link.end()


async def test_a_broken_request_ends_a_connection_that_has_said_known_heads(house):
    """The parser sees it, from its first byte."""
    counter, asked = house
    learn(counter)
    link = Bare(counter)
    link.say(ASK)
    told = len(asked)

    assert b"400 Bad Request" in link.say(b"GET /now HTTP/1.1\r\nHo st: x\r\n\r\n")
    assert link.transport.ended
    assert len(asked) == told
    link.end()


async def test_line_ends_before_a_known_head_belong_to_nothing(house):
    """Whether they come with it or alone (RFC 9112 section 2.2)."""
    counter, asked = house
    learn(counter)
    for before in (b"\r\n", b"\n", b"\r"):
        link, told = Bare(counter), len(asked)
        link.say(ASK)
        link.say(before)
        assert said(link.say(ASK)) == [b"GET /now 192.0.2.1 0"]
        assert len(asked) == told + 2
        link.end()


async def test_one_clock_ends_a_connection_that_says_only_known_heads(house):
    """As it ends every other; nothing is left behind when it is lost."""
    counter, _ = house
    learn(counter)
    link = Bare(counter)
    for _ in range(3):
        link.say(ASK)

    assert link.protocol._idle is not None
    assert link.protocol._waiting is None
    link.end()
    assert link.protocol._idle.cancelled()
    await asyncio.sleep(0)


def test_no_more_than_two_generations_are_known():
    """A proxy may send anything."""
    heads = KnownHeads()
    for number in range(3 * ENTRIES):
        data = b"GET /%d HTTP/1.1\r\n\r\n" % number
        for _ in range(2):
            heads.add(data, Known(Head("GET", b"/%d" % number, (), ""), stays=True))

    assert len(heads._heads) <= 2 * ENTRIES


async def test_a_client_that_hung_up_while_it_waited_is_written_nothing():
    """Its check goes to its end; the answer is thrown away, and the server goes on."""
    gate = asyncio.Event()

    async def waited():
        await gate.wait()
        return Reply(200, ((b"content-length", b"0"),))

    counter, asked = counting(lambda head: waited())
    for known in (False, False, True):
        link = Bare(counter)
        assert link.say(ASK) == b""
        assert bool(link.parser.fed) != known
        await asyncio.sleep(0)
        link.end()
        gate.set()
        assert await link.hear() == b""
        assert link.state.tasks == set()
    assert len(asked) == 3


def test_a_head_that_is_not_remembered_lets_go_of_what_was_made_of_it():
    """At its first sight, and whenever it is no plain one; the second time both are kept."""
    heads, kept = KnownHeads(), []
    for data in (ASK, ASK + ASK, ASK):
        head = Head("GET", b"/now", (), "", len(data))
        head.kept = "something"
        heads.add(data, Known(head, stays=True))
        kept.append(head.kept)

    assert kept == [None, None, "something"]
