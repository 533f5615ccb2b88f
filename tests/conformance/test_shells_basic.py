"""Both shells where rules read HTTP Basic: the same bytes at first sight, from memory, and for every damage."""

import asyncio
import re
import socket

import pytest

from tests.kit.basic_house import authorization, basic, open_basic_house
from tests.kit.shells import LOCAL, PATIENCE, SHELLS, listening, question
from tests.kit.verify_house import CONTRACTS

_DATE = re.compile(rb"\r\ndate: [^\r\n]*", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE)

BROUGHT = [
    (),
    (basic("alice", "right"),),
    (basic("alice", "wrong"),),
    (basic("bob", "blue"), (b"accept", b"text/html")),
    (authorization(b"Bearer abc"),),
    (authorization(b"Basic !"),),
    (authorization(b"Basic"),),
    (basic("alice", "right"), basic("alice", "right")),
    (basic("alice", "right"), (b"origin", b"https://evil.example.org"), (b"sec-websocket-key", b"x")),
    (basic("alice", "right"), (b"accept", b"*/*")),
]
URIS = (
    b"/api/x",
    b"/only/x",
    b"/perhaps/x",
    b"/vault/x",
    b"/handed/x",
    b"/ops/x",
    b"/public/x",
    b"/x",
    b"/api/x",
)


def told(link, head):
    """One answer, without its date."""
    link.sendall(head)
    heard = b""
    while b"\r\n\r\n" not in heard or len(heard.partition(b"\r\n\r\n")[2]) < int(_LENGTH.search(heard)[1]):
        data = link.recv(65536)
        assert data, heard
        heard += data
    # An assertion has a random signature.
    return re.sub(rb"x-auth-assertion: [^\r]+", b"", _DATE.sub(b"", heard))


def answers_of(shell, contract, who):
    """What one shell says to all of it, three times over."""
    house = asyncio.run(open_basic_house(**LOCAL))
    house.verify._new_id = lambda: "d-1"
    answers = []
    with (
        listening(house, shell) as (port,),
        socket.create_connection(("127.0.0.1", port), PATIENCE) as link,
    ):
        for _ in range(3):
            for uri in URIS:
                for lines in BROUGHT:
                    more = b"".join([b"%b: %b\r\n" % line for line in lines])
                    answers.append(told(link, question(house, contract, uri, who, more)))
    return answers


@pytest.mark.parametrize("who", ["nobody", "alice"])
@pytest.mark.parametrize("contract", CONTRACTS)
def test_both_shells_say_the_same(contract, who):
    """Byte for byte, with the cookie of somebody else and without."""
    quick, asgi = (answers_of(shell, contract, who) for shell in SHELLS)

    assert quick == asgi
    assert {answer.split(b" ")[1] for answer in quick} >= {b"200", b"401", b"403"}
