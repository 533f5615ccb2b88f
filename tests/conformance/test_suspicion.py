"""What is suspected of kept passwords, over every store: two processes, one mind."""

import asyncio
import time

import pytest

from gateway.keys.keyring import Keyring
from gateway.observe.events import Alarm
from gateway.sessions.person import person_of
from gateway.sessions.report import Report
from gateway.sessions.rights import Right, Rights
from gateway.sessions.session import Grant
from gateway.sessions.suspicion import REFUSED, Suspicions
from tests.kit.clock import Clock
from tests.kit.people import person
from tests.kit.randomness import Randomness

pytestmark = pytest.mark.anyio

RING = Keyring.generate(Randomness("ring"), 1.0)


class Process:
    """One replica's suspicions, and what came of them."""

    def __init__(self, store, clock, name, refusals=1):
        self.ended, self.events = [], []
        self.rights = Rights(store, RING, "here", 3600.0, clock, Randomness(name))
        report = Report(self.events.append, clock)
        self.suspicions = Suspicions(store, self.rights, self._end, refusals, report, clock)

    async def _end(self, who, right, reason):
        self.ended.append((who, right.since, reason))

    async def right(self, identity) -> Right:
        (right,) = await self.rights.of((person_of(identity),))
        return right

    async def judged(self, identity):
        return await self.suspicions.judged(identity, await self.right(identity))

    @property
    def alarms(self):
        return [event for event in self.events if isinstance(event, Alarm)]


@pytest.fixture
def clock():
    return Clock(time.time())


@pytest.fixture
def pair(store, clock):
    return Process(store, clock, "one"), Process(store, clock, "two")


def kept(clock):
    return Grant(provider="staff", account="a", password="p", begun=int(clock()) - 100)


async def test_one_session_of_a_person_asks_at_a_time(pair):
    """Of ten that want the turn one has it, until it is given back."""
    one, two = pair
    wants = [process.suspicions.take_turn(person("7"), 30.0) for process in (one, two) * 5]

    assert sum(await asyncio.gather(*wants)) == 1
    await one.suspicions.give_turn_back(person("7"))
    assert await two.suspicions.take_turn(person("7"), 30.0)
    assert await one.suspicions.take_turn(person("8"), 30.0)


async def test_what_one_suspects_the_other_holds_back_and_judges(pair, clock):
    """One person alone has another password now: their older sessions end."""
    one, two = pair
    assert await one.suspicions.refused(person("7"), kept(clock)) == 60

    assert await two.suspicions.holds_back(person("7"))
    assert (await two.judged(person("7"))).since == 0
    clock.advance(61)
    right = await two.judged(person("7"))

    assert (right.why, right.suspicion) == (REFUSED, None)
    assert right.since == kept(clock).begun - 61 + 1
    assert two.ended == [(person_of(person("7")), right.since, REFUSED)]
    assert not await one.suspicions.holds_back(person("7"))


async def test_a_good_password_clears_its_own_refusal_alone(pair, clock):
    """What a later login holds may be another password."""
    one, two = pair
    grant = kept(clock)
    await one.suspicions.refused(person("7"), grant)

    await two.suspicions.accepted(person("7", authenticated_at=grant.begun + 1))
    assert await one.suspicions.holds_back(person("7"))
    await two.suspicions.accepted(person("7", authenticated_at=grant.begun))
    assert not await one.suspicions.holds_back(person("7"))


async def test_a_login_since_then_is_left_alone(pair, clock):
    """Sessions begun before the newest one end, and it does not."""
    one, two = pair
    await one.suspicions.refused(person("7"), kept(clock))
    new = person("7", authenticated_at=int(clock()) - 10)
    await two.suspicions.signed_in(new, kept(clock))
    clock.advance(61)

    right = await one.judged(person("7"))

    assert right.over(0, new.authenticated_at) == ""
    assert right.over(0, new.authenticated_at - 1) == REFUSED


async def test_three_people_at_two_processes_are_the_operators_fault(pair, clock):
    """Nothing ends, and it is said."""
    one, two = pair
    for process, subject in ((one, "7"), (two, "8"), (two, "9")):
        await process.suspicions.refused(person(subject), kept(clock))
    clock.advance(61)

    for subject in ("7", "8", "9"):
        right = await one.judged(person(subject))
        assert (right.since, right.suspicion.refusals) == (0, 0)
    assert one.ended == two.ended == []
    assert len(one.alarms) == 1


async def test_a_verdict_is_given_once(pair, clock):
    """Two processes judge in the same moment, and agree."""
    one, two = pair
    await one.suspicions.refused(person("7"), kept(clock))
    clock.advance(61)
    seen = await one.right(person("7"))

    rights = await asyncio.gather(
        one.suspicions.judged(person("7"), seen), two.suspicions.judged(person("7"), seen)
    )

    assert rights[0] == rights[1] == await one.right(person("7"))


async def test_nothing_of_a_password_stands_in_the_record(pair, clock, store):
    """Neither itself nor a fingerprint: times and numbers."""
    one, _ = pair
    await one.suspicions.refused(person("7"), kept(clock))

    right = await one.right(person("7"))

    assert {type(value) for value in (right.suspicion.at, right.suspicion.until, right.suspicion.proven)} == {
        int
    }
    assert set(type(right).__slots__) == {"epoch", "disabled", "since", "why", "newest", "suspicion"}
