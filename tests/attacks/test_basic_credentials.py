"""Attacks by way of `Authorization: Basic`: guesses, floods, foreign pages, second readings, and what is kept."""

import asyncio
import gc

import pytest

from gateway.errors import PasswordRefused
from gateway.forward_auth import endpoint
from gateway.forward_auth.basic import REFUSALS
from gateway.identity.presented import Reply
from gateway.sessions.notices import Notices
from gateway.sessions.person import person_name
from tests.kit.basic_house import authorization, basic, open_basic_house
from tests.kit.verify_house import CONTRACTS, PROXY, exchange, family, value_of

pytestmark = pytest.mark.anyio

RIGHT = basic("alice", "right")


@pytest.fixture
async def house():
    return await open_basic_house()


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_guesses_meet_the_limit_of_the_account_before_the_directory(house, contract):
    """Five, and then one in 50 minutes: the directory's own lock, which is above, is never reached."""
    answers = [
        await house.ask(contract, "/api/x", headers=[basic("alice", f"guess-{number}")])
        for number in range(12)
    ]

    assert len(house.directory.asked) == house.settings.login.passwords.for_strangers
    assert answers[-1].status == (429 if contract == "forward-auth" else 403)
    assert house.decision.outcome == "limited"


async def test_guesses_that_were_refused_let_nobody_else_in(house):
    """A limit that is reached says no to the right password too: else it would answer whether a guess was right."""
    for number in range(12):
        await house.ask("forward-auth", "/api/x", headers=[basic("alice", f"guess-{number}")])

    assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 429


async def test_spellings_of_a_name_share_their_tries(house):
    """Case and width: twelve spellings are five tries."""
    names = ["alice", "Alice", "ALICE", "aLICE", "ａlice", "aｌice", "AliCE", "alicE"]
    for name in names:
        await house.ask("forward-auth", "/api/x", headers=[basic(name, "wrong")])

    assert len(house.directory.asked) == house.settings.login.passwords.for_strangers


async def test_two_credentials_are_none(house):
    """Which of them the application would take is anybody's guess; also where one is of another scheme."""
    for lines in ([RIGHT, basic("bob", "blue")], [RIGHT, authorization(b"Bearer x")], [RIGHT, RIGHT]):
        answer = await house.ask("forward-auth", "/api/x", who="alice", headers=lines)
        assert answer.status == 401

    assert house.directory.asked == []


@pytest.mark.parametrize(
    "value",
    [
        b"Basic",
        b"Basic ",
        b"basic\tYWxpY2U6cmlnaHQ=",
        b"Basic  YWxpY2U6cmlnaHQ=, Basic Ym9iOmJsdWU=",
        b"Basic " + b"A" * 9000,
        b"Basic YWxpY2U6cmlnaHQ=\x00",
        b"Basic \xff\xfe",
    ],
)
async def test_a_damaged_credential_asks_nobody_and_counts_nothing(house, value):
    """It is no fall-through to the cookie either, unless it is no `Basic` at all."""
    answer = await house.ask("forward-auth", "/api/x", headers=[authorization(value)])

    assert answer.status == 401
    assert house.directory.asked == []
    assert "count" not in house.store.calls


async def test_a_page_of_another_site_changes_nothing_by_a_remembered_password(house):
    """Browsers send Basic along with every form, and SameSite does not hold for it (CWE-352)."""
    for site in (b"cross-site", b"same-site"):
        foreign = (b"sec-fetch-site", site)
        answer = await house.ask("forward-auth", "/api/x", method="POST", headers=[RIGHT, foreign])
        assert answer.status == 403
        assert house.decision.reason == "foreign_origin"
    own = (b"sec-fetch-site", b"same-origin")
    assert (await house.ask("forward-auth", "/api/x", method="POST", headers=[RIGHT, own])).status == 200
    assert (await house.ask("forward-auth", "/api/x", method="POST", headers=[RIGHT])).status == 200


async def test_a_page_of_another_origin_opens_no_channel_by_a_remembered_password(house):
    """Cross-site WebSocket hijacking (CWE-1385)."""
    lines = [RIGHT, (b"origin", b"https://evil.example.org"), (b"sec-websocket-key", b"x")]

    for _ in range(2):
        assert (await house.ask("forward-auth", "/api/x", headers=lines)).status == 403


async def test_a_right_password_at_one_rule_is_none_where_basic_is_not_read(house):
    """What is remembered of a credential is asked under rules that read it, and nowhere else."""
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])

    assert (await house.ask("forward-auth", "/x", headers=[RIGHT])).status == 401
    assert (await house.ask("forward-auth", "/admin/x", headers=[RIGHT])).status == 401


async def test_who_is_disabled_is_out_at_once(house):
    """The operator's word reaches a credential that is remembered by the bus, as it reaches sessions."""
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    person = person_name("directory:local", "id-of-alice")
    await house.rights.set_disabled(person, disabled=True)
    await Notices(house.bus, house.clock).person(person)

    assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 403


async def test_a_flood_of_refusals_is_bounded_and_pushes_out_nobody_who_may(house):
    """Wrong passwords are remembered in a place of their own, and only so many."""
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    for number in range(REFUSALS + 100):
        house.basic._keep_refusal(number.to_bytes(32), PasswordRefused("local"))

    assert len(house.basic._refused) == REFUSALS
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    assert len(house.directory.asked) == 1


async def test_nothing_of_a_credential_stays_in_memory_in_the_clear(house):
    """Not in what is remembered of heads, of places, or of the credential itself."""
    password = "correct-horse-battery-staple"
    house.directory.people["alice"] = password
    line = basic("alice", password)
    for _ in range(5):
        await house.ask("forward-auth", "/api/x", headers=[line])
        await house.ask("forward-auth", "/api/x", headers=[basic("bob", password)])
    house.directory.asked.clear()

    assert line[1] not in _bytes_held_by(house.verify._heads)
    for held in (house.basic._known, house.basic._refused, house.basic._flights):
        kept = _bytes_held_by(held)
        assert not any(password.encode() in one or line[1] in one for one in kept)


def _bytes_held_by(root):
    """Every text and bytes that can be reached from `root` within the gateway's own values."""
    seen, found, todo = set(), [], [root]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        if isinstance(one, (bytes, str)):
            found.append(one if isinstance(one, bytes) else one.encode("utf-8", "surrogatepass"))
            continue
        todo += gc.get_referents(one)
        assert len(seen) < 100_000
    return found


async def test_no_password_in_events_and_errors(house):
    """At any level: events are all that log and metrics ever see."""
    for line in (
        basic("alice", "hunter2hunter2"),
        basic("hunter2hunter2", "x"),
        authorization(b"Basic hunter2hunter2"),
    ):
        await house.ask("forward-auth", "/api/x", headers=[line])

    assert "hunter2" not in repr(house.events)


async def test_a_slow_directory_is_an_outage_and_its_answer_serves_the_next(house, monkeypatch):
    """The proxy does not wait for ever, and whoever asks again finds what came of the first question."""
    monkeypatch.setattr(endpoint, "LONGEST", 0.05)
    house.directory.hold = asyncio.Event()
    house.clock.advance(1)
    reply = await _told(house)
    house.directory.hold.set()
    await asyncio.sleep(0)

    assert reply.status == 503
    assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 200
    assert len(house.directory.asked) == 1


async def _told(house):
    lines = [*family("forward-auth", b"GET", b"app.example.com", b"/api/x"), RIGHT]
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/verify/forward-auth",
        "raw_path": b"/verify/forward-auth", "query_string": b"", "headers": lines, "client": (PROXY, 4711),
    }  # fmt: skip
    start, *rest = await exchange(house.app, scope)
    return Reply(start["status"], tuple(start["headers"]), rest[0]["body"])


async def test_what_is_left_of_authorization_never_comes_of_another_request(house):
    """The outcome of a remembered session is handed out again: with the line of this request, and of no other."""
    for value in (b"Bearer one", b"Bearer two", b"Bearer one"):
        answer = await house.ask("forward-auth", "/api/x", who="alice", headers=[authorization(value)])
        assert value_of(answer, b"authorization") == value
    plain = await house.ask("forward-auth", "/api/x", who="alice")
    assert value_of(plain, b"authorization") == b""
