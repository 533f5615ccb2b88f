"""Lists of sessions by whose they are, and ending them without a ticket."""

import json

import pytest

from gateway.errors import AttemptUnknown, StoreFault
from gateway.keys.keyring import Keyring
from gateway.observe.events import PersonSignedOut, SessionEnded
from gateway.sessions import index
from gateway.sessions.cookie import CookieSpec
from gateway.sessions.device import Device
from gateway.sessions.entry import Entry, EntrySealing
from gateway.sessions.inventory import Inventory
from gateway.sessions.person import person_of
from gateway.sessions.sealing import record_key
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from gateway.storage.bus import About
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
CORP, PARTNER = ISSUERS["corp"], ISSUERS["partner"]
LAPTOP = Device("Firefox on Linux", "192.0.2.0/24")


class Between(MemoryStore):
    """A store at which something happens between the entry on the list and the record."""

    between = None

    async def create(self, *arguments, **named):
        if self.between is not None:
            between, self.between = self.between, None
            await between()
        return await super().create(*arguments, **named)


class World:
    """One deployment: sessions, their inventory, a bus, and what was said."""

    def __init__(self):
        self.clock = Clock(NOW)
        self.store = Between(self.clock)
        self.bus, self.said, self.slept = MemoryBus(), [], []
        self.sessions = Sessions(
            self.store, RING, SPEC, Limits(), "here", self.said.append, self.clock, Randomness("s"), ISSUERS,
            bus=self.bus,
        )  # fmt: skip
        self.inventory = Inventory(
            self.store, RING, Limits().absolute, "here", self.said.append, self.clock, Randomness("i"),
            self.bus, self.sleep,
        )  # fmt: skip

    async def sleep(self, seconds):
        self.slept.append(seconds)

    async def ids(self, subject="7", issuer=CORP):
        return [listed.id for listed in await self.inventory.of_person(issuer, subject)]

    def ends(self):
        return [event.reason for event in self.said if isinstance(event, SessionEnded)]

    def members(self):
        return {member for members in self.store.indexes.values() for member in members}


@pytest.fixture
def world():
    return World()


async def test_a_person_s_sessions_are_listed_oldest_first(world):
    """What is shown of each: since when, from where, and how lately."""
    first = await world.sessions.begin(person("7"), tokens(), device=LAPTOP)
    world.clock.advance(100)
    second = await world.sessions.begin(person("7"), tokens())
    await world.sessions.begin(person("8"), tokens())
    await world.sessions.open(first.ticket)

    one, two = await world.inventory.of_person(CORP, "7")

    assert (one.id, one.seen) == (first.session.id, NOW + 100)
    assert one.entry == Entry(
        created=NOW,
        absolute_end=NOW + 30 * DAY,
        provider="corp",
        subject="corp:7",
        device="Firefox on Linux",
        network="192.0.2.0/24",
        people={person_of(person("7")): 0},
    )
    assert (two.id, two.entry.device, two.entry.network) == (second.session.id, "", "")


async def test_a_session_of_two_people_is_listed_under_both(world):
    """And ends for both."""
    first = await world.sessions.begin(person("7", "corp"), tokens("corp"))
    joined = await world.sessions.begin(person("8", "partner"), tokens("partner"), joins=first.ticket)

    assert await world.ids("7", CORP) == await world.ids("8", PARTNER) == [joined.session.id]
    await world.inventory.end_all(PARTNER, "8", "operator")
    await world.inventory.close(1.0)
    assert await world.sessions.open(joined.ticket) is None
    assert world.members() == set()


async def test_the_store_does_not_show_whose_sessions_it_keeps(world):
    """Neither in keys nor in values."""
    await world.sessions.begin(person("some-body", sid="provider-session"), tokens(), device=LAPTOP)

    dump = repr((world.store.plain, world.store.records, world.store.indexes))

    for word in ("some-body", "corp.example.com", "provider-session", "Firefox", "192.0.2"):
        assert word not in dump


async def test_what_is_listed_holds_nothing_that_opens_the_session(world):
    """Whoever has the server's keys and a copy of the store reads the lists, and no token, name or group."""
    begun = await world.sessions.begin(person("7"), tokens(), device=LAPTOP)
    sealed = world.store.records[record_key(begun.session.id)].fields["meta"]

    shown = repr(EntrySealing(RING, "here", Randomness("x")).open(begun.session.id, sealed))

    for secret in ("corp-refresh", "corp-access", "user-7", "staff", begun.cookie, begun.ticket.secret.hex()):
        assert secret not in shown


async def test_an_entry_moved_to_another_session_is_not_believed(world):
    """It is sealed for its own."""
    first = await world.sessions.begin(person("7"), tokens())
    second = await world.sessions.begin(person("7"), tokens())
    fields = world.store.records[record_key(second.session.id)].fields
    fields["meta"] = world.store.records[record_key(first.session.id)].fields["meta"]

    assert await world.ids() == [first.session.id]
    assert await world.inventory.get(second.session.id) is None


@pytest.mark.parametrize("payload", [b"[]", b"{}", b'{"v": 2}', b'{"v": 1, "people": 3}', b"\xff"])
async def test_an_entry_of_another_shape_is_no_entry(world, payload):
    """A newer release may have written it; it is left alone."""
    begun = await world.sessions.begin(person("7"), tokens())
    sealing = EntrySealing(RING, "here", Randomness("x"))
    record = world.store.records[record_key(begun.session.id)]
    record.fields["meta"] = sealing._sealer.seal(payload, sealing._aad(begun.session.id))

    assert await world.ids() == []
    assert await world.sessions.open(begun.ticket)


def test_members_of_a_later_release_are_passed_over():
    """An entry may come to say more."""
    sealing = EntrySealing(RING, "here", Randomness("x"))
    payload = {"v": 1, "created": 1, "absolute_end": 2, "provider": "corp", "subject": "corp:7", "city": "?"}
    sealed = sealing._sealer.seal(json.dumps(payload).encode(), sealing._aad("sid"))

    assert sealing.open("sid", sealed) == Entry(created=1, absolute_end=2, provider="corp", subject="corp:7")


@pytest.mark.parametrize("how", ["logout", "idle", "absolute", "replaced", "operator"])
async def test_whatever_ends_a_session_takes_it_off_its_lists(world, how):
    """And never a newer one of the same person (which began before, or after)."""
    old = await world.sessions.begin(person("7", sid="p1"), tokens())
    stays = await world.sessions.begin(person("7", sid="p1"), tokens())
    if how in {"idle", "absolute"}:
        for step in {"idle": (2 * DAY, DAY + 600), "absolute": (2 * DAY,) * 15}[how]:
            world.clock.advance(step)
            await world.sessions.open(stays.ticket)
            if how == "absolute" and world.clock() < NOW + 29 * DAY:
                await world.sessions.open(old.ticket)
        stays = await world.sessions.begin(person("7", sid="p1"), tokens())
    if how == "logout":
        await world.sessions.end(old.ticket, "logout")
    elif how == "replaced":
        await world.sessions.begin(person("9", "partner"), None, joins=old.ticket, browser="another")
    elif how == "operator":
        assert await world.inventory.end(old.session.id, "operator")
    else:
        await world.sessions.open(old.ticket)

    assert old.session.id not in world.members()
    assert stays.session.id in await world.ids()


async def test_a_crash_after_the_entry_leaves_an_entry_that_is_no_session(world):
    """The list says one more than there are; who reads it does not."""
    world.store.fail_next("create")
    with pytest.raises(StoreFault):
        await world.sessions.begin(person("7"), tokens())

    assert len(world.members()) == 1
    assert await world.ids() == []


async def test_looking_at_a_list_takes_nobody_off_it(world):
    """Of a session that is being begun the entry is there, and the record not yet."""
    seen = []

    async def look():
        seen.append(await world.ids())

    world.store.between = look
    begun = await world.sessions.begin(person("7"), tokens())

    assert seen == [[]]
    assert await world.ids() == [begun.session.id]


async def test_an_entry_that_cannot_be_removed_does_not_keep_a_session(world):
    """The record is what counts."""
    begun = await world.sessions.begin(person("7"), tokens())
    world.store.fail_next("index_remove")

    await world.sessions.end(begun.ticket, "logout")

    assert world.ends() == ["logout"]
    assert await world.ids() == []


async def test_a_session_that_is_not_there_is_not_ended(world):
    """Ending twice ends once, and says so."""
    begun = await world.sessions.begin(person("7"), tokens())

    assert await world.inventory.end(begun.session.id, "operator")
    assert not await world.inventory.end(begun.session.id, "operator")
    assert world.ends() == ["operator"]
    assert {notice.about for notice in world.bus.heard} == {About.SESSION}


@pytest.mark.parametrize("many", [1, 1000])
async def test_however_many_sessions_end_in_one_call_of_constant_cost(world, many):
    """Two questions to the store and one notice; the records go beside that, with pauses."""
    tickets = [(await world.sessions.begin(person("7"), None)).ticket for _ in range(many)]
    world.store.calls.clear()
    world.bus.heard.clear()

    await world.inventory.end_all(CORP, "7", "operator")

    assert world.store.calls == ["get", "replace"]
    assert [(notice.about, notice.name) for notice in world.bus.heard] == [
        (About.PERSON, person_of(person("7")))
    ]
    assert await world.sessions.open(tickets[0]) is None
    assert await world.sessions.open(tickets[-1]) is None
    assert await world.ids() == []
    await world.inventory.close(60.0)
    assert world.store.records == {}
    assert world.members() == set()
    assert len(world.slept) >= many // 50 - 1
    assert [event.reason for event in world.said if isinstance(event, PersonSignedOut)] == ["operator"]


async def test_case32_who_signs_in_while_the_old_sessions_are_deleted_stays(world):
    """The new session is of the new epoch."""
    await world.sessions.begin(person("7"), tokens())
    await world.inventory.end_all(CORP, "7", "operator")
    begun = await world.sessions.begin(person("7"), tokens())

    await world.inventory.close(1.0)

    assert await world.ids() == [begun.session.id]
    assert await world.sessions.open(begun.ticket) == begun.session


async def test_what_a_stopped_process_left_over_is_over(world):
    """It is neither opened nor listed."""
    begun = await world.sessions.begin(person("7"), tokens())
    await world.inventory.end_all(CORP, "7", "operator")
    await world.inventory.close(0.0)

    assert await world.ids() == []
    assert await world.sessions.open(begun.ticket) is None


async def test_a_person_can_be_disabled_and_enabled(world):
    """Others hear of both."""
    await world.sessions.begin(person("7"), tokens())

    await world.inventory.disable(CORP, "7")
    await world.inventory.close(1.0)
    assert (await world.inventory.right(CORP, "7")).disabled
    assert world.store.records == {}
    await world.inventory.enable(CORP, "7")

    assert not (await world.inventory.right(CORP, "7")).disabled
    assert [notice.about for notice in world.bus.heard if notice.about is About.PERSON] == [About.PERSON] * 2


async def test_the_sessions_of_one_login_end_by_the_provider_s_name_for_it(world):
    """Those of the same person from other logins go on; so do those of another provider with the same name."""
    mine = [await world.sessions.begin(person("7", sid="p1"), tokens()) for _ in range(2)]
    other = await world.sessions.begin(person("7", sid="p2"), tokens())
    foreign = await world.sessions.begin(person("7", "partner", sid="p1"), None)

    assert await world.inventory.end_login(CORP, "p1", "backchannel_logout") == 2

    assert [await world.sessions.open(one.ticket) for one in mine] == [None, None]
    assert await world.sessions.open(other.ticket)
    assert await world.sessions.open(foreign.ticket)
    assert await world.inventory.end_login(CORP, "p1", "backchannel_logout") == 0


@pytest.mark.parametrize("sid", ["p1", "p2"])
async def test_a_login_that_ends_while_its_session_is_begun_gives_none(world, sid):
    """Its entry was there and its record was not. A session of another login is none of its business."""

    async def end_login():
        await world.inventory.end_login(CORP, "p1", "backchannel_logout")

    world.store.between = end_login
    if sid == "p2":
        assert await world.sessions.begin(person("7", sid=sid), tokens())
        return
    with pytest.raises(AttemptUnknown):
        await world.sessions.begin(person("7", sid=sid), tokens())

    assert world.store.records == {}
    assert world.members() == set()


async def test_a_login_that_joins_keeps_the_names_of_those_who_move(world):
    """Each provider can still end its own."""
    first = await world.sessions.begin(person("7", "corp", sid="p1"), tokens("corp"))
    joined = await world.sessions.begin(
        person("8", "partner", sid="q1"), tokens("partner"), joins=first.ticket
    )

    assert await world.inventory.end_login(CORP, "p1", "backchannel_logout") == 1
    assert await world.sessions.open(joined.ticket) is None


async def test_the_oldest_session_ends_where_a_list_is_full(world, monkeypatch):
    """No session is off its lists: it could not be found to be ended."""
    monkeypatch.setattr(index, "MOST", 3)
    begun = [await world.sessions.begin(person("7"), tokens()) for _ in range(5)]

    opened = [await world.sessions.open(one.ticket) for one in begun]

    assert [one is not None for one in opened] == [False, False, True, True, True]
    assert world.ends() == ["crowded_out"] * 2
