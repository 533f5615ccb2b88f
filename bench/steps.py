"""Where the microseconds of a check are: each step by itself, in one process, without a socket.

    .venv/bin/python -m bench.steps

The least of several runs of a loop, so the processor's caches are warm: beside a kernel that sends and receives, the
same steps take two to three times as long. The figures say which step is dear, and not what a check costs.
"""

import asyncio
import time
import timeit
from collections.abc import Callable, Iterator

from bench.questions import BROWSER
from gateway.identity.presented import Head
from gateway.observe.decisions import Decisions
from gateway.policy.target import parse_target
from gateway.sessions.cache import Memory
from tests.kit.verify_house import APP, PROXY, VerifyHouse, family, open_house

LOOPS, RUNS = 20_000, 5
CONTRACT = "forward-auth"
URI = b"/mail/inbox?page=2"


def head(house: VerifyHouse, who: str) -> Head:
    """What Traefik would ask for a browser."""
    own = "" if who == "nobody" else f"; {house.cookie(who)}"
    lines = [(name.lower().encode(), value.encode()) for name, value in BROWSER]
    lines += [*family(CONTRACT, b"GET", APP.encode(), URI), (b"cookie", f"theme=dark{own}".encode())]
    return Head("GET", b"/verify/forward-auth", tuple(lines), PROXY, 1_000)


def microseconds(step: Callable[[], object]) -> float:
    """Of one call, the call of an empty function taken off."""
    empty = min(timeit.repeat(lambda: None, number=LOOPS, repeat=RUNS))
    return max(min(timeit.repeat(step, number=LOOPS, repeat=RUNS)) - empty, 0.0) / LOOPS * 1e6


def steps(house: VerifyHouse, decisions: Decisions) -> Iterator[tuple[str, Callable[[], object]]]:
    """Name and step, in the order in which a check of a head that nobody has seen goes through them."""
    verify, check = house.verify, house.check
    asking = head(house, "alice")
    route = house.routes[asking.target]
    question = route.contract.read(asking, "")
    client = house.proxies.client(asking)
    asked = check.ask(asking, question, client)
    target, ticket = asked.target, asked.presented.ticket
    rules = check.places._rules[""]  # noqa: SLF001 (its parts are what is measured)
    hosts = check.places._hosts  # noqa: SLF001
    assert ticket is not None
    memory = check.reader.now(ticket, strict=False)
    assert isinstance(memory, Memory)
    assert memory.session is not None
    rule, session = asked.place.judge(), memory.session
    judged = check.begin(asked, "d")
    assert isinstance(judged, tuple)

    def fresh() -> Head:
        return Head(asking.method, asking.target, asking.headers, PROXY, 1_000)

    yield "head: its lines by name", fresh
    yield "peer: is it trusted", lambda: house.proxies.trusts(asking)
    yield "contract: the question", lambda: route.contract.read(asking, "")
    yield "client: behind which proxies", lambda: house.proxies.client(asking)
    yield "target: host, method, path", lambda: parse_target(APP.encode(), URI, b"GET", hosts)
    yield "match: the rule", lambda: rules.match(target, client)
    yield "target and match, remembered", lambda: check.places.find(question, client)
    yield "cookie: the ticket, read anew", lambda: check.tickets._read(asking.all(b"cookie"))  # noqa: SLF001
    yield "cookie: the ticket, remembered", lambda: check.tickets.read(asking)
    yield "cache: the session", lambda: check.reader.now(ticket, strict=False)
    yield "verdict: decide, headers, made anew", lambda: check.verdicts.of(rule, session, APP, "d")
    yield "the outcome, verdict remembered", lambda: check.begin(asked, "d")
    yield "reply: from the outcome", lambda: route.contract.reply(judged.outcome, "d")
    yield "metrics: counted", lambda: decisions.answered(CONTRACT, "allow", 0.000_01)
    yield "whole: a head that nobody has seen", lambda: verify.answer_at(fresh())
    yield "whole: a head that came before", lambda: verify.answer_at(asking)


async def opened() -> VerifyHouse:
    """A house whose person is remembered, and whose clocks are the machine's own."""
    house = await open_house()
    house.verify._timer = time.perf_counter  # noqa: SLF001
    house.verify._decided = lambda *_: False  # noqa: SLF001
    for _ in range(3):
        await house.answer(CONTRACT, head(house, "alice"))
    return house


async def main() -> None:
    house = await opened()
    decisions = Decisions({})
    for name, step in steps(house, decisions):
        print(f"{name:40} {microseconds(step):6.2f} µs", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
