"""Sessions as a service: begun, opened, joined, committed, failed and ended, with a store that may be down."""

import pytest

from gateway.errors import StoreFault
from gateway.keys.keyring import Keyring
from gateway.observe.events import SessionBegun, SessionEnded
from gateway.sessions.cookie import CookieSpec, Ticket, read_ticket
from gateway.sessions.lease import Lease, Leases
from gateway.sessions.sealing import activity_key, record_key
from gateway.sessions.session import log_name
from gateway.sessions.sessions import Sessions
from gateway.settings.model import Sessions as Limits
from gateway.storage.store import Written
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.people import ISSUERS, asking, person, tokens
from tests.kit.randomness import Randomness

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
DAY = 86_400
SPEC = CookieSpec("__Host-gw", None, True, 30 * DAY)
RING = Keyring.generate(Randomness(), NOW)


class World:
    """One deployment, its clock, its store, and what it said."""

    def __init__(self, ring=RING, issuers=ISSUERS, limits=None, store=None):
        self.clock = store.clock if store else Clock(NOW)
        self.store = store or MemoryStore(self.clock)
        self.said = []
        self.ring = ring
        self.sessions = Sessions(
            self.store,
            ring,
            SPEC,
            limits or Limits(),
            "here",
            self.said.append,
            self.clock,
            Randomness(f"world-{id(self)}"),
            issuers,
        )

    async def lease(self, session):
        """The right to refresh this version."""
        return await Leases(self.store, self.clock, Randomness("leases")).take(session, 15.0, urgent=True)

    async def commit(self, ticket, session, identities, grants, fence=0):
        """What a refresh writes; the version decides, not the lease."""
        lease = Lease(fence, "late", ambiguous=False, ends=NOW)
        return await self.sessions.commit(self.sessions.draft(ticket, session, lease, identities, grants))

    async def fail(self, session, next_try):
        """A refresh that failed."""
        lease = await self.lease(session)
        return await self.sessions.fail(session, lease, next_try, definite=True)

    def ends(self):
        return [event.reason for event in self.said if isinstance(event, SessionEnded)]


@pytest.fixture
def world():
    return World()


async def test_a_session_that_was_begun_is_opened_by_its_cookie(world):
    """All the way from the Set-Cookie value to the person."""
    begun = await world.sessions.begin(person(), tokens())

    ticket = read_ticket(world.ring, SPEC, asking(f"__Host-gw={begun.cookie}"), NOW)
    session = await world.sessions.open(ticket)

    assert session == begun.session
    assert session.latest == person()
    assert (session.token_end, session.token_begun) == (NOW + 3600, NOW)
    assert (session.created, session.absolute_end, session.version) == (NOW, NOW + 30 * DAY, 1)
    assert world.said == [SessionBegun(log_name(session.id), "corp:7", "corp")]


async def test_the_same_person_begins_two_different_sessions(world):
    """A new id, a new key and a new cookie each time."""
    first = await world.sessions.begin(person(), tokens())
    second = await world.sessions.begin(person(), tokens())

    assert first.cookie != second.cookie
    assert first.session.id != second.session.id
    assert await world.sessions.open(first.ticket)
    assert await world.sessions.open(second.ticket)


async def test_the_cookie_does_not_show_in_repr(world):
    """Of what a login hands back."""
    begun = await world.sessions.begin(person(), tokens())

    assert begun.cookie not in repr(begun)
    assert "corp-refresh" not in repr(await world.sessions.grants(begun.ticket, begun.session))


async def test_a_ticket_of_nothing_opens_nothing(world):
    """And writes nothing."""
    assert await world.sessions.open(Ticket("k", NOW, bytes(32))) is None
    assert world.store.calls == ["read"]


async def test_a_check_costs_two_reads(world):
    """The record and the activity beside it, without the tokens; and what overrides every session of the person."""
    begun = await world.sessions.begin(person(), tokens())
    world.store.calls.clear()

    await world.sessions.open(begun.ticket)

    assert world.store.calls == ["read", "get_many"]


async def test_activity_is_written_once_a_minute(world):
    """However many checks there are."""
    begun = await world.sessions.begin(person(), tokens())
    world.store.calls.clear()

    for _ in range(180):
        world.clock.advance(1)
        session = await world.sessions.open(begun.ticket)

    assert world.store.calls.count("touch") == 3
    assert session.seen == NOW + 180


async def test_a_short_idle_limit_does_not_end_who_is_active():
    """Activity is noted ten times within the limit."""
    world = World(limits=Limits(idle="30s"))
    begun = await world.sessions.begin(person(), tokens())

    for _ in range(20):
        world.clock.advance(5)
        assert await world.sessions.open(begun.ticket)


async def test_case26_an_idle_session_ends(world):
    """After three days of silence, and not before."""
    begun = await world.sessions.begin(person(), tokens())

    world.clock.advance(3 * DAY - 1)
    assert await world.sessions.open(begun.ticket)
    world.clock.advance(3 * DAY + 1)
    assert await world.sessions.open(begun.ticket) is None

    assert world.ends() == ["idle"]
    assert world.store.records == {}


async def test_a_session_that_is_idle_for_very_long_is_simply_gone(world):
    """The store forgets it by itself."""
    begun = await world.sessions.begin(person(), tokens())

    world.clock.advance(4 * DAY)

    assert await world.sessions.open(begun.ticket) is None
    assert world.ends() == []


async def test_an_active_session_ends_at_the_absolute_limit(world):
    """Used every day, it ends after thirty."""
    begun = await world.sessions.begin(person(), tokens())

    for _ in range(29):
        world.clock.advance(DAY)
        assert await world.sessions.open(begun.ticket)
    world.clock.advance(DAY)

    assert await world.sessions.open(begun.ticket) is None
    assert world.ends() == ["absolute"]


async def test_a_record_without_activity_counts_as_idle(world):
    """Half a session is none."""
    begun = await world.sessions.begin(person(), tokens())
    del world.store.plain[activity_key(begun.session.id)]

    assert await world.sessions.open(begun.ticket) is None
    assert world.ends() == ["idle"]


async def test_a_logout_between_read_and_touch_wins(world):
    """What has ended never comes back by its own activity."""
    begun = await world.sessions.begin(person(), tokens())
    world.clock.advance(120)
    touch = world.store.touch

    async def logged_out_meanwhile(*arguments):
        await world.store.delete([record_key(begun.session.id)])
        return await touch(*arguments)

    world.store.touch = logged_out_meanwhile

    assert await world.sessions.open(begun.ticket) is None
    assert world.store.records == {}


async def test_joining_moves_logins_and_tokens_and_ends_the_old_session(world):
    """The latest login stands last; the old ticket is dead."""
    old = await world.sessions.begin(person("7", "corp"), tokens("corp"))

    new = await world.sessions.begin(person("8", "partner"), tokens("partner"), joins=old.ticket)

    session = await world.sessions.open(new.ticket)
    assert [one.provider for one in session.identities] == ["corp", "partner"]
    assert session.latest.subject == "8"
    assert set(await world.sessions.grants(new.ticket, session)) == {"corp", "partner"}
    assert await world.sessions.open(old.ticket) is None
    assert len(world.store.records) == 1
    assert world.ends() == ["replaced"]


async def test_joining_with_the_same_provider_replaces_the_login(world):
    """At most one login of each provider, and the tokens are the new ones."""
    old = await world.sessions.begin(person("7"), tokens())

    new = await world.sessions.begin(person("9"), tokens(access_token="new"), joins=old.ticket)

    assert [one.subject for one in new.session.identities] == ["9"]
    grants = await world.sessions.grants(new.ticket, new.session)
    assert [grant.access_token for grant in grants.values()] == ["new"]


async def test_a_login_does_not_live_longer_by_moving(world):
    """What moves over keeps its absolute end; a session of nothing but the new login begins anew."""
    old = await world.sessions.begin(person("7", "corp"), tokens("corp"))
    world.clock.advance(2 * DAY)

    both = await world.sessions.begin(person("8", "partner"), None, joins=old.ticket)
    alone = await world.sessions.begin(person("7", "corp"), None)

    assert both.session.absolute_end == NOW + 30 * DAY
    assert alone.session.absolute_end == NOW + 32 * DAY


async def test_joining_a_dead_ticket_begins_a_session_of_its_own(world):
    """An expired cookie is no reason not to sign in."""
    dead = Ticket(RING.active, NOW, bytes(32))

    begun = await world.sessions.begin(person(), tokens(), joins=dead)

    assert begun.session.identities == (person(),)
    assert world.ends() == []


async def test_a_login_of_a_provider_that_left_does_not_count(world):
    """Nor does one whose section of gateway.yaml now stands for another issuer."""
    old = await world.sessions.begin(person("7", "corp"), tokens("corp"))
    both = await world.sessions.begin(person("8", "partner"), tokens("partner"), joins=old.ticket)

    left = World(issuers={"partner": ISSUERS["partner"]}, store=world.store)
    moved = World(issuers={"corp": "https://other.example.com"}, store=world.store)

    session = await left.sessions.open(both.ticket)
    assert [one.provider for one in session.identities] == ["partner"]
    assert set(await left.sessions.grants(both.ticket, session)) == {"partner"}
    assert await moved.sessions.open(both.ticket) is None
    assert len((await world.sessions.open(both.ticket)).identities) == 2


async def test_a_commit_writes_logins_and_tokens_in_one_step(world):
    """The version goes up, the token's end follows, failures are forgotten."""
    begun = await world.sessions.begin(person(), tokens())
    assert await world.fail(begun.session, NOW + 5.5) == 1
    session = await world.sessions.open(begun.ticket)

    committed = await world.commit(
        begun.ticket, session, (person(name="New"),), {"corp": tokens(expires=NOW + 9000, begun=NOW + 5)}
    )

    assert committed == await world.sessions.open(begun.ticket)
    assert (committed.version, committed.token_end, committed.token_begun) == (2, NOW + 9000, NOW + 5)
    assert (committed.fails, committed.next_try) == (0, 0)
    assert committed.latest.name == "New"
    assert (await world.sessions.grants(begun.ticket, committed))["corp"].expires == NOW + 9000


async def test_a_commit_without_tokens_to_refresh_has_no_token_end(world):
    """The clear field goes, it is not kept from before."""
    begun = await world.sessions.begin(person(), tokens())

    await world.commit(begun.ticket, begun.session, (person(),), {"corp": tokens(refresh_token="")})

    assert (await world.sessions.open(begun.ticket)).token_end == 0


async def test_of_two_commits_one_wins(world):
    """The other is told so, and what it had is not written."""
    begun = await world.sessions.begin(person(), tokens())
    first = await world.commit(begun.ticket, begun.session, (person(name="1"),), {}, fence=1)

    second = await world.commit(begun.ticket, begun.session, (person(name="2"),), {}, fence=2)

    assert second is Written.CONFLICT
    assert await world.sessions.open(begun.ticket) == first


async def test_a_commit_never_brings_back_what_has_ended(world):
    """A refresh that comes home after the logout writes nothing."""
    begun = await world.sessions.begin(person(), tokens())
    await world.sessions.end(begun.ticket, "logout")

    assert await world.commit(begun.ticket, begun.session, (person(),), {}) is None
    late = Lease(0, "late", ambiguous=False, ends=NOW)
    assert await world.sessions.fail(begun.session, late, NOW, definite=True) is None
    assert world.store.records == {}


async def test_a_commit_seals_under_the_active_key(world):
    """So that a rotated key can be dropped in time."""
    begun = await world.sessions.begin(person(), tokens())
    rotated = RING.rotated(Randomness("r"), NOW + 1)
    after = World(ring=rotated, store=world.store)

    session = await after.sessions.open(begun.ticket)
    await after.commit(begun.ticket, session, session.identities, {})

    fields = world.store.records[record_key(session.id)].fields
    assert fields["identity"].startswith(f"1.{rotated.active}.".encode())
    assert await after.sessions.open(begun.ticket)


async def test_failures_are_counted_by_version(world):
    """Three in a row; the last says when to try again, in whole seconds."""
    begun = await world.sessions.begin(person(), tokens())

    counts = [await world.fail(begun.session, NOW - 10 + n + 0.2) for n in range(3)]

    session = await world.sessions.open(begun.ticket)
    assert counts == [1, 2, 3]
    assert (session.fails, session.next_try) == (3, NOW - 7)


async def test_the_earliest_token_that_can_be_refreshed_counts(world):
    """Tokens that nothing can prolong, or of unknown end, do not."""
    old = await world.sessions.begin(person(), tokens(expires=NOW + 100, refresh_token=""))
    both = await world.sessions.begin(
        person("8", "partner"), tokens("partner", expires=NOW + 500, begun=NOW + 1), joins=old.ticket
    )
    unknown = await world.sessions.begin(person(), tokens(expires=0))

    assert (both.session.token_end, both.session.token_begun) == (NOW + 500, NOW + 1)
    assert unknown.session.token_end == 0


async def test_ending_deletes_record_and_activity(world):
    """Deleted, not marked; said once, however often it is asked for."""
    begun = await world.sessions.begin(person(), tokens())

    await world.sessions.end(begun.ticket, "logout")
    await world.sessions.end(begun.ticket, "logout")

    assert world.store.records == {}
    assert world.store.plain == {}
    assert world.said[1:] == [SessionEnded(log_name(begun.session.id), "corp:7", "logout")]


async def test_grants_of_a_session_that_is_gone_are_none(world):
    """Not an error: a logout came in between."""
    begun = await world.sessions.begin(person(), tokens())
    await world.sessions.end(begun.ticket, "logout")

    assert await world.sessions.grants(begun.ticket, begun.session) == {}


@pytest.mark.parametrize("verb", ["put", "create"])
async def test_a_store_that_fails_begins_nothing(world, verb):
    """The login is told, and no ticket was handed out."""
    world.store.fail_next(verb)

    with pytest.raises(StoreFault):
        await world.sessions.begin(person(), tokens())

    assert world.store.records == {}
    assert world.said == []


async def test_a_store_that_is_down_is_not_a_missing_session(world):
    """Every verb says so, and nothing is reported as ended."""
    begun = await world.sessions.begin(person(), tokens())
    world.clock.advance(120)
    world.store.down = True

    for asked in (
        world.sessions.open(begun.ticket),
        world.sessions.grants(begun.ticket, begun.session),
        world.commit(begun.ticket, begun.session, (person(),), {}),
        world.sessions.fail(begun.session, Lease(0, "late", ambiguous=False, ends=NOW), NOW, definite=True),
        world.sessions.end(begun.ticket, "logout"),
        world.sessions.begin(person(), tokens(), joins=begun.ticket),
    ):
        with pytest.raises(StoreFault):
            await asked
    world.store.down = False

    assert await world.sessions.open(begun.ticket)
    assert world.ends() == []


async def test_a_new_session_whose_id_is_taken_is_a_fault(world):
    """It cannot happen by chance; a store that says so is broken."""

    async def taken(*_):
        return False

    world.store.create = taken

    with pytest.raises(StoreFault):
        await world.sessions.begin(person(), tokens())
