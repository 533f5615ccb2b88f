"""Whose session it is, and for how long: at the verify endpoints, in every contract."""

import pytest

from gateway.keys.keyring import Keyring
from gateway.observe.events import SessionEnded
from gateway.sessions.cookie import issue_ticket
from tests.kit.people import person
from tests.kit.randomness import Randomness
from tests.kit.verify_house import APP, CONTRACTS, assert_nobody, essence, open_house, value_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("contract", CONTRACTS)]

NAME = "__Secure-gw"
DAY = 86_400
TWO_PROVIDERS = {
    "providers": {
        "corp": {"issuer": "https://corp.example.com", "client_id": "g", "anyone": True},
        "partner": {"issuer": "https://partner.example.com", "client_id": "g", "anyone": True},
    }
}


CREDENTIALS = [
    pytest.param("/x?access_token={}", None, id="w5 access_token in the query"),
    pytest.param("/x?token={}&session={}&__Secure-gw={}", None, id="t02 token in the query"),
    pytest.param("/x", (b"authorization", "Bearer {}"), id="t02 bearer"),
    pytest.param("/x", (b"authorization", "Basic {}"), id="w5 basic"),
    pytest.param("/x", (b"authorization", "{}"), id="w17 no scheme"),
    pytest.param("/x", (b"authorization", "Cookie __Secure-gw={}"), id="another scheme"),
    pytest.param("/x", (b"x-session", "{}"), id="w5 a header of its own"),
    pytest.param("/x", (b"__secure-gw", "{}"), id="a header of the cookie's name"),
    pytest.param("/x", (b"x-auth-assertion", "{}"), id="the assertion header"),
    pytest.param("/x", (b"set-cookie", "__Secure-gw={}"), id="set-cookie"),
    pytest.param("/x", (b"cookie2", "__Secure-gw={}"), id="cookie2"),
    pytest.param("/x", (b"x-forwarded-cookie", "__Secure-gw={}"), id="forwarded cookie"),
    pytest.param("/x", (b"x_cookie", "__Secure-gw={}"), id="underscore"),
]


@pytest.mark.parametrize(("uri", "line"), CREDENTIALS)
async def test_t02_w5_a_session_counts_in_its_cookie_alone(contract, uri, line):
    """CVE-2022-29226: any token anywhere was good enough."""
    house = await open_house()
    value = house.begun["admin"].cookie
    headers = [(line[0], line[1].replace("{}", value).encode())] if line else []

    answer = await house.ask(
        contract, uri.replace("{}", value), headers=headers, query=f"access_token={value}"
    )

    assert answer.status == 401
    assert not any(value.encode() in one for _, one in answer.headers)


@pytest.mark.parametrize(
    "value",
    [
        "Bearer x",
        "Bearer",
        "Basic !!!",
        "Basic",
        "Basic cm9vdDpyb290",
        "",
        "Negotiate abc",
        "\xff",
        "B" * 9_000,
    ],
)
async def test_t02_w17_what_is_in_authorization_belongs_to_the_application(contract, value):
    """It neither lets in nor keeps out."""
    house = await open_house()
    line = [(b"authorization", value.encode("latin-1"))]

    assert (await house.ask(contract, "/x", headers=line)).status == 401
    assert (await house.ask(contract, "/x", headers=line, who="alice")).status == 200
    assert (await house.ask(contract, "/x", headers=[*line, *line], who="alice")).status == 200


async def test_w1_nobody_is_nobody_right_after_somebody(contract):
    """A cache keyed by an empty token made everybody the last one."""
    house = await open_house()

    for line in ("", f"{NAME}=", "a=b"):
        assert (await house.ask(contract, "/admin/x", who="admin")).status == 200
        await assert_nobody(house, contract, line)


async def test_w3_t18_w21_a_yes_for_one_place_is_none_for_another(contract):
    """Neither another host, nor another path, nor another policy profits from what has just been allowed."""
    house = await open_house()

    for _ in range(3):
        assert (await house.ask(contract, "/x", who="alice")).status == 200
        assert (await house.ask(contract, "/x", who="alice", host="wiki.example.com")).status == 403
        assert (await house.ask(contract, "/admin/x", who="alice")).status == 403
        assert (await house.ask(contract, "/x", who="alice", policy="billing")).status == 403
    audiences = set()
    for host in (APP, "wiki.example.com", "one.apps.example.com"):
        answer = await house.ask(contract, "/x", who="admin", host=host)
        audiences.add(value_of(answer, b"x-auth-assertion"))
    assert len(audiences) == 3, "an assertion is made for one audience"


async def test_p23_t46_w19_a_copied_cookie_is_dead_with_the_logout(contract):
    """CVE-2024-21492: at once, and at every endpoint."""
    house = await open_house()
    copied = house.cookie("admin")
    assert (await house.ask(contract, "/admin/x", who="admin")).status == 200

    await house.sessions.end(house.begun["admin"].ticket, "logout")

    for each in CONTRACTS:
        await assert_nobody(house, each, copied)


async def test_p13_a_session_that_never_was_looks_like_one_that_ended(contract):
    """The same answer after the same calls of the store: nothing tells which ids exist."""
    house = await open_house()
    await house.sessions.end(house.begun["alice"].ticket, "logout")
    seen = []
    for who in ("alice", "ghost"):
        if who == "ghost":
            await house.sign_in("ghost", house.begun["admin"].session.latest)
            house.store.records.clear()
            house.store.plain.clear()
        before = len(house.store.calls)
        answer = await house.ask(contract, "/x", who=who)
        seen.append((essence(answer), house.store.calls[before:]))

    assert seen[0] == seen[1]
    assert seen[0][0][0] == 401


@pytest.mark.parametrize("planted", ["valid", "expired", "deleted"])
async def test_x4_t38_a_planted_session_is_never_the_one_that_a_login_fills(contract, planted):
    """The victim's login mints a new id and key; the attacker's copy opens nothing."""
    house = await open_house()
    plant = house.begun["alice"].ticket
    if planted == "expired":
        house.clock.advance(house.settings.sessions.idle + 1)
    if planted == "deleted":
        await house.sessions.end(plant, "logout")

    victim = await house.sessions.begin(house.begun["admin"].session.latest, None, joins=plant)

    await assert_nobody(house, contract, house.cookie("alice"))
    answer = await house.ask(contract, "/admin/x", headers=[(b"cookie", f"{NAME}={victim.cookie}".encode())])
    assert answer.status == 200


async def test_x15_w19_case26_the_absolute_limit_ends_a_session_that_is_used_every_day(contract):
    """Whatever the cookie says, and however busy it was."""
    house = await open_house()
    days = int(house.settings.sessions.absolute // DAY)
    for _ in range(days):
        assert (await house.ask(contract, "/x", who="alice")).status == 200
        house.clock.advance(DAY)

    await assert_nobody(house, contract, house.cookie("alice"))


async def test_x15_a_login_that_joins_a_session_does_not_outlive_it(contract):
    """Its ticket is new; the end is still that of the first login, since that one moved along."""
    house = await open_house(**TWO_PROVIDERS)
    house.clock.advance(house.settings.sessions.idle - 1)
    joined = await house.sessions.begin(person("p-1", "partner"), None, joins=house.begun["admin"].ticket)
    house.begun["admin"] = joined
    while house.clock() < joined.session.absolute_end - DAY:
        house.clock.advance(DAY)
        assert (await house.ask(contract, "/x", who="admin")).status == 200

    house.clock.now = float(joined.session.absolute_end)

    assert joined.session.absolute_end < joined.ticket.issued + house.cookie_spec.max_age
    await assert_nobody(house, contract, house.cookie("admin"))


async def test_x15_the_idle_limit_ends_a_session_that_rests(contract):
    """Three days by default; one second less is still a session."""
    house = await open_house()
    house.clock.advance(house.settings.sessions.idle - 1)
    assert (await house.ask(contract, "/x", who="alice")).status == 200

    house.clock.advance(house.settings.sessions.idle + 1)

    await assert_nobody(house, contract, house.cookie("alice"))


@pytest.mark.parametrize("size", [0, 5, 11, 28, 4_000])
async def test_x8_a_record_that_does_not_open_is_nobody_and_is_told(contract, size):
    """Not a 500, and not one silent 401 after the other."""
    house = await open_house()
    for record in house.store.records.values():
        record.fields["identity"] = b"\x01" * size

    await assert_nobody(house, contract, house.cookie("admin"))

    assert {event.reason for event in house.events if isinstance(event, SessionEnded)} == {"unreadable"}


async def test_x8_another_sessions_record_under_this_key_is_nobody(contract):
    """Who can write to the store cannot make alice an administrator."""
    house = await open_house()
    records = house.store.records
    alice, admin = records
    records[alice].fields = dict(records[admin].fields)

    await assert_nobody(house, contract, house.cookie("alice"))


async def test_x7_w26_case27_a_store_that_is_down_says_neither_yes_nor_no(contract):
    """503 and when to come again; nobody is sent to log in, no cookie is cleared, and public places stay open."""
    house = await open_house()
    house.store.down = True

    for who in ("alice", "admin"):
        for uri in ("/x", "/admin/x", "/welcome/x"):
            answer = await house.ask(contract, uri, who=who)
            assert answer.status == 503
            assert int(value_of(answer, b"retry-after")) > 0
    assert (await house.ask(contract, "/public/x", who="alice")).status == 200
    assert (await house.ask(contract, "/x")).status == 401

    house.store.down = False
    assert (await house.ask(contract, "/x", who="alice")).status == 200


async def test_p8_a_login_that_is_not_over_is_nobody(contract):
    """CVE-2026-32246: the cookie between two steps was good enough. It means nothing here, under either name."""
    house = await open_house()
    value, _ = issue_ticket(house.ring, house.browser_spec, house.clock(), house.random)

    for name in (NAME, house.browser_spec.name):
        await assert_nobody(house, contract, f"{name}={value}")
    signed, _ = issue_ticket(house.ring, house.cookie_spec, house.clock(), house.random)
    await assert_nobody(house, contract, f"{NAME}={signed}")


async def test_t44_a_session_of_another_deployment_is_nobody(contract):
    """Made by other keys, though with the same names, the same moment, and a record in the same store."""
    house = await open_house()
    other = Keyring.generate(Randomness("another deployment"), house.clock())
    value, _ = issue_ticket(other, house.cookie_spec, house.clock(), house.random)

    await assert_nobody(house, contract, f"{NAME}={value}")


async def test_o07_groups_are_those_of_the_person_and_of_one_login_alone(contract):
    """CVE-2021-21411: the session's groups were the list that the rule allows."""
    house = await open_house(**TWO_PROVIDERS)
    await house.sign_in("both", person("a-1", "corp", groups=("staff",)))
    first = house.begun["both"].ticket
    outside = person("p-1", "partner", groups=("guests",))
    house.begun["both"] = await house.sessions.begin(outside, None, joins=first)

    answer = await house.ask(contract, "/x", who="both")

    assert value_of(answer, b"x-auth-groups") == b"guests"
    assert value_of(answer, b"x-auth-subject") == b"partner:p-1"
    assert (await house.ask(contract, "/admin/x", who="both")).status == 403
    assert (await house.ask(contract, "/x", who="both", host="wiki.example.com")).status == 403
