"""Sessions with their tokens: of one version, however the refresh went, and by as few looks as it takes."""

import pytest

from gateway.errors import StoreFault
from gateway.sessions.hand_through import HandThrough
from gateway.sessions.handed import Handed, handed_of
from tests.kit.people import tokens
from tests.kit.refresh_house import DOWN, RefreshHouse

pytestmark = pytest.mark.anyio

BOTH = {"idp": frozenset({"access_token", "id_token"})}


class Handing(RefreshHouse):
    """One process whose rules hand both tokens through, and the looks that it took."""

    def __init__(self, kept=BOTH, **limits):
        super().__init__(**limits)
        self.looks = 0
        self.hand_through = HandThrough(self.look, self.refresher.ensure, self.refresher.waiting, kept)

    async def look(self, ticket):
        self.looks += 1
        return await self.sessions.open_with_grants(ticket)

    async def read(self, ticket):
        return await self.hand_through.read(ticket, lambda: 0.0)

    async def grants(self, ticket):
        return (await self.sessions.open_with_grants(ticket)).grants


async def test_a_fresh_session_and_its_tokens_take_one_look():
    """What rules hand through of it, and the refresh token not."""
    house = Handing()
    ticket, session = await house.sign_in()

    found = await house.read(ticket)

    assert found.session == session
    assert found.handed["idp"].access_token == (await house.grants(ticket))["idp"].access_token
    assert house.looks == 1


async def test_after_a_refresh_the_tokens_are_the_new_ones():
    """Those of the version that the session is of now."""
    house = Handing()
    ticket, _ = await house.sign_in()
    before = await house.read(ticket)
    house.clock.advance(301)
    house.looks = 0

    after = await house.read(ticket)

    assert after.session.version == before.session.version + 1
    assert after.handed["idp"].access_token != before.handed["idp"].access_token
    assert after.handed == handed_of(await house.grants(ticket), BOTH)
    assert house.looks == 2


async def test_new_tokens_that_the_store_would_not_take_are_handed_through_all_the_same():
    """Out of the sealed draft that waits for it: the old ones are dead at the provider."""
    house = Handing()
    ticket, _ = await house.sign_in()
    before = await house.read(ticket)
    house.clock.advance(301)
    house.store.fail_next("commit", 30)
    house.looks = 0

    after = await house.read(ticket)

    assert after.session.version == before.session.version + 1
    assert after.handed["idp"].access_token not in {"", before.handed["idp"].access_token}
    assert house.looks == 1
    await house.settle()
    assert handed_of(await house.grants(ticket), BOTH) == after.handed


async def test_while_refresh_fails_the_old_token_says_when_it_ended():
    """Whoever hands it on can tell that it is over, and that a new one may come."""
    house = Handing()
    ticket, _ = await house.sign_in()
    house.scripts["idp"].instead["/token"] = [DOWN] * 10
    house.clock.advance(301)

    handed = (await house.read(ticket)).handed["idp"]

    assert handed.has_ended(house.clock())
    assert handed.renewable


async def test_a_session_that_its_provider_ended_has_no_tokens():
    """`invalid_grant` ends it, in the middle of the read."""
    house = Handing()
    ticket, _ = await house.sign_in()
    house.scripts["idp"].refreshable.clear()
    house.clock.advance(301)

    assert await house.read(ticket) is None
    assert await house.read(ticket) is None, "and there is no session any more"


async def test_nobody_knows_is_not_nobody():
    """A store that does not answer is a fault here too."""
    house = Handing()
    ticket, _ = await house.sign_in()
    house.store.down = True

    with pytest.raises(StoreFault):
        await house.read(ticket)


async def test_tokens_that_do_not_open_are_none_and_the_session_is_one():
    """A grant field that somebody wrote into the store; the session itself is sealed by itself."""
    house = Handing()
    ticket, session = await house.sign_in()
    record = house.store.records[f"s:{{{session.id}}}"]
    record.fields["grant"] = b"junk"

    found = await house.read(ticket)

    assert found.session.identities == session.identities
    assert found.handed == {}


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({"access_token"}, Handed(access_token="corp-access", expires=1_800_003_600, renewable=True)),
        ({"id_token"}, Handed(id_token="corp-id", expires=1_800_003_600, renewable=True)),
    ],
)
def test_of_a_grant_only_what_a_rule_passes_is_known_to_a_check(kinds, expected):
    """And of a provider whose tokens no rule passes nothing at all."""
    grants = {"corp": tokens(), "partner": tokens("partner")}

    assert handed_of(grants, {"corp": frozenset(kinds)}) == {"corp": expected}


@pytest.mark.parametrize(
    ("handed", "ended"),
    [
        (Handed(access_token="t", expires=100), True),
        (Handed(access_token="t", expires=101), False),
        (Handed(access_token="t"), False),
        (Handed(id_token="i", expires=100), False),
    ],
)
def test_a_token_has_ended_at_its_end_and_only_the_access_token_has_one(handed, ended):
    """Without a known end there is none."""
    assert handed.has_ended(100.0) == ended
