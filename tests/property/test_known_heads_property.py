"""A server that knows every head, and one that parses each: whatever is said to them, in whatever pieces, they say alike."""

import asyncio

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.identity.lines import Lines
from gateway.identity.presented import Reply
from tests.kit.bare_connection import Bare, counting

ASK = b"GET /now HTTP/1.1\r\nHost: x\r\n\r\n"
PLAIN = [
    ASK,
    ASK.replace(b"GET", b"HEAD"),
    ASK.replace(b"/now", b"/later"),
    ASK.replace(b"/now", b"/other"),
    ASK.replace(b"1.1", b"1.0"),
    ASK.replace(b"Host: x", b"Connection: close"),
    ASK.replace(b"Host: x", b"Connection: Upgrade\r\nUpgrade: websocket"),
    ASK.replace(b"Host: x", b"Upgrade: h2c"),
    ASK.replace(b"Host: x", b"Content-Length: 0"),
    ASK.replace(b"Host: x", b"Expect: 100-continue"),
    ASK.replace(b"GET /now", b"CONNECT x:1"),
]
"""Heads that are a request each, some of which end their connection, or make the parser stop."""
PIECES = [
    *PLAIN,
    ASK.replace(b"Host: x", b"Content-Length: %d" % len(ASK)),
    ASK.replace(b"Host: x", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    ASK.replace(b"Host: x", b"Transfer-Encoding: chunked"),
    b"5\r\nabcde\r\n0\r\n\r\n",
    ASK.replace(b"Host: x", b"Ho st: x"),
    ASK + ASK,
    ASK[:20],
    ASK[20:],
    b"GE",
    b"T /now HTTP/1.1\r\n\r\n",
    b"\r\n",
    b"\r",
    b"\n",
]


def answer(head):
    """Its body and lines say what was asked."""

    async def waited():
        await asyncio.sleep(0)
        return reply

    body = b"%b %b %d" % (head.method.encode(), head.target, len(head.headers))
    lines = Lines.of(((b"content-length", b"%d" % len(body)), (b"x-peer", head.peer.encode())))
    reply = Reply(200, lines.headers, body, lines.wire)
    if head.target == b"/other":
        return None
    return waited() if head.target == b"/later" else reply


async def knowing():
    """A counter that has seen each of the heads, at the beginning of a connection, more than twice."""
    counter, asked = counting(answer)
    for ask in PLAIN * 3:
        link = Bare(counter)
        link.say(ask)
        await link.hear()
        link.end()
    return counter, asked


async def said(counter, asked, pieces, peer):
    """What came back for each piece, at once and later, what was asked, and how it ended."""
    asked.clear()
    link, heard = Bare(counter, peer), []
    for piece, waits in pieces:
        if not link.transport.ended:
            heard.append(link.say(piece) + (await link.hear() if waits else b""))
    heard.append(await link.hear())
    ended = link.transport.ended
    link.end()
    return b"".join(heard), [(one.method, one.target, one.headers, one.peer) for one in asked], ended


async def both(pieces, peer):
    known, parsing = await knowing(), counting(answer)
    parsing[0].known.add = lambda data, head: None
    return await said(*known, pieces, peer), await said(*parsing, pieces, peer)


CONVERSATIONS = st.lists(st.tuples(st.sampled_from(PIECES), st.booleans()), max_size=8)


@settings(max_examples=300, deadline=None)
@given(pieces=CONVERSATIONS, peer=st.sampled_from(["192.0.2.1", "192.0.2.2", ""]))
@example(pieces=[(PLAIN[6], False), (ASK, False), (ASK, True)], peer="192.0.2.1")
@example(pieces=[(PLAIN[2], False), (ASK, False), (PLAIN[3], True), (ASK, True)], peer="192.0.2.1")
@example(pieces=[(ASK, False), (b"\r", False), (ASK, False), (b"GE", False), (ASK, False)], peer="192.0.2.1")
@example(pieces=[(PLAIN[10], False), (ASK, False)], peer="192.0.2.1")
def test_a_server_that_knows_a_head_says_what_one_says_that_parses_it(pieces, peer):
    """All bytes of all answers, in their order; what was asked, as whom; and whether the connection ends."""
    knowing_one, parsing_one = asyncio.run(both(pieces, peer))

    assert knowing_one == parsing_one
