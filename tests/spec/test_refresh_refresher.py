"""Refresh of a session's tokens: once for all requests, and a logout only where there is a reason."""

import asyncio
from urllib.parse import urlsplit

import pytest

from gateway.observe.events import Alarm
from gateway.sessions.lease import Lease
from gateway.sessions.sealing import record_key
from tests.kit.refresh_house import DOWN, LOST, RefreshHouse
from tests.kit.scripted_provider import reply


@pytest.fixture
async def house():
    made = RefreshHouse()
    yield made
    made.wires.open.set()
    await made.settle()


@pytest.mark.anyio
async def test_a_fresh_session_asks_nobody(house):
    """Neither the store nor the provider."""
    ticket, session = await house.sign_in()
    house.store.calls.clear()

    assert await house.refresher.ensure(ticket, session) is session

    assert house.store.calls == []
    assert house.token_requests() == 0


@pytest.mark.anyio
async def test_a_soft_session_is_served_while_it_is_refreshed(house):
    """The request does not wait for the provider."""
    ticket, session = await house.sign_in()
    house.clock.advance(300 - 40)
    house.wires.open.clear()

    assert await house.refresher.ensure(ticket, session) is session
    house.wires.open.set()
    await house.settle()

    renewed = await house.sessions.open(ticket)
    assert renewed.version == 2
    assert renewed.token_end == int(house.clock()) + 300
    assert renewed.token_begun == int(house.clock())
    assert house.outcomes() == ["ok"]


@pytest.mark.anyio
async def test_a_hard_session_waits_and_gets_the_new_one(house):
    """Rights that changed at the provider count at once."""
    ticket, _ = await house.sign_in()
    house.scripts["idp"].person["groups"] = ["ops"]
    house.clock.advance(300)

    renewed = await house.ensure(ticket)

    assert renewed.version == 2
    assert renewed.latest.groups == ("ops",)
    assert (await house.sessions.open(ticket)).latest.groups == ("ops",)


@pytest.mark.anyio
async def test_four_hundred_requests_cost_one_refresh(house):
    """Also those that come with what they saw before it."""
    ticket, session = await house.sign_in()
    house.clock.advance(300)

    renewed = await asyncio.gather(*[house.refresher.ensure(ticket, session) for _ in range(400)])
    late = await house.refresher.ensure(ticket, session)

    assert {one.version for one in (*renewed, late)} == {2}
    assert house.token_requests() == 1


@pytest.mark.anyio
async def test_a_request_that_goes_away_cancels_nothing(house):
    """The provider has rotated the token: its answer must be written down."""
    ticket, session = await house.sign_in()
    house.clock.advance(300)
    house.wires.open.clear()
    gone = asyncio.ensure_future(house.refresher.ensure(ticket, session))
    for _ in range(20):
        await asyncio.sleep(0)
    gone.cancel()

    house.wires.open.set()
    await house.settle()

    assert gone.cancelled()
    assert (await house.sessions.open(ticket)).version == 2


@pytest.mark.anyio
async def test_a_slow_provider_holds_a_request_for_a_while_only(house, monkeypatch):
    """Then it goes on with what there is, and the refresh goes on without it."""
    monkeypatch.setattr("gateway.sessions.refresher.WAIT", 0.01)
    ticket, session = await house.sign_in()
    house.clock.advance(300)
    house.wires.open.clear()

    assert await house.refresher.ensure(ticket, session) is session

    house.wires.open.set()
    await house.settle()
    assert (await house.sessions.open(ticket)).version == 2


@pytest.mark.anyio
async def test_a_request_that_has_waited_already_waits_for_the_rest_only(house):
    """The proxy's patience is one, whoever has used it up."""
    ticket, session = await house.sign_in()
    house.clock.advance(300)
    house.wires.open.clear()

    async with asyncio.timeout(1.0):
        assert await house.refresher.ensure(ticket, session, 2.5) is session

    house.wires.open.set()
    await house.settle()


@pytest.mark.anyio
async def test_flights_take_turns_and_one_that_waits_holds_no_lease(house, monkeypatch):
    """So it may wait as long as it must, and a provider that hangs holds up its own people alone."""
    monkeypatch.setattr("gateway.sessions.refresher.AT_ONCE", 2)
    house = RefreshHouse(("idp", "other"))
    people = [await house.sign_in() for _ in range(5)]
    other, theirs = await house.sign_in("other")
    house.clock.advance(300)
    house.wires.open.clear()
    leases = []
    acquire = house.store.acquire
    monkeypatch.setattr(house.store, "acquire", lambda key, *rest: leases.append(key) or acquire(key, *rest))

    waiting = [asyncio.ensure_future(house.refresher.ensure(*one)) for one in [*people, (other, theirs)]]
    for _ in range(50):
        await asyncio.sleep(0)
    begun = len(leases)
    house.wires.open.set()
    renewed = await asyncio.gather(*waiting)

    assert begun == 2 + 1
    assert [one.version for one in renewed] == [2] * 6
    assert (house.token_requests(), house.token_requests("other")) == (5, 1)


@pytest.mark.anyio
async def test_a_provider_that_never_rotates_is_asked_again_with_the_old_token(house):
    """And each time the session lives on."""
    script = house.scripts["idp"]
    script.rotates = False
    ticket, _ = await house.sign_in()

    for version in (2, 3, 4):
        house.clock.advance(300)
        assert (await house.ensure(ticket)).version == version


@pytest.mark.anyio
async def test_a_session_without_refresh_token_lives_by_its_own_limits(house):
    """When its access token ends nothing happens."""
    house.scripts["idp"].offers_refresh = False
    ticket, session = await house.sign_in()
    house.clock.advance(86_400)

    assert session.token_end == 0
    assert (await house.ensure(ticket)).version == 1
    assert house.token_requests() == 0


@pytest.mark.anyio
async def test_a_dead_grant_ends_the_session_at_once(house):
    """The provider has ended it: signed out there, disabled, revoked."""
    ticket, _ = await house.sign_in()
    house.scripts["idp"].refreshable.clear()
    house.clock.advance(300)

    assert await house.ensure(ticket) is None

    assert house.ended() == ["refresh_refused"]
    assert house.outcomes() == ["refused"]
    assert await house.sessions.open(ticket) is None


@pytest.mark.anyio
async def test_x7_an_outage_keeps_people_in_until_grace_and_tries_are_used_up(house):
    """Three tries in a row failed, the token has ended, and a quarter of an hour has passed."""
    ticket, session = await house.sign_in()
    house.scripts["idp"].instead["/token"] = [DOWN] * 1000
    house.clock.now = session.token_end - 30
    seen = []

    for _ in range(200):
        alive = await house.ensure(ticket)
        await house.settle()
        if alive is None:
            break
        seen.append(house.clock())
        house.clock.advance(10)

    assert seen[-1] > session.token_end + 800
    assert session.token_end + 900 <= house.clock() < session.token_end + 900 + 70
    assert house.ended() == ["refresh_exhausted"]
    assert set(house.outcomes()) == {"transient"}
    # 5, 10, 20, 40 and then 60 s apart, two requests each: an outage is not made worse by us.
    assert house.token_requests() < 50


@pytest.mark.anyio
async def test_who_comes_back_after_the_token_ended_still_has_three_tries():
    """A provider that is down for a moment does not log out whoever happens to return in it."""
    house = RefreshHouse()
    ticket, _ = await house.sign_in()
    house.scripts["idp"].instead["/token"] = [DOWN] * 6
    house.clock.advance(86_400)

    assert (await house.ensure(ticket)).fails == 1
    house.clock.advance(5)
    assert (await house.ensure(ticket)).fails == 2
    house.clock.advance(10)
    assert await house.ensure(ticket) is None

    assert house.ended() == ["refresh_exhausted"]


@pytest.mark.anyio
async def test_a_success_forgets_the_failures(house):
    """In a row means in a row."""
    ticket, _ = await house.sign_in()
    house.scripts["idp"].instead["/token"] = [DOWN] * 4
    house.clock.advance(300)
    assert (await house.ensure(ticket)).fails == 1
    house.clock.advance(5)
    assert (await house.ensure(ticket)).fails == 2
    house.clock.advance(10)

    renewed = await house.ensure(ticket)

    assert (renewed.fails, renewed.next_try, renewed.version) == (0, 0.0, 2)


@pytest.mark.anyio
async def test_during_the_pause_nobody_waits_and_nobody_asks(house):
    """A failing provider does not make every request slow."""
    ticket, stale = await house.sign_in()
    house.scripts["idp"].instead["/token"] = [DOWN] * 2
    house.clock.advance(300)
    failed = await house.ensure(ticket)

    house.scripts["idp"].asked.clear()
    assert await house.refresher.ensure(ticket, failed) is failed
    assert (await house.refresher.ensure(ticket, stale)).fails == 1

    assert house.token_requests() == 0


@pytest.mark.anyio
async def test_a_provider_that_names_a_time_is_not_asked_before_it(house):
    """`Retry-After` is heard, and a 429 is not repeated at once."""
    ticket, _ = await house.sign_in()
    house.scripts["idp"].instead["/token"] = [reply(429, {}, {"retry-after": "50"})]
    house.clock.advance(300)

    failed = await house.ensure(ticket)

    assert failed.next_try == house.clock() + 50
    assert house.token_requests() == 1


@pytest.mark.anyio
async def test_a_lost_answer_is_asked_for_again_at_once(house):
    """Within seconds, where a provider that allows for lost answers still gives the tokens."""
    ticket, _ = await house.sign_in()
    house.scripts["idp"].instead["/token"] = [LOST]
    house.clock.advance(300)

    assert (await house.ensure(ticket)).version == 2

    assert house.token_requests() == 2


@pytest.mark.anyio
@pytest.mark.parametrize("later", [False, True], ids=["at once", "at the next try"])
async def test_a_refusal_after_a_lost_answer_is_no_verdict(house, later):
    """The lost answer may have spent the token: that is weather, and it counts as a try."""
    ticket, _ = await house.sign_in()
    refused = reply(400, {"error": "invalid_grant"})
    house.scripts["idp"].instead["/token"] = [LOST, LOST, refused] if later else [LOST, refused]
    house.clock.advance(300)

    failed = await house.ensure(ticket)
    if later:
        house.clock.advance(5)
        failed = await house.ensure(ticket)

    assert failed.fails == (2 if later else 1)
    assert house.ended() == []
    assert house.outcomes()[-1] == "unknown"


@pytest.mark.anyio
async def test_a_refusal_after_a_refused_connection_is_a_verdict(house):
    """Nothing was sent, so nothing was spent."""
    ticket, _ = await house.sign_in()
    house.scripts["idp"].instead["/token"] = [DOWN, reply(400, {"error": "invalid_grant"})]
    house.clock.advance(300)

    assert await house.ensure(ticket) is None

    assert house.ended() == ["refresh_refused"]


@pytest.mark.anyio
async def test_x9_a_rejected_client_keeps_sessions_and_alarms(house):
    """An expired client secret is the operator's fault, told once a minute and not once a session."""
    tickets = [(await house.sign_in())[0] for _ in range(5)]
    house.scripts["idp"].client_secret = "rolled over"
    house.clock.advance(300)

    for ticket in tickets:
        assert (await house.ensure(ticket)).fails == 1

    assert house.outcomes() == ["misconfigured"] * 5
    assert len([event for event in house.events if isinstance(event, Alarm)]) == 1
    assert house.ended() == []


@pytest.mark.anyio
async def test_a_session_that_was_ended_meanwhile_is_not_made_again(house):
    """Logout during a refresh: the new tokens are dropped."""
    ticket, session = await house.sign_in()
    house.clock.advance(300)
    house.wires.open.clear()
    waiting = asyncio.ensure_future(house.refresher.ensure(ticket, session))
    for _ in range(20):
        await asyncio.sleep(0)
    await house.sessions.end(ticket, "logout")

    house.wires.open.set()

    assert await waiting is None
    assert await house.sessions.open(ticket) is None
    assert house.outcomes() == ["gone"]


@pytest.mark.anyio
async def test_a_session_that_is_gone_is_gone(house):
    """The request may have seen it in a cache."""
    ticket, session = await house.sign_in()
    await house.sessions.end(ticket, "logout")
    house.clock.advance(300)

    assert await house.refresher.ensure(ticket, session) is None

    assert house.token_requests() == 0


@pytest.mark.anyio
async def test_the_loser_of_two_replicas_takes_what_the_winner_wrote(house):
    """It waits for the holder of the lease, and asks the provider for nothing."""
    ticket, session = await house.sign_in()
    _, other = house.replica("two")
    house.clock.advance(300)
    house.wires.open.clear()
    both = [asyncio.ensure_future(one.ensure(ticket, session)) for one in (house.refresher, other)]
    while not house.slept:  # noqa: ASYNC110 - until the second one waits
        await asyncio.sleep(0)

    house.wires.open.set()
    renewed = await asyncio.gather(*both)

    assert [one.version for one in renewed] == [2, 2]
    assert house.token_requests() == 1
    assert house.ended() == []


@pytest.mark.anyio
async def test_new_tokens_go_on_top_of_another_change(house):
    """A write for another reason must not lose a rotated token."""
    ticket, session = await house.sign_in()
    house.clock.advance(300)
    house.wires.open.clear()
    waiting = asyncio.ensure_future(house.refresher.ensure(ticket, session))
    for _ in range(20):
        await asyncio.sleep(0)
    grants = await house.sessions.grants(ticket, session)
    other = Lease(0, "other", ambiguous=False, ends=house.clock())
    await house.sessions.commit(house.sessions.draft(ticket, session, other, session.identities, grants))

    house.wires.open.set()

    assert (await waiting).version == 3
    held = await house.sessions.grants(ticket, session)
    assert held["idp"].refresh_token in house.scripts["idp"].refreshable


@pytest.mark.anyio
@pytest.mark.parametrize("trouble", ["fail_next", "lose_reply"])
async def test_tokens_are_written_though_the_store_stumbles(house, trouble):
    """A rotated token exists nowhere else: its commit is tried for a minute; a lost reply is not a second commit."""
    ticket, _ = await house.sign_in()
    house.clock.advance(300)
    getattr(house.store, trouble)("commit")

    renewed = await house.ensure(ticket)

    assert renewed.version == 2
    held = await house.sessions.grants(ticket, renewed)
    assert held["idp"].refresh_token in house.scripts["idp"].refreshable


@pytest.mark.anyio
async def test_a_store_that_does_not_answer_logs_nobody_out(house):
    """The request goes on with what it has; the outage is said."""
    ticket, session = await house.sign_in()
    house.clock.advance(300)
    house.store.down = True

    assert await house.refresher.ensure(ticket, session) is session

    assert house.outcomes() == ["store_fault"]
    assert house.ended() == []


@pytest.mark.anyio
async def test_t37_claims_that_do_not_verify_leave_the_identity_and_alarm(house):
    """The tokens are kept, so that the session lives; the operator hears of it."""
    ticket, _ = await house.sign_in()
    house.scripts["idp"].claims = {"sub": "u-2", "groups": ["admins"]}
    house.clock.advance(300)

    renewed = await house.ensure(ticket)

    assert renewed.version == 2
    assert renewed.latest.subject == "u-1"
    assert renewed.latest.groups == ("staff",)
    assert [event.what for event in house.events if isinstance(event, Alarm)] == ["provider_refresh"]


@pytest.mark.anyio
async def test_whom_the_list_no_longer_names_is_out_with_the_refresh():
    """`allow:` is asked again when the provider says something new about a person."""
    house = RefreshHouse()
    house.sections["idp"] = house._section("idp", anyone=False, allow={"groups": ["staff"]})
    house.sessions, house.refresher = house.replica("strict")
    ticket, _ = await house.sign_in()
    house.scripts["idp"].person["groups"] = ["alumni"]
    house.clock.advance(300)

    assert await house.ensure(ticket) is None

    assert house.ended() == ["refresh_refused"]


@pytest.mark.anyio
async def test_only_what_is_due_is_refreshed():
    """A session of two logins: the token that ends is renewed, the other one is left alone."""
    house = RefreshHouse(("idp", "corp"))
    house.scripts["corp"].expires_in = 7200
    first, _ = await house.sign_in("corp")
    ticket, session = await house.sign_in("idp", joins=first)
    house.clock.advance(300)

    renewed = await house.ensure(ticket)

    assert len(session.identities) == 2
    assert [one.provider for one in renewed.identities] == ["corp", "idp"]
    assert (house.token_requests("idp"), house.token_requests("corp")) == (1, 0)


@pytest.mark.anyio
async def test_the_success_of_one_provider_is_written_though_the_other_fails():
    """A rotated token waits for nobody."""
    house = RefreshHouse(("idp", "corp"))
    first, _ = await house.sign_in("corp")
    ticket, _ = await house.sign_in("idp", joins=first)
    house.scripts["corp"].instead["/token"] = [DOWN, DOWN]
    house.clock.advance(300)

    failed = await house.ensure(ticket)

    assert failed.fails == 1
    held = await house.sessions.grants(ticket, failed)
    assert held["idp"].refresh_token in house.scripts["idp"].refreshable
    assert sorted(house.outcomes()) == ["ok", "transient"]


@pytest.mark.anyio
async def test_a_provider_that_left_the_configuration_is_not_waited_for():
    """Its login no longer counts, and its token's end no longer makes the session due."""
    house = RefreshHouse(("idp", "corp"))
    house.scripts["idp"].expires_in = 7200
    first, _ = await house.sign_in("corp")
    ticket, session = await house.sign_in("idp", joins=first)
    house.sections = {"idp": house.sections["idp"]}
    house.sessions, house.refresher = house.replica("smaller")
    house.clock.advance(300)

    kept = await house.ensure(ticket)

    assert [one.provider for one in kept.identities] == ["idp"]
    assert kept.token_end == session.created + 7200
    assert house.token_requests("idp") == 0


async def in_the_air(house):
    """A refresh that the provider has not answered yet."""
    ticket, session = await house.sign_in()
    house.clock.advance(300)
    house.wires.open.clear()
    waiting = asyncio.ensure_future(house.refresher.ensure(ticket, session))
    for _ in range(20):
        await asyncio.sleep(0)
    return ticket, waiting


def given_back(house):
    """What the provider was asked to take back, with its kind."""
    forms = [ask.form for ask in house.scripts["idp"].asked if urlsplit(ask.url).path == "/revoke"]
    return [(form["token"], form["token_type_hint"]) for form in forms]


@pytest.mark.anyio
async def test_tokens_that_come_for_nobody_are_given_back(house):
    """Somebody signed out while the provider was asked (RFC 7009)."""
    ticket, waiting = await in_the_air(house)
    await house.sessions.end(ticket, "logout")

    house.wires.open.set()
    await waiting
    await house.settle()

    assert given_back(house) == [("refresh-5", "refresh_token")]
    assert house.scripts["idp"].refreshable == {}


@pytest.mark.anyio
async def test_of_a_provider_that_never_rotates_the_access_token_is_given_back(house):
    """The refresh token is the old one: a login that joined the session may have taken it along."""
    house.scripts["idp"].rotates = False
    ticket, waiting = await in_the_air(house)
    await house.sessions.end(ticket, "logout")

    house.wires.open.set()
    await waiting
    await house.settle()

    assert [kind for _, kind in given_back(house)] == ["access_token"]
    assert len(house.scripts["idp"].refreshable) == 1


@pytest.mark.anyio
async def test_tokens_that_waited_for_the_store_are_given_back_too(house):
    """It was away when they came, and when it was back somebody had signed out."""
    ticket, waiting = await in_the_air(house)
    house.store.fail_next("commit", 40)
    house.wires.open.set()
    assert (await waiting).version == 2
    await house.sessions.end(ticket, "logout")

    await house.settle()

    assert house.outcomes() == ["gone"]
    assert given_back(house) == [("refresh-5", "refresh_token")]


@pytest.mark.anyio
async def test_tokens_of_somebody_who_may_no_longer_in_are_given_back():
    """The provider has just said that they left the group that `allow:` names."""
    house = RefreshHouse()
    house.sections["idp"] = house._section("idp", anyone=False, allow={"groups": ["staff"]})
    house.sessions, house.refresher = house.replica("strict")
    ticket, _ = await house.sign_in()
    house.scripts["idp"].person["groups"] = ["alumni"]
    house.clock.advance(300)

    await house.ensure(ticket)
    await house.settle()

    assert given_back(house) == [("refresh-5", "refresh_token")]


@pytest.mark.anyio
@pytest.mark.parametrize("trouble", ["refused", "no endpoint", "an endpoint without TLS"])
async def test_giving_back_is_done_once_and_as_well_as_it_goes(house, trouble):
    """Nobody waits for it, and nothing is the worse for its failure."""
    script = house.scripts["idp"]
    if trouble == "refused":
        script.instead["/revoke"] = [reply(503, {})]
    else:
        plain = None if trouble == "no endpoint" else "http://idp.example/revoke"
        script.metadata = {"revocation_endpoint": plain}
    ticket, waiting = await in_the_air(house)
    await house.sessions.end(ticket, "logout")

    house.wires.open.set()
    assert await waiting is None
    await house.settle()

    assert len(given_back(house)) == (trouble == "refused")
    assert house.outcomes() == ["gone"]


@pytest.mark.anyio
async def test_a_logout_of_everybody_is_no_flood_at_the_provider(house, monkeypatch):
    """At most fifty requests at once; the rest run out by themselves."""
    monkeypatch.setattr("gateway.sessions.refresher.AT_ONCE", 60)
    people = [await house.sign_in() for _ in range(60)]
    house.clock.advance(300)
    house.wires.open.clear()
    waiting = [asyncio.ensure_future(house.refresher.ensure(*one)) for one in people]
    for _ in range(20):
        await asyncio.sleep(0)
    for ticket, _ in people:
        await house.sessions.end(ticket, "logout")

    house.wires.open.set()
    await asyncio.gather(*waiting)
    await house.settle()

    assert 50 <= len(given_back(house)) <= 60
    assert house.outcomes() == ["gone"] * 60


@pytest.mark.anyio
async def test_a_refusal_that_is_not_about_the_grant_alarms(house):
    """An unknown scope, say: the operator mends it, and nobody is signed out for it."""
    ticket, _ = await house.sign_in()
    house.scripts["idp"].instead["/token"] = [reply(400, {"error": "invalid_scope"})]
    house.clock.advance(300)

    assert (await house.ensure(ticket)).fails == 1

    assert [event.detail for event in house.events if isinstance(event, Alarm)] == [
        "provider idp: refused with 'invalid_scope'"
    ]
    assert house.token_requests() == 1


@pytest.mark.anyio
async def test_a_refusal_in_doubt_is_no_alarm(house):
    """It says nothing about the provider: its answer was lost on the way."""
    ticket, _ = await house.sign_in()
    house.scripts["idp"].instead["/token"] = [LOST, reply(400, {"error": "invalid_grant"})]
    house.clock.advance(300)

    await house.ensure(ticket)

    assert [event for event in house.events if isinstance(event, Alarm)] == []


@pytest.mark.anyio
async def test_who_waited_in_vain_sees_what_is_there_by_then(house, monkeypatch):
    """The holder of the lease died; meanwhile somebody signed out at another replica."""
    ticket, session = await house.sign_in()
    house.clock.advance(300)
    await house.store.acquire(record_key(session.id), 1, "somebody else", 15.0, house.clock())

    async def sleep(seconds):
        house.clock.advance(seconds)
        if house.clock() > 1_800_000_302:
            await house.sessions.end(ticket, "logout")

    monkeypatch.setattr(house, "sleep", sleep)
    _, refresher = house.replica("late")

    assert await refresher.ensure(ticket, session) is None
