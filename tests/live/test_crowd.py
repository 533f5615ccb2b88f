"""A thousand connections at once, slow and half-said ones among them: every question gets its own answer."""

import asyncio
import random
import re
from pathlib import Path

import pytest

from tests.kit.real_gateway import RealGateway, alice
from tests.kit.scene import APP, scene_settings
from tests.kit.servers import free_ports

pytestmark = pytest.mark.live

CONNECTIONS = 1000
PEOPLE = 50
ROUNDS = 4
ASKED = 10
"""Questions on one connection in a round."""
PATIENCE = 60
GROWTH = 8_000
"""Kilobytes that the process may be larger after the last round than after the first."""

RULES = [
    # Opened anew for each check.
    {"name": "cold", "paths": ["/cold/**"], "freshness": "strict", "allow": "authenticated"},
    {"name": "rest", "allow": "authenticated"},
]
_USER = re.compile(rb"\r\nx-auth-user: ([^\r]*)\r\n")
_LOCATION = re.compile(rb"\r\nlocation: ([^\r]*)\r\n")


@pytest.fixture
def gateway(tmp_path):
    settings = scene_settings("one-host", free_ports(4))
    one = RealGateway(settings, tmp_path, {"rules": RULES, "log": {"level": "warning"}})
    one.start()
    yield one
    one.stop()


@pytest.fixture
def cookies(gateway):
    async def begin():
        people = [
            alice(gateway.document["providers"], subject=f"p-{i}", user=f"person-{i}") for i in range(PEOPLE)
        ]
        return [await gateway.session_of(person) for person in people]

    return asyncio.run(begin())


class Visitor:
    """One connection: a person, or every tenth nobody. `manner` is how it talks: plainly, slowly, or in halves."""

    def __init__(self, number, cookies, chance):
        self.number = number
        self.person = number % PEOPLE if number % 10 else None
        self.cookie = cookies[self.person] if self.person is not None else ""
        self.manner = ("plainly", "slowly", "in halves")[number % 3 if number % 2 else 0]
        self.chance = chance
        self.answered = self.cold = 0

    def question(self, place):
        cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
        return (
            "GET /verify/forward-auth HTTP/1.1\r\nHost: gateway\r\nX-Forwarded-Method: GET\r\n"
            f"X-Forwarded-Host: {APP}\r\nX-Forwarded-Uri: {place}\r\nX-Forwarded-For: 198.51.100.7\r\n"
            f"Accept: text/html\r\n{cookie}\r\n"
        ).encode()

    def places(self, turn):
        """A tenth of the people's questions are cold; each has an address that nobody else asks for."""
        for i in range(ASKED):
            cold = self.chance.random() < 0.1
            self.cold += cold and self.person is not None
            yield f"/{'cold' if cold else 'warm'}/{self.number}-{turn}-{i}"

    def hold(self, answer, place):
        """The answer is to this question, of this person."""
        self.answered += 1
        if self.person is None:
            assert answer.startswith(b"HTTP/1.1 303 "), answer
            assert place.encode() in _LOCATION.search(answer)[1]
        else:
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            assert _USER.search(answer)[1] == b"person-%d" % self.person

    async def talk(self, reader, writer, turn):
        places = list(self.places(turn))
        questions = [self.question(place) for place in places]
        if self.manner == "slowly":
            writer.write(b"".join(questions))  # all at once; then it takes its time with the answers
            for place in places:
                await asyncio.sleep(0.02)
                self.hold(await answer_of(reader), place)
            return
        for question, place in zip(questions, places, strict=True):
            cut = self.chance.randrange(len(question)) if self.manner == "in halves" else 0
            writer.write(question[:cut])
            if cut:
                await asyncio.sleep(0.05)
            writer.write(question[cut:])
            self.hold(await answer_of(reader), place)


async def answer_of(reader):
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)


def resident(pid):
    """Kilobytes."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


async def crowd(port, pid, visitors):
    """Memory after each round."""
    links = [await asyncio.open_connection("127.0.0.1", port, limit=4096) for _ in visitors]
    # Some never say a whole question, and are no reason for anybody else to wait.
    mute = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
    for number, (_, writer) in enumerate(mute):
        writer.write(visitors[0].question("/mute")[: number * 4])
    sizes = []
    for turn in range(ROUNDS):
        await asyncio.gather(
            *[visitor.talk(*link, turn) for visitor, link in zip(visitors, links, strict=True)]
        )
        sizes.append(resident(pid))
    for _, writer in [*links, *mute]:
        writer.close()
    return sizes


def test_a_thousand_connections_get_their_own_answers_and_none_is_lost(gateway, cookies, figure):
    """Slow readers, halves of heads, a tenth of the sessions cold; and the process does not grow."""
    chance = random.Random(7)
    visitors = [Visitor(number, cookies, chance) for number in range(CONNECTIONS)]
    port = gateway.settings.server.verify_bind.port

    sizes = asyncio.run(crowd(port, gateway.process.pid, visitors))

    asked = CONNECTIONS * ASKED * ROUNDS
    assert sum(visitor.answered for visitor in visitors) == asked
    assert sum(visitor.cold for visitor in visitors) > asked / 20
    assert sizes[-1] - sizes[0] < GROWTH, sizes
    figure("a thousand connections, answers", asked, "answers")
    figure("a thousand connections, growth after the first round", sizes[-1] - sizes[0], "kB")
