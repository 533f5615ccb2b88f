"""Both shells while sessions come and go: the same questions, over and over, between logins, logouts and broken buses.

Each shell has a house of its own here, made alike, so that neither finds what the other has remembered.
"""

import asyncio
import re
import socket

import pytest

from gateway.storage.bus import About, Notice
from tests.kit.shells import LOCAL, PATIENCE, SHELLS, listening, question
from tests.kit.verify_house import CONTRACTS, IDENTITIES, WRITTEN, open_house

VAULT = {"name": "vault", "paths": ["/vault/**"], "freshness": "strict", "allow": "authenticated"}
URIS = (b"/x", b"/admin/x", b"/public/x", b"/welcome/x", b"/vault/x", b"/../x")
MORE = (
    b"",
    b"Accept: text/html\r\n",
    b"Origin: https://evil.test\r\nUpgrade: websocket\r\n",
    b"Content-Length: 0\r\n",
)
TIMES = 3
_DATE = re.compile(rb"\r\ndate: [^\r\n]*")
_ASSERTION = re.compile(rb"\r\nx-auth-assertion: [^\r\n]+")


def sign_out(house, who):
    asyncio.run(house.sessions.end(house.begun[who].ticket, "logout"))


def sign_in(house, who):
    asyncio.run(house.sign_in(who))


def forget(house, _):
    house.bus.deliver(Notice(About.ALL))


def cut(house, _):
    house.bus.cut()


def mend(house, _):
    house.bus.mend()


def wait(house, _):
    house.clock.advance(5)


def wait_a_moment(house, _):
    house.clock.advance(0.5)


LIFE = [
    (wait_a_moment, ""), (sign_out, "alice"), (wait_a_moment, ""), (sign_in, "alice"), (forget, ""), (cut, ""),
    (sign_out, "admin"), (mend, ""), (sign_in, "admin"), (wait, ""), (sign_out, "alice"), (sign_out, "admin"), (wait, ""),
]  # fmt: skip
"""What happens between two rounds of questions, and to whom."""


class Told:
    """What one shell says to a list of questions, all on one connection as long as it is kept."""

    def __init__(self, port):
        self.port = port
        self.link = None

    def ask(self, head):
        if self.link is None:
            self.link = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            self.heard = self.link.makefile("rb")
        self.link.sendall(head)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            line = self.heard.readline()
            assert line, answer
            answer += line
        length = re.search(rb"\r\ncontent-length: ([0-9]+)", answer)
        answer += self.heard.read(int(length[1]) if length else 0)
        if b"connection: close" in answer:
            self.close()
        return _ASSERTION.sub(b"", _DATE.sub(b"", answer))

    def close(self):
        if self.link is not None:
            self.heard.close()
            self.link.close()
            self.link = None


@pytest.fixture
def both():
    houses = [asyncio.run(open_house(**LOCAL, rules=[VAULT, *WRITTEN["rules"]])) for _ in SHELLS]
    for house in houses:
        house.verify._new_id = lambda: "d-1"
    with listening(houses[0], "quick") as quick, listening(houses[1], "asgi") as asgi:
        told = [Told(quick[0]), Told(asgi[0])]
        yield list(zip(houses, told, strict=True))
        for one in told:
            one.close()
    assert not [house.alarms for house in houses if house.alarms]


def said(house, told, contract, cookies):
    """All answers of a round; the cookies are those of the beginning and those of now."""
    questions = [
        question(house, contract, uri, more=cookie + more)
        for uri in URIS
        for more in MORE
        for cookie in cookies
    ]
    return [told.ask(ask) for ask in questions for _ in range(TIMES)]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_questions_that_are_repeated_while_sessions_come_and_go_are_answered_alike(both, contract):
    """What one shell remembers of heads, the other has to find anew."""
    first = {house: [house.cookie(who) for who in IDENTITIES] for house, _ in both}
    for what, who in [(wait_a_moment, ""), *LIFE]:
        rounds = []
        for house, told in both:
            what(house, who)
            held = [*first[house], *[house.cookie(one) for one in IDENTITIES]]
            cookies = [b"", *[f"Cookie: a=1; {one}\r\n".encode() for one in dict.fromkeys(held)]]
            rounds.append(said(house, told, contract, cookies))
        assert rounds[0] == rounds[1], (what, who)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_page_that_polls_is_shut_out_by_the_logout(both, contract):
    """The very next answer says so, in either shell, and every one after it."""
    for house, told in both:
        ask = question(house, contract, b"/x", "alice")
        assert {told.ask(ask).split(b" ")[1] for _ in range(5)} == {b"200"}
        sign_out(house, "alice")
        assert {told.ask(ask).split(b" ")[1] for _ in range(5)} == {b"401"}
