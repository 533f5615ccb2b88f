"""The session cookie at the verify endpoints: junk, forgeries, copies and twins are nobody, in every contract.

"Nobody" is one answer: what a stranger without any cookie gets, byte for byte, and nothing of an identity.
"""

import pytest

from gateway.sessions.cookie import cookie_values
from tests.kit.people import asking
from tests.kit.verify_house import CONTRACTS, assert_nobody, essence, open_house, value_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("contract", CONTRACTS)]

NAME = "__Secure-gw"


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
        await assert_nobody(house, contract, line)
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
        await assert_nobody(house, contract, f"{NAME}={changed}")
    for name in (
        "gw",
        "__Host-gw",
        "__secure-gw",
        "__Secure-GW",
        "__Secure-gw-login",
        "__Secure-gw_0",
    ):
        await assert_nobody(house, contract, f"{name}={value}")


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
        await assert_nobody(house, contract, f"{NAME}={spliced}")
    whole = house.begun["admin"].cookie
    for names in ((f"{NAME}_0", f"{NAME}_1"), (f"{NAME}.0", f"{NAME}.1"), (f"{NAME}-0", f"{NAME}-1")):
        await assert_nobody(house, contract, f"{names[0]}={whole[:40]}; {names[1]}={whole[40:]}")


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

    await assert_nobody(house, contract, *twins(house.cookie("alice"), house.cookie("admin")))


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
async def test_t30_p15_case9_no_number_of_parts_is_read_from_a_cookie(contract, chunk):
    """CVE-2024-24814, CVE-2026-55149: the count was taken from the client, before anything was proved."""
    house = await open_house()

    for line in (
        f"{NAME}{chunk}",
        f"{NAME}_chunks=99999999; {NAME}{chunk}",
        f"session_chunks=-1; {NAME}{chunk}",
    ):
        await assert_nobody(house, contract, line)
    mine = house.cookie("alice")
    answer = await house.ask(contract, "/x", headers=[(b"cookie", f"{NAME}{chunk}; {mine}".encode())])
    assert value_of(answer, b"x-auth-user") == b"alice"


async def test_p15_a_flood_of_parts_asks_the_store_for_nothing(contract):
    """Three thousand of them in one line, which still is a line."""
    house = await open_house()
    calls = len(house.store.calls)

    await assert_nobody(house, contract, "; ".join([f"{NAME}_{number}of3000=x" for number in range(1_500)]))

    assert len(house.store.calls) == calls


LINES = [
    b";;;=;", b"=", b"a", b"", b" ", b";", b"\xff", b"\xff\xfe=\xff", b"==", b"a=b=c", b"a;b;c", b"a=;=b",
    b"; ".join([b"c%d=v" % number for number in range(200)]), b"$Version=1; a=b; $Path=/", b"[]", b'{"a": 1}', b"," * 50,
]  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=lambda line: repr(line)[:24])
async def test_t31_w17_a_malformed_cookie_line_is_nobody_and_no_crash(contract, line):
    """CVE-2023-28625; and beside it a session is still found, or not, by one rule for both contracts."""
    house = await open_house()

    await assert_nobody(house, contract, line)
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
