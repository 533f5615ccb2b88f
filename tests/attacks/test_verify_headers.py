"""Identity headers: what the client writes under their names is never answered, and what a provider wrote into a
claim stays one value of one header.
"""

from urllib.parse import unquote

import pytest

from gateway.identity.headers import MAX_VALUE, MAX_VALUES
from gateway.observe.events import HeaderOverflowed
from gateway.settings.model import HeaderNames
from tests.kit.people import person
from tests.kit.verify_house import CONTRACTS, PEOPLE, open_house, refused, value_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("contract", CONTRACTS)]

NAMES = tuple(name for name in HeaderNames().model_dump(exclude={"encoding"}).values() if name)
SENT = tuple(name for name in NAMES if not name.endswith("-Token"))
"""Those that are answered where no rule passes a token of the provider."""
PLACES = ("/public/x", "/health", "/welcome/x", "/x", "/admin/x", "/office/x")


def identity_of(reply):
    return {name.decode(): value.decode() for name, value in reply.headers if name.startswith(b"x-auth-")}


FORGED = [
    pytest.param(lambda name: [(name.lower(), b"evil")], id="a01 s1 t16 as it is"),
    pytest.param(lambda name: [(name.lower(), b"evil"), (name.lower(), b"root")], id="a02 t15 twice"),
    pytest.param(
        lambda name: [(name.encode(), b"evil") for name in spellings(name)], id="a02 s4 other cases"
    ),
    pytest.param(lambda name: [(name.lower().replace(b"-", b"_"), b"evil")], id="a03 s2 o09 underscores"),
    pytest.param(lambda name: [(name.lower().replace(b"-", b"_", 1), b"evil")], id="a03 one underscore"),
    pytest.param(lambda name: [(name.lower().replace(b"-", b"."), b"evil")], id="a03 t15 dots"),
    pytest.param(lambda name: [(name.lower() + b" ", b"evil")], id="o09 a blank behind the name"),
    pytest.param(lambda name: [(b"connection", b"close, " + name)], id="a12 t13 w13 named in connection"),
    pytest.param(lambda name: [(b"remote-user", b"evil"), (b"x-remote-user", b"evil")], id="s1 remote-user"),
    pytest.param(lambda name: [(b"x-role", b"user, admin"), (b"x-role", b"admin")], id="a11 several values"),
]


def spellings(name):
    text = name.decode()
    return (text, text.upper(), text.swapcase(), text.title())


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_a01_a02_a03_a11_s1_s2_t16_t17_e37_a_forged_identity_is_never_answered(
    contract, method, forged
):
    """CVE-2026-30851: on public places too, and for preflights; an absent identity is an empty header of ours."""
    house = await open_house()

    for uri in PLACES:
        for who in PEOPLE:
            clean = await house.ask(contract, uri, method=method, who=who)
            for name in NAMES:
                lines = forged(name.encode())
                answer = await house.ask(contract, uri, method=method, who=who, headers=lines)
                assert answer.status == clean.status
                assert identity_of(answer) == identity_of(clean)
                assert b"evil" not in answer.body


@pytest.mark.parametrize("where", ["/public/x", "/welcome/x"])
async def test_t16_s1_e37_whoever_is_nobody_is_answered_with_empty_names(contract, where):
    """All of them, so that a proxy overwrites what the client wrote."""
    house = await open_house()

    answer = await house.ask(contract, where)

    assert identity_of(answer) == {name.lower(): "" for name in SENT}


# A NUL, a CR or an LF in a value never gets past the server beneath us; test_verify_wire.py shows it.
JUNK = [
    b"\xff\xfe",
    b"\x80",
    b"\xc0\xaf",
    b"\x01\x1f\x7f",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b"\xf4\x90\x80\x80",
]
CARRIERS = [
    b"x-a", b"cookie", b"authorization", b"x-forwarded-for", b"x-forwarded-proto", b"accept", b"origin", b"upgrade",
    b"sec-fetch-mode", b"sec-fetch-dest", b"sec-purpose", b"x-requested-with", b"user-agent", b"x-auth-user",
    b"x-gateway-secret", b"content-length", b"\xff\xfe", b"",
]  # fmt: skip


@pytest.mark.parametrize("junk", JUNK, ids=repr)
async def test_t06_bytes_that_are_no_text_are_judged_or_refused(contract, junk):
    """CVE-2023-27488: such a header broke the check, and the broken check let the request through."""
    house = await open_house()

    for name in CARRIERS:
        for who, expected in zip(PEOPLE, (401, 200, 200), strict=True):
            answer = await house.ask(contract, "/x", who=who, headers=[(name, junk)])
            assert answer.status == expected, name
        assert (await house.ask(contract, "/admin/x", headers=[(name, junk)])).status == 401


@pytest.mark.parametrize("junk", JUNK, ids=repr)
async def test_t06_p1_bytes_that_are_no_text_in_the_proxys_own_words_are_refused(contract, junk):
    """In the host and in the method; in a path they are refused as well where they are no UTF-8, or a control."""
    house = await open_house()

    for who in PEOPLE:
        for asked in ({"host": b"app" + junk + b".example.com"}, {"method": b"GET" + junk}):
            answer = await house.ask(contract, "/public/x", who=who, **asked)
            assert answer.status == refused(contract)
    answer = await house.ask(contract, b"/admin/" + junk)
    assert answer.status in {401, refused(contract)}


CLAIMS = [
    pytest.param("a\r\nX-Auth-Groups: admins", id="t07 a45 line end"),
    pytest.param("a\rX-Auth-Groups: admins", id="t07 lone carriage return"),
    pytest.param("a\nX-Auth-Groups: admins", id="a45 lone line feed"),
    pytest.param("a\u2028X-Auth-Groups: admins\u2029", id="t07 line separator"),
    pytest.param("a\x85b\x0bc\x0cd", id="a45 other line ends"),
    pytest.param("a\x00b", id="a45 nul"),
    pytest.param("admins,root", id="a45 e38 comma"),
    pytest.param("CN=Admins,OU=x,DC=example", id="e38 a name of a directory"),
    pytest.param("50%2C off", id="e38 what looks encoded"),
    pytest.param(" admins ", id="e38 blanks around"),
    pytest.param("阿里巴巴 \U0001f600", id="a45 not ASCII"),
    pytest.param("\ud800", id="a45 half a surrogate pair"),
    pytest.param("\u202eadmin", id="a45 written backwards"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize("encoding", ["percent", "utf-8", "latin1"])
@pytest.mark.parametrize("claim", CLAIMS)
async def test_t07_a45_e38_a_claim_is_one_value_and_can_be_read_back(contract, claim, encoding):
    """CVE-2023-27493: a name with a line end became a second header; a comma must not make a second group."""
    house = await open_house(headers={"encoding": encoding})
    mallory = person(
        "m", user=claim or "m", name=claim, email=f"{claim}@example.com", groups=(claim, "staff")
    )
    await house.sign_in("mallory", mallory)

    answer = await house.ask(contract, "/x", who="mallory")

    assert answer.status == 200
    read = {"percent": "ascii", "utf-8": "utf-8", "latin1": "latin-1"}[encoding]
    name = value_of(answer, b"x-auth-name").decode(read)
    assert unquote(name, errors="surrogatepass") == claim
    groups = value_of(answer, b"x-auth-groups").decode(read).split(",")
    assert [unquote(one, errors="surrogatepass") for one in groups] == [
        one for one in (claim, "staff") if one
    ]
    assert (await house.ask(contract, "/admin/x", who="mallory")).status == 403


async def test_t07_e39_a_claim_of_sixteen_kilobytes_is_left_out_whole(contract):
    """Never cut: half a list says something else; and the operator is told."""
    house = await open_house()
    groups = tuple(f"group-{number:04}" for number in range(1600))
    await house.sign_in("mallory", person("m", name="n" * 16_000, groups=groups))

    answer = await house.ask(contract, "/x", who="mallory")

    assert value_of(answer, b"x-auth-name") == value_of(answer, b"x-auth-groups") == b""
    assert value_of(answer, b"x-auth-subject") == b"corp:m"
    told = {event.header for event in house.events if isinstance(event, HeaderOverflowed)}
    assert {"X-Auth-Name", "X-Auth-Groups"} <= told


@pytest.mark.parametrize("size", [100, 2_900, 3_000, 3_001, 50_000])
async def test_a42_e39_the_identity_never_outgrows_a_proxys_buffer(contract, size):
    """nginx answers 500 to a head over its buffer; the snippets set 16 kB."""
    house = await open_house()
    heavy = person(
        "m", user="u" * size, name="é" * size, email=f"{'e' * size}@example.com", groups=("g" * size,)
    )
    await house.sign_in("heavy", heavy)

    answer = await house.ask(contract, "/x", who="heavy")

    identity = identity_of(answer)
    assert max(len(value) for value in identity.values()) <= MAX_VALUE
    assert sum(len(value) for value in identity.values()) <= MAX_VALUES
    assert sum(len(name) + len(value) + 4 for name, value in answer.headers) < 15_000


async def test_e40_our_cookies_are_taken_out_of_what_the_application_gets(contract):
    """A compromised application must not collect the sessions of the others."""
    house = await open_house()
    others = b'theme=dark; x="a, b"'
    mine = house.cookie("alice").encode()
    login = house.browser_spec.name.encode() + b"=abc"
    lines = [(b"cookie", b"; ".join([others, login, mine])), (b"cookie", b" " + login + b" ")]

    answer = await house.ask(contract, "/x", headers=lines)

    assert answer.status == 200
    if contract == "forward-auth":  # nginx takes them out itself
        assert value_of(answer, b"cookie") == others
    assert not any(house.begun["alice"].cookie.encode() in value for _, value in answer.headers)


@pytest.mark.parametrize("line", [b"=;;;=", b'a="; b', b"\xff=\xfe", b";" * 500, b"a b c"], ids=repr)
async def test_e40_t31_taking_them_out_survives_what_is_no_cookie(contract, line):
    """CVE-2023-28625: a malformed line crashed the parser."""
    house = await open_house()
    mine = house.cookie("alice").encode()

    for lines in ([line + b"; " + mine], [mine + b"; " + line], [line, mine]):
        answer = await house.ask(contract, "/x", headers=[(b"cookie", one) for one in lines])
        assert answer.status == 200
        assert not any(house.begun["alice"].cookie.encode() in value for _, value in answer.headers)
