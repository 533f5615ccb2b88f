"""A session that this process has seen is opened with one look at the store, and judged by its own people alone."""

import pytest

from gateway.keys.keyring import Keyring
from gateway.observe.events import SessionEnded
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.expected import Expected
from gateway.sessions.person import person_of
from gateway.sessions.rights import Rights, rights_key
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.people import ISSUERS, person, tokens
from tests.kit.randomness import Randomness

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
SPEC = CookieSpec("__Host-gw", None, True, 30 * 86_400)
RING = Keyring.generate(Randomness(), NOW)
SEVEN, EIGHT = person_of(person("7")), person_of(person("8"))


class World:
    """One process, and a session of person 7 in it that it has opened once."""

    def __init__(self):
        clock = Clock(NOW)
        self.store, self.said = MemoryStore(clock), []
        self.rights = Rights(self.store, RING, "here", Limits().absolute, clock, Randomness("rights"))
        self.sessions = Sessions(
            self.store, RING, SPEC, Limits(), "here", self.said.append, clock, Randomness("s"), ISSUERS
        )

    async def begin(self):
        begun = await self.sessions.begin(person("7"), tokens())
        self.ticket, self.session = begun.ticket, begun.session
        return self

    async def seen(self):
        assert await self.sessions.open(self.ticket) == self.session
        return self

    async def calls(self):
        """Open the session: what it was, and what the store was asked for."""
        self.store.calls.clear()
        found = await self.sessions.open(self.ticket)
        return found, list(self.store.calls)

    def ends(self):
        return [event.reason for event in self.said if isinstance(event, SessionEnded)]


@pytest.fixture
async def new(anyio_backend):
    return await World().begin()


@pytest.fixture
async def world(new):
    return await new.seen()


async def test_the_first_sight_of_a_session_is_two_looks(new):
    """Of whom it is stands in the record alone."""
    assert await new.calls() == (new.session, ["read", "get_many"])


async def test_every_other_sight_of_a_session_is_one_look(world):
    """What may override it is asked for beside it."""
    assert await world.calls() == (world.session, ["read"])
    assert await world.calls() == (world.session, ["read"])


async def test_one_look_sees_that_all_sessions_of_a_person_were_ended(world):
    """Written by anybody, since the last look."""
    await world.rights.end_sessions(SEVEN)

    assert await world.sessions.open(world.ticket) is None
    assert world.ends() == ["revoked"]


async def test_one_look_sees_that_a_person_was_disabled(world):
    """And nothing else has to be asked for it."""
    await world.rights.set_disabled(SEVEN, disabled=True)

    found, calls = await world.calls()

    assert (found, calls[0], "get_many" in calls) == (None, "read", False)
    assert world.ends() == ["disabled"]


async def test_whoever_was_guessed_wrongly_does_not_vouch_for_the_session(world):
    """The rights of another person say nothing: those of its own are asked for, and end it."""
    world.sessions._openings._expected.note(world.session.id, (EIGHT,))
    await world.rights.set_disabled(SEVEN, disabled=True)

    found, calls = await world.calls()

    assert (found, calls[:2]) == (None, ["read", "get_many"])
    assert world.ends() == ["disabled"]


async def test_whoever_was_guessed_wrongly_does_not_end_the_session(world):
    """It is not theirs; and from now on the guess is right."""
    world.sessions._openings._expected.note(world.session.id, (EIGHT,))
    await world.rights.set_disabled(EIGHT, disabled=True)

    assert await world.calls() == (world.session, ["read", "get_many"])
    assert await world.calls() == (world.session, ["read"])


async def test_the_rights_of_others_are_not_even_opened(world):
    """A forged record of somebody else is no fault of this session."""
    world.sessions._openings._expected.note(world.session.id, (SEVEN, EIGHT))
    await world.store.put(rights_key(EIGHT), b"forged", 60.0)

    assert await world.calls() == (world.session, ["read"])


async def test_a_session_that_is_gone_is_not_guessed_at_any_more(world):
    """What is kept in mind is of sessions that there are."""
    await world.sessions.end(world.ticket, "logout")

    assert await world.sessions.open(world.ticket) is None
    assert world.sessions._openings._expected.of(world.session.id) == ()


def test_the_sessions_that_were_seen_last_are_kept_in_mind():
    """The memory is bounded."""
    expected = Expected(most=2)
    expected.note("a", ("x",))
    expected.note("b", ("y",))

    assert expected.of("a") == ("x",)
    expected.note("c", ("z",))

    assert [expected.of(sid) for sid in "abc"] == [("x",), (), ("z",)]
