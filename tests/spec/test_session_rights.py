"""What overrides every session of a person: the epoch, and being disabled."""

from dataclasses import replace

import pytest

from gateway.errors import NotAllowed, StoreFault
from gateway.keys.keyring import Keyring
from gateway.observe.events import SessionEnded
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.lease import Lease
from gateway.sessions.person import person_of
from gateway.sessions.rights import YEAR, Right, Rights
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from gateway.storage.bus import About
from gateway.storage.store import Written
from tests.kit.clock import Clock
from tests.kit.memory_bus import MemoryBus
from tests.kit.memory_store import MemoryStore
from tests.kit.people import ISSUERS, person, tokens
from tests.kit.randomness import Randomness

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
DAY = 86_400
SPEC = CookieSpec("__Host-gw", None, True, 30 * DAY)
RING = Keyring.generate(Randomness(), NOW)
SEVEN = person_of(person("7"))


class Between(MemoryStore):
    """A store at which something happens in the middle of a login: after its reads, before its record."""

    between = None

    async def create(self, *arguments, **named):
        if self.between is not None:
            between, self.between = self.between, None
            await between()
        return await super().create(*arguments, **named)


class World:
    """One deployment: sessions, rights, a bus, and what was said."""

    def __init__(self, ring=RING):
        self.clock = Clock(NOW)
        self.store = Between(self.clock)
        self.bus, self.said = MemoryBus(), []
        self.rights = Rights(self.store, ring, "here", Limits().absolute, self.clock, Randomness("rights"))
        self.sessions = Sessions(
            self.store, ring, SPEC, Limits(), "here", self.said.append, self.clock, Randomness("s"), ISSUERS,
            bus=self.bus,
        )  # fmt: skip

    async def right(self, name=SEVEN):
        (right,) = await self.rights.of((name,))
        return right

    def ends(self):
        return [event.reason for event in self.said if isinstance(event, SessionEnded)]

    def raw(self):
        (key,) = [key for key in self.store.plain if key.startswith("rights:")]
        return self.store.plain[key]


@pytest.fixture
def world():
    return World()


async def test_nobody_has_rights_to_begin_with(world):
    """No record is epoch 0, and not disabled."""
    assert await world.right() == Right()


async def test_every_session_of_a_person_ends_with_one_write(world):
    """Those of others go on."""
    mine = [await world.sessions.begin(person("7"), tokens()) for _ in range(3)]
    other = await world.sessions.begin(person("8"), tokens())
    world.store.calls.clear()

    await world.rights.end_sessions(SEVEN)

    assert world.store.calls == ["get", "replace"]
    assert [await world.sessions.open(one.ticket) for one in mine] == [None, None, None]
    assert world.ends() == ["revoked"] * 3
    assert await world.sessions.open(other.ticket) == other.session


async def test_whoever_signs_in_afterwards_is_in(world):
    """A session carries the epoch that it was begun in, also past a refresh."""
    await world.rights.end_sessions(SEVEN)

    begun = await world.sessions.begin(person("7"), tokens())

    assert begun.session.epochs == {"corp": NOW * 1000}
    assert await world.sessions.open(begun.ticket) == begun.session


async def test_a_session_that_is_being_begun_ends_too(world):
    """The login has read the epoch, and its record is not there yet: nobody could find it to delete it."""

    async def end_all():
        await world.rights.end_sessions(SEVEN)

    world.store.between = end_all
    begun = await world.sessions.begin(person("7"), tokens())

    assert await world.sessions.open(begun.ticket) is None
    assert world.ends() == ["revoked"]


async def test_a_login_that_joins_forgives_nothing(world):
    """The first login's epoch moves with it: ended at that moment, it is not lifted over the end."""
    first = await world.sessions.begin(person("7", "corp"), tokens("corp"))

    async def end_all():
        await world.rights.end_sessions(SEVEN)

    world.store.between = end_all
    joined = await world.sessions.begin(person("8", "partner"), tokens("partner"), joins=first.ticket)

    assert await world.sessions.open(joined.ticket) is None


async def test_a_session_of_two_people_ends_with_either(world):
    """It speaks for both."""
    for subject, provider in (("7", "corp"), ("8", "partner")):
        first = await world.sessions.begin(person("7", "corp"), tokens("corp"))
        joined = await world.sessions.begin(person("8", "partner"), tokens("partner"), joins=first.ticket)
        assert await world.sessions.open(joined.ticket)

        await world.rights.end_sessions(person_of(person(subject, provider)))

        assert await world.sessions.open(joined.ticket) is None


async def test_an_epoch_is_never_below_what_living_sessions_carry(world):
    """Not where the record had run out; not where the clock has gone back."""
    await world.rights.end_sessions(SEVEN)
    later = await world.sessions.begin(person("7"), tokens())
    world.clock.advance(-3600)

    right = await world.rights.end_sessions(SEVEN)

    assert right.epoch == NOW * 1000 + 1
    world.clock.advance(3601)
    assert await world.sessions.open(later.ticket) is None


async def test_a_record_lives_as_long_as_any_session_that_it_overrides(world):
    """The longest absolute limit, and a little more; each write begins anew."""
    await world.rights.end_sessions(SEVEN)
    assert world.raw().ends >= NOW + 30 * DAY

    world.clock.advance(29 * DAY)
    await world.rights.end_sessions(SEVEN)

    assert world.raw().ends >= NOW + 59 * DAY


async def test_who_is_disabled_is_out_and_stays_out(world):
    """No session opens, none is begun, and nothing of the login is left."""
    begun = await world.sessions.begin(person("7"), tokens())
    await world.rights.set_disabled(SEVEN, disabled=True)

    assert await world.sessions.open(begun.ticket) is None
    assert world.ends() == ["disabled"]
    world.store.records.clear()
    with pytest.raises(NotAllowed):
        await world.sessions.begin(person("7"), tokens())
    assert world.store.records == {}
    assert world.raw().ends >= NOW + YEAR


async def test_who_is_enabled_again_has_to_sign_in(world):
    """The sessions of before do not come back."""
    begun = await world.sessions.begin(person("7"), tokens())
    await world.rights.set_disabled(SEVEN, disabled=True)
    await world.rights.set_disabled(SEVEN, disabled=False)

    assert await world.sessions.open(begun.ticket) is None
    again = await world.sessions.begin(person("7"), tokens())
    assert await world.sessions.open(again.ticket)


async def test_ending_all_sessions_lets_nobody_in(world):
    """Being disabled is a thing of its own."""
    await world.rights.set_disabled(SEVEN, disabled=True)

    right = await world.rights.end_sessions(SEVEN)

    assert right.disabled


@pytest.mark.parametrize("verb", ["get_many", "read"])
async def test_a_store_that_does_not_answer_is_a_fault(world, verb):
    """It is never "nothing against this person", and never "no session"."""
    begun = await world.sessions.begin(person("7"), tokens())
    world.store.fail_next(verb)

    with pytest.raises(StoreFault):
        await world.sessions.open(begun.ticket)
    assert world.ends() == []


async def test_no_session_is_begun_while_nobody_knows_the_rights(world):
    """The fault comes before anything is written."""
    world.store.fail_next("get_many")

    with pytest.raises(StoreFault):
        await world.sessions.begin(person("7"), tokens())
    assert world.store.records == {}
    assert world.store.indexes == {}


@pytest.mark.parametrize("forged", [b"", b"{}", b"1.x.aaaa"])
async def test_a_record_that_does_not_open_is_a_fault_and_no_pardon(world, forged):
    """It may have said that the person is disabled. An operator writes it anew."""
    begun = await world.sessions.begin(person("7"), tokens())
    await world.rights.set_disabled(SEVEN, disabled=True)
    world.raw().value = forged

    for call in (world.sessions.open(begun.ticket), world.rights.end_sessions(SEVEN)):
        with pytest.raises(StoreFault):
            await call
    await world.rights.set_disabled(SEVEN, disabled=False)
    assert not (await world.right()).disabled
    assert await world.sessions.open(begun.ticket) is None


async def test_a_record_of_one_person_is_not_that_of_another(world):
    """Moved in the store, it does not open."""
    await world.rights.set_disabled(SEVEN, disabled=True)
    disabled = world.raw().value
    await world.rights.end_sessions(person_of(person("8")))
    keys = [key for key in world.store.plain if key.startswith("rights:")]
    for key in keys:
        world.store.plain[key].value = disabled

    with pytest.raises(StoreFault):
        await world.right(person_of(person("8")))


async def test_a_record_does_not_say_whose_it_is(world):
    """Neither the issuer nor the subject stands in the store in the clear."""
    await world.rights.end_sessions(SEVEN)

    text = repr(world.store.plain)

    assert "corp.example.com" not in text


async def test_two_who_write_at_the_same_moment_are_both_heard(world):
    """Compare-and-set: who comes second reads anew."""
    begun = await world.sessions.begin(person("7"), tokens())
    replace, raced = world.store.replace, []

    async def race(key, old, new, ttl):
        if not raced:
            raced.append(True)
            await world.rights.set_disabled(SEVEN, disabled=True)
        return await replace(key, old, new, ttl)

    world.store.replace = race
    right = await world.rights.end_sessions(SEVEN)

    assert right.disabled
    assert await world.sessions.open(begun.ticket) is None


async def test_a_race_without_end_is_a_fault(world):
    """Rather than a loop."""

    async def never(*_):
        return False

    world.store.replace = never
    with pytest.raises(StoreFault):
        await world.rights.end_sessions(SEVEN)


async def test_each_end_and_each_commit_is_told(world):
    """After the store was changed: whoever hears it and looks finds the new state."""
    begun = await world.sessions.begin(person("7"), tokens())
    found = []
    world.bus.subscribe(lambda notice: found.append((notice, len(world.store.records))))

    await world.sessions.end(begun.ticket, "logout")

    ((notice, left),) = found
    assert (notice.about, notice.name, notice.at) == (About.SESSION, begun.session.id, NOW)
    assert left == 0


async def test_an_end_that_cannot_be_told_is_an_end(world):
    """What others remember runs out by its age."""
    begun = await world.sessions.begin(person("7"), tokens())
    world.bus.cut()

    await world.sessions.end(begun.ticket, "logout")

    assert world.ends() == ["logout"]
    assert await world.sessions.open(begun.ticket) is None


async def test_an_end_whose_reply_was_lost_is_told_when_it_is_tried_again(world):
    """The record is gone by then; the memories of others may not be."""
    begun = await world.sessions.begin(person("7"), tokens())
    world.store.lose_reply("delete")
    with pytest.raises(StoreFault):
        await world.sessions.end(begun.ticket, "logout")
    assert world.bus.heard == []

    await world.sessions.end(begun.ticket, "logout")

    assert [notice.name for notice in world.bus.heard] == [begun.session.id]


async def test_a_commit_is_told(world):
    """New tokens, or new groups: other processes have to look anew. A commit that came too late changes nothing."""
    begun = await world.sessions.begin(person("7"), tokens())
    draft = world.sessions.draft(
        begun.ticket, begun.session, Lease(1, "us", ambiguous=False, ends=NOW), (person("7"),), {}
    )

    assert await world.sessions.commit(draft) == draft.session
    assert [notice.name for notice in world.bus.heard] == [begun.session.id]
    late = replace(draft, lease=Lease(2, "late", ambiguous=False, ends=NOW))
    assert await world.sessions.commit(late) is Written.CONFLICT
    assert len(world.bus.heard) == 1
