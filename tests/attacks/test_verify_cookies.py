"""The session cookie at the verify endpoints: junk, forgeries, copies and twins are nobody, in every contract.

"Nobody" is one answer: what a stranger without any cookie gets, byte for byte, and nothing of an identity.
"""

import pytest

from gateway.observe.events import SessionEnded
from gateway.sessions.cookie import cookie_values
from tests.kit.people import asking
from tests.kit.verify_house import APP, CONTRACTS, open_house, value_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("contract", CONTRACTS)]

NAME = "__Secure-gw"
DAY = 86_400


def essence(reply):
    lines = [
        line
        for line in reply.headers
        if line[0] not in {b"x-gateway-decision-id", b"content-length", b"cookie"}
    ]
    return reply.status, lines, reply.body.rpartition(b'"decision_id"')[0]


async def nobody(house, contract, *lines, name=b"cookie"):
    """Assert that these lines are nobody: at a protected, a forbidden, and an optional place."""
    headers = [(name, line if isinstance(line, bytes) else line.encode("latin-1")) for line in lines]
    for uri in ("/x", "/admin/x", "/welcome/x"):
        clean = await house.ask(contract, uri)
        answer = await house.ask(contract, uri, headers=headers)
        assert essence(answer) == essence(clean), (uri, lines)
        assert answer.status == (200 if uri == "/welcome/x" else 401)
        assert value_of(answer, b"x-auth-user") == b""


MALFORMED = [
    "%%%", "x", "", "null", "undefined", "0", "true", "{}", '"', '""', "A" * 8_192, "\xff", "\xff\xfe" * 100, "v1", "v1.",
    "v1...", "v1.a.b.c", "v1.0.0.0", "v2.a.b.c", "=", "a=b", "\x00", "..", "../../etc/passwd", "eyJhbGciOiJub25lIn0.e30.",
    "v1.%2e.%2e.%2e", "' OR 1=1", "*", "v1." + "A" * 43 + "." + "A" * 48 + "." + "A" * 22,
]  # fmt: skip


@pytest.mark.parametrize("value", MALFORMED, ids=lambda value: ascii(value)[:24])
async def test_t01_s6_x14_a_malformed_session_is_nobody(contract, value):
    """CVE-2026-25748: a cookie that would not decode ended in an implicit 200."""
    house = await open_house()

    for line in (f"{NAME}={value}", f'{NAME}="{value}"', f"a=b; {NAME}={value}; c=d"):
        await nobody(house, contract, line)
    assert not {"read", "get"} & set(house.store.calls[-9:]), "junk never reaches the store"


async def test_t01_s6_a_valid_value_that_is_changed_is_nobody(contract):
    """A flipped byte, a cut, a prefix, a quote, another name, another kid."""
    house = await open_house()
    value = house.begun["admin"].cookie
    version, kid, body, tag = value.split(".")

    for changed in (
        value[:-1], value[1:], value + "A", value + "=", value + ".", value.upper(), value.lower(), f'"{value}"',
        f"'{value}'", value.replace(".", "%2e"), f"{version}.{kid}.{body}", f"{version}.{kid}..{tag}",
        f"{version}.{kid[::-1]}.{body}.{tag}", f"{version}..{body}.{tag}", f"{version}.{kid}.{body}=.{tag}",
        f"{version}.{kid}.{body}.{tag}.{tag}", f"{version}.{kid}.{body}.", f"v0.{kid}.{body}.{tag}",
    ):  # fmt: skip
        await nobody(house, contract, f"{NAME}={changed}")
    for name in (
        "gw",
        "__Host-gw",
        "__secure-gw",
        "__Secure-GW",
        "__Secure-gw-login",
        "__Secure-gw_0",
        NAME + "\x00",
    ):
        await nobody(house, contract, f"{name}={value}")


async def test_t29_w2_every_flipped_byte_is_the_same_nobody_and_stays_one(contract):
    """CVE-2026-47775: no byte gives another status, another body or another header, also when it is sent twice."""
    house = await open_house()
    value = house.begun["admin"].cookie
    clean = essence(await house.ask(contract, "/x"))

    for place in range(len(value)):
        flipped = value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
        line = [(b"cookie", f"{NAME}={flipped}".encode("latin-1"))]
        first = await house.ask(contract, "/x", headers=line)
        again = await house.ask(contract, "/x", headers=line)
        assert essence(first) == essence(again) == clean, place


async def test_x14_parts_of_two_sessions_never_make_a_third(contract):
    """Neither pieces of two values, nor two cookies that a client calls the parts of one."""
    house = await open_house()
    one, two = house.begun["alice"].cookie.split("."), house.begun["admin"].cookie.split(".")

    for place in (2, 3):
        spliced = ".".join([*one[:place], two[place], *one[place + 1 :]])
        await nobody(house, contract, f"{NAME}={spliced}")
    whole = house.begun["admin"].cookie
    for names in ((f"{NAME}_0", f"{NAME}_1"), (f"{NAME}.0", f"{NAME}.1"), (f"{NAME}-0", f"{NAME}-1")):
        await nobody(house, contract, f"{names[0]}={whole[:40]}; {names[1]}={whole[40:]}")


TWINS = [
    pytest.param(lambda a, b: [f"{a}; {b}"], id="t11 one line"),
    pytest.param(lambda a, b: [a, b], id="a15 two lines"),
    pytest.param(lambda a, b: [b, a], id="a15 two lines, the other order"),
    pytest.param(lambda a, b: [f"{b}; {b}"], id="t01 the same twice"),
    pytest.param(lambda a, b: [f"{a};{b}"], id="no blank"),
    pytest.param(lambda a, b: [f"{NAME}=; {b}"], id="a35 an empty one first"),
    pytest.param(lambda a, b: [f"{NAME}=", b], id="a35 an empty line first"),
    pytest.param(lambda a, b: [b, f"{NAME}="], id="a35 an empty line last"),
    pytest.param(lambda a, b: [f"{a}, {b}"], id="a15 joined by a comma"),
    pytest.param(lambda a, b: [f"{a},{b}"], id="a15 joined by a bare comma"),
    pytest.param(lambda a, b: [f"x=1, {b}"], id="a15 behind a comma"),
    pytest.param(lambda a, b: [f'{NAME}="{b.partition("=")[2]}"'], id="a15 quoted"),
    pytest.param(lambda a, b: [f'x="; {b}"'], id="a15 inside quotes"),
    pytest.param(lambda a, b: [f"{NAME} ={b.partition('=')[2]}; {a}"], id="a blank behind the name"),
    pytest.param(lambda a, b: [f"\t{a};\t{b}"], id="tabs"),
]


@pytest.mark.parametrize("twins", TWINS)
async def test_a15_a35_t01_t11_two_sessions_in_one_request_are_none(contract, twins):
    """One of them may be planted, and nginx takes the first where others take the last: so it is neither."""
    house = await open_house()

    await nobody(house, contract, *twins(house.cookie("alice"), house.cookie("admin")))


@pytest.mark.parametrize("place", range(3))
async def test_a15_crumbs_of_http_2_are_one_cookie_header(contract, place):
    """RFC 9113 section 8.2.3 lets a client cut the header at its semicolons."""
    house = await open_house()
    crumbs = ["a=1", "b=2"]
    crumbs.insert(place, house.cookie("alice"))

    answer = await house.ask(contract, "/x", headers=[(b"cookie", crumb.encode()) for crumb in crumbs])

    assert value_of(answer, b"x-auth-user") == b"alice"


CHUNKS = [
    "_1of10000000000=x", "_0of1=x", "_-1of2=x", "_5of1=x", "_x=x", "_1of1=x", "_0=x", ".0=x", "_99999999=x", "_NaN=x",
]  # fmt: skip


@pytest.mark.parametrize("chunk", CHUNKS)
async def test_t30_p15_no_number_of_parts_is_read_from_a_cookie(contract, chunk):
    """CVE-2024-24814, CVE-2026-55149: the count was taken from the client, before anything was proved."""
    house = await open_house()

    for line in (
        f"{NAME}{chunk}",
        f"{NAME}_chunks=99999999; {NAME}{chunk}",
        f"session_chunks=-1; {NAME}{chunk}",
    ):
        await nobody(house, contract, line)
    mine = house.cookie("alice")
    answer = await house.ask(contract, "/x", headers=[(b"cookie", f"{NAME}{chunk}; {mine}".encode())])
    assert value_of(answer, b"x-auth-user") == b"alice"


async def test_p15_a_flood_of_parts_asks_the_store_for_nothing(contract):
    """Three thousand of them in one line, which still is a line."""
    house = await open_house()
    calls = len(house.store.calls)

    await nobody(house, contract, "; ".join([f"{NAME}_{number}of3000=x" for number in range(1_500)]))

    assert len(house.store.calls) == calls


LINES = [
    b";;;=;", b"=", b"a", b"", b" ", b";", b"\xff", b"\xff\xfe=\xff", b"\x00", b"==", b"a=b=c", b"a;b;c", b"a=;=b",
    b"; ".join([b"c%d=v" % number for number in range(200)]), b"$Version=1; a=b; $Path=/", b"[]", b'{"a": 1}', b"," * 50,
]  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=lambda line: repr(line)[:24])
async def test_t31_w17_a_malformed_cookie_line_is_nobody_and_no_crash(contract, line):
    """CVE-2023-28625; and beside it a session is still found, or not, by one rule for both contracts."""
    house = await open_house()

    await nobody(house, contract, line)
    beside = line + b"; " + house.cookie("alice").encode()
    answer = await house.ask(contract, "/x", headers=[(b"cookie", beside)])
    assert value_of(answer, b"x-auth-user") == b"alice"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"a=" + b"x" * 8_000], id="8 kB"),
        pytest.param([b"a=" + b"x" * 16_000], id="16 kB"),
        pytest.param([b"a=" + b"x" * 40_000], id="40 kB"),
        pytest.param([b"c%d=" % number + b"x" * 8_000 for number in range(5)], id="40 kB in five lines"),
        pytest.param([b"a=" + b"x" * 64_000], id="64 kB"),
        pytest.param([b"a=" + b"x" * 1_000_000], id="1 MB"),
        pytest.param([b"c%d=v" % number for number in range(190)], id="190 lines"),
        pytest.param([b"c%d=v" % number for number in range(5_000)], id="5000 lines"),
    ],
)
async def test_a16_t31_p15_heavy_cookies_are_judged_or_refused(contract, lines):
    """The server beneath us takes a megabyte; we take 64 kB and 200 fields, and say so with a 4xx."""
    house = await open_house()
    mine = (b"cookie", house.cookie("alice").encode())
    over = sum(map(len, lines)) > 60_000 or len(lines) > 200

    answer = await house.ask(contract, "/x", headers=[mine, *[(b"cookie", line) for line in lines]])

    assert answer.status == ({"forward-auth": 400, "auth-request": 403}[contract] if over else 200)


async def test_a16_one_cookie_of_ours_stays_far_below_four_kilobytes(contract):
    """Browsers drop what is larger, and large cookies are what overflows a proxy's buffer."""
    house = await open_house()

    cookie = house.cookie("admin")
    assert len(cookie) < 256
    assert cookie_values(asking(cookie), NAME) == (house.begun["admin"].cookie,)


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
        await nobody(house, contract, line)


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
        await nobody(house, each, copied)


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

    await nobody(house, contract, house.cookie("alice"))
    answer = await house.ask(contract, "/admin/x", headers=[(b"cookie", f"{NAME}={victim.cookie}".encode())])
    assert answer.status == 200


async def test_x15_w19_the_absolute_limit_ends_a_session_that_is_used_every_day(contract):
    """Whatever the cookie says, and however busy it was."""
    house = await open_house()
    days = int(house.settings.sessions.absolute // DAY)
    for _ in range(days):
        assert (await house.ask(contract, "/x", who="alice")).status == 200
        house.clock.advance(DAY)

    await nobody(house, contract, house.cookie("alice"))


async def test_x15_the_idle_limit_ends_a_session_that_rests(contract):
    """Three days by default; one second less is still a session."""
    house = await open_house()
    house.clock.advance(house.settings.sessions.idle - 1)
    assert (await house.ask(contract, "/x", who="alice")).status == 200

    house.clock.advance(house.settings.sessions.idle + 1)

    await nobody(house, contract, house.cookie("alice"))


@pytest.mark.parametrize("size", [0, 5, 11, 28, 4_000])
async def test_x8_a_record_that_does_not_open_is_nobody_and_is_told(contract, size):
    """Not a 500, and not one silent 401 after the other."""
    house = await open_house()
    for record in house.store.records.values():
        record.fields["identity"] = b"\x01" * size

    await nobody(house, contract, house.cookie("admin"))

    assert {event.reason for event in house.events if isinstance(event, SessionEnded)} == {"unreadable"}


async def test_x8_another_sessions_record_under_this_key_is_nobody(contract):
    """Who can write to the store cannot make alice an administrator."""
    house = await open_house()
    records = house.store.records
    alice, admin = records
    records[alice].fields = dict(records[admin].fields)

    await nobody(house, contract, house.cookie("alice"))


async def test_x7_a_store_that_is_down_says_neither_yes_nor_no(contract):
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
