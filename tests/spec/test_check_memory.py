"""Checks that are answered from memory, and those that are not, at the verify endpoint."""

import pytest

from gateway.identity.presented import Head, Reply
from gateway.observe.events import GraceGiven
from gateway.storage.bus import About, Notice
from tests.kit.verify_house import APP, CONTRACTS, PROXY, WRITTEN, family, open_house, value_of

pytestmark = pytest.mark.anyio

RULES = [
    {"name": "public", "paths": ["/public/**"], "allow": "public"},
    {"name": "vault", "paths": ["/vault/**"], "freshness": "strict", "allow": "authenticated"},
    {"name": "rest", "allow": "authenticated"},
]
GRACE = {"sessions": {**WRITTEN["sessions"], "on_store_failure": {"grace": "30s"}}, "rules": RULES}


async def remembering(**changes):
    """A house that has answered Alice once, and whose store has not been asked since."""
    house = await open_house(**changes)
    assert (await house.ask("forward-auth", "/x", who="alice")).status == 200
    house.store.calls.clear()
    return house


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_second_check_asks_no_store_and_waits_for_nobody(contract):
    """The reply comes out of a plain function, and is the reply that the store would have given."""
    house = await remembering()
    cold = await (await open_house()).ask(contract, "/x", who="alice")
    lines = [*family(contract, b"GET", APP.encode(), b"/x"), (b"cookie", house.cookie("alice").encode())]
    head = Head("GET", f"/verify/{contract}".encode(), tuple(lines), PROXY)

    warm = house.verify.answer(head, house.routes[head.target])

    assert isinstance(warm, Reply)
    assert house.store.calls == []
    assert value_of(warm, b"x-auth-user") == value_of(cold, b"x-auth-user") == b"alice"
    assert value_of(warm, b"x-auth-expires") == value_of(cold, b"x-auth-expires")


async def test_a_memory_is_judged_anew_for_each_rule():
    """What is remembered is who somebody is, not what they may."""
    house = await remembering()

    assert (await house.ask("forward-auth", "/admin/x", who="alice")).status == 403
    assert (await house.ask("forward-auth", "/public/x", who="alice")).status == 200
    assert house.store.calls == []


async def test_after_five_seconds_the_store_is_asked_again():
    """Once, for the next five."""
    house = await remembering()
    house.clock.advance(5)

    for _ in range(3):
        assert (await house.ask("forward-auth", "/x", who="alice")).status == 200

    assert house.store.calls.count("read") == 1


async def test_a_strict_rule_asks_the_store_each_time():
    """And what others remember does not serve it."""
    house = await remembering(rules=RULES)

    for _ in range(3):
        assert (await house.ask("forward-auth", "/vault/x", who="alice")).status == 200

    assert house.store.calls.count("read") == 3


async def test_a_ticket_that_opens_nothing_is_looked_up_once_a_second():
    """Somebody who has signed out and left a page open that asks every moment."""
    house = await open_house()
    await house.sessions.end(house.begun["alice"].ticket, "logout")
    house.store.calls.clear()

    for _ in range(5):
        assert (await house.ask("forward-auth", "/x", who="alice")).status == 401
    house.clock.advance(1)
    assert (await house.ask("forward-auth", "/x", who="alice")).status == 401

    assert house.store.calls.count("read") == 2


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_case27_without_a_word_of_the_operator_an_outage_is_an_outage(contract):
    """503 as soon as the memory is too old, never 401; and at once where the rule is strict."""
    house = await remembering(rules=RULES)
    house.store.down = True

    assert (await house.ask(contract, "/x", who="alice")).status == 200
    assert (await house.ask(contract, "/vault/x", who="alice")).status == 503
    house.clock.advance(5)
    answer = await house.ask(contract, "/x", who="alice")

    assert (answer.status, value_of(answer, b"retry-after")) == (503, b"5")


WEBSOCKET = ((b"upgrade", b"websocket"), (b"sec-websocket-key", b"x"))
OUTAGE = [
    pytest.param("GET", "/x", (), 29, 200, id="a page"),
    pytest.param("HEAD", "/x", (), 29, 200, id="the head of a page"),
    pytest.param("GET", "/x", (), 30, 503, id="a page, too late"),
    pytest.param("POST", "/x", (), 6, 503, id="a form"),
    pytest.param("DELETE", "/x", (), 6, 503, id="a deletion"),
    pytest.param("OPTIONS", "/x", (), 6, 503, id="a preflight"),
    pytest.param("GET", "/x", WEBSOCKET, 6, 503, id="a WebSocket, which would stay open"),
    pytest.param("GET", "/vault/x", (), 6, 503, id="a strict rule"),
    pytest.param("GET", "/public/x", (), 3600, 200, id="a public page"),
]


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize(("method", "uri", "lines", "later", "status"), OUTAGE)
async def test_with_grace_an_outage_serves_reads_for_a_while(contract, method, uri, lines, later, status):
    """`on_store_failure: {grace: 30s}`."""
    house = await remembering(**GRACE)
    house.store.down = True
    house.clock.advance(later)

    answer = await house.ask(contract, uri, method=method, headers=lines, who="alice")

    assert answer.status == status


async def test_with_grace_nobody_gets_in_who_was_not_in_before():
    """An outage is no login: a cookie that was not seen in time is a 503."""
    house = await remembering(**GRACE)
    house.store.down = True

    assert (await house.ask("forward-auth", "/x", who="admin")).status == 503
    assert (await house.ask("forward-auth", "/x")).status == 401


async def test_with_grace_somebody_who_signed_out_stays_out():
    """Though the store cannot say so."""
    house = await remembering(**GRACE)
    await house.bus.publish(Notice(About.SESSION, house.begun["alice"].session.id))
    house.store.down = True

    assert (await house.ask("forward-auth", "/x", who="alice")).status == 503


async def test_grace_leaves_a_trace():
    """What was let through without the store is told."""
    house = await remembering(**GRACE)
    house.store.down = True
    house.clock.advance(6)

    await house.ask("forward-auth", "/x", who="alice")

    assert [event for event in house.events if isinstance(event, GraceGiven)] == [GraceGiven(1)]
