"""What ends a session ends its tokens: whoever ends it, whichever replica is asked, and whatever that remembers."""

import asyncio

import pytest

from gateway.errors import StoreFault
from gateway.sessions.denials import SLACK, Denials, denial_key
from gateway.sessions.ending import Endings
from gateway.sessions.index import Index
from gateway.sessions.notices import Notices
from gateway.sessions.session import log_name
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.token_house import RULES, TOKENS, bearer, token_house
from tests.kit.users_file import person, write_people
from tests.kit.wired import Wired

pytestmark = pytest.mark.anyio


async def passes(house, pair):
    """Whether its access token opens anything, now."""
    return (await house.say("/api/x", headers=bearer(pair))).status_code == 200


async def remembered(house, pair):
    """It is in memory, and would be taken from there."""
    assert [await passes(house, pair) for _ in range(3)] == [True] * 3


async def test_a_session_that_an_operator_ends_takes_its_access_token_along(tmp_path):
    """By its id, as `gateway sessions end` does: whoever ends it has no ticket."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        await remembered(house, pair)
        people = house.application._people
        issuer = next(one.issuer for one in people.catalog if one.name == "people")
        (listed,) = await people.inventory.of_person(issuer, "ann")
        await people.inventory.end(listed.id, "operator")
        said = await passes(house, pair)

    assert not said


async def test_a_person_who_is_disabled_is_out_and_is_given_no_more_tokens(tmp_path):
    """The epoch and the flag, not a list of what they hold."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        await remembered(house, pair)
        people = house.application._people
        issuer = next(one.issuer for one in people.catalog if one.name == "people")
        await people.inventory.disable(issuer, "ann")
        out = await passes(house, pair)
        refreshed = await house.refresh(pair["refresh_token"])
        anew = await house.sign_in_by_json()

    assert not out
    assert (refreshed.status_code, anew.status_code) == (401, 403)


async def test_another_replica_forgets_the_token_too(tmp_path):
    """It hears of the end by the bus, long before its memory is five seconds old."""
    async with token_house(tmp_path) as house:
        other = Wired(
            tmp_path,
            house.provider,
            house.clock,
            house.ring,
            corp={"user": "corp:{preferred_username}"},
            more={
                "people": {
                    "type": "users-file",
                    "file": str(tmp_path / "people.yaml"),
                    "user": "people:{username}",
                }
            },
            rules=RULES,
            tokens=TOKENS,
        )
        await other.application.open()
        try:
            pair = (await house.sign_in_by_json()).json()
            await remembered(other, pair)
            await house.post("/auth/logout", {"refresh_token": pair["refresh_token"]})
            for _ in range(100):
                if not await passes(other, pair):
                    break
                await asyncio.sleep(0.02)
            assert not await passes(other, pair)
        finally:
            await other.application.close()


async def test_a_session_that_another_login_replaces_takes_its_tokens_along(tmp_path):
    """A new login in the browser has a new id and a new key; tokens of the old one are nobody's."""
    async with token_house(tmp_path) as house:
        headers = {"sec-fetch-site": "same-origin"}
        answer = await house.sign_in_by_json(headers, cookie=True)
        lines = [line.partition(";")[0] for line in answer.headers.get_list("set-cookie")]
        await remembered(house, answer.json())
        await house.sign_in_by_json({**headers, "cookie": "; ".join(lines)}, cookie=True)
        said = await passes(house, answer.json())
        refreshed = await house.refresh(answer.json()["refresh_token"])

    assert not said
    assert refreshed.status_code == 401


async def test_a_person_who_left_the_file_loses_their_tokens_with_the_session(tmp_path):
    """The directory is asked again at a refresh, as it is for a cookie."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        write_people(tmp_path / "people.yaml", bob=person())
        house.application._people.catalog.passwords["people"]._source._looked = float("-inf")
        house.clock.advance(600)
        answer = await house.refresh(pair["refresh_token"])
        said = await passes(house, pair)

    assert answer.status_code == 401
    assert not said


async def test_an_end_that_cannot_be_noted_is_no_end():
    """First the note, then the record: who is told that it failed tries again, and nothing is half over."""
    clock = Clock()
    store = MemoryStore(clock)
    await store.create("s:{one}", {"identity": b"x"}, 100.0)
    endings = Endings(store, Index(store, clock), Notices(None, clock), lambda _: None, 1800.0)
    store.fail_next("put")

    with pytest.raises(StoreFault):
        await endings.end("one", "", "logout")

    assert "s:{one}" in store.records
    assert await endings.end("one", "", "logout")
    assert await store.get(denial_key(log_name("one"))) is not None


async def test_a_note_outlives_every_token_of_its_session():
    """The youngest may have been signed at the very end."""
    clock = Clock()
    store = MemoryStore(clock)
    await Denials(store, 1800.0).note("one")

    clock.advance(1800.0 + SLACK - 1)
    assert await store.get(denial_key(log_name("one"))) is not None
    clock.advance(2)
    assert await store.get(denial_key(log_name("one"))) is None


async def test_without_tokens_nothing_is_noted():
    """An installation that issues none pays nothing for them."""
    store = MemoryStore(Clock())

    await Denials(store).note("one")

    assert store.calls == []
