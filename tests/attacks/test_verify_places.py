"""From where, to which host and by which scheme: what a check believes of it, and what enters a redirect."""

import pytest

from tests.kit.verify_house import (
    APP,
    AUTH,
    CLIENT,
    CONTRACTS,
    OFFICE,
    PEOPLE,
    open_house,
    refused,
    value_of,
)

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("contract", CONTRACTS)]

NAVIGATION = ((b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"))
ORIGIN = "https%3A%2F%2Fapp.example.com"

ADDRESSES = [
    pytest.param([OFFICE], True, id="the proxy says so"),
    pytest.param([f"{OFFICE}, 192.0.2.17"], True, id="behind two proxies"),
    pytest.param([f"{CLIENT}, {OFFICE}"], True, id="what stands further left does not count"),
    pytest.param(["::ffff:10.0.0.1"], True, id="t20 mapped"),
    pytest.param([f"{OFFICE}, {CLIENT}"], False, id="p21 t20 a forged first"),
    pytest.param([OFFICE, CLIENT], False, id="p21 two lines"),
    pytest.param([f"{OFFICE}, {CLIENT}, 192.0.2.17"], False, id="p21 forged behind two proxies"),
    pytest.param(["127.0.0.1"], False, id="p21 loopback"),
    pytest.param([f"1.1.1.1, {OFFICE}", "a"], False, id="p21 a last line that is none"),
    pytest.param([f"{OFFICE}, a"], False, id="t20 unparsable last"),
    pytest.param(["a"], False, id="t20 p21 unparsable"),
    pytest.param([""], False, id="t20 p21 empty"),
    pytest.param([f"{OFFICE}, "], False, id="p21 an empty last"),
    pytest.param([f"{OFFICE},192.0.2.1,,192.0.2.1"], False, id="p21 an empty one between"),
    pytest.param([], False, id="t20 missing"),
    pytest.param(["127.0.0.1, x"], False, id="t20 loopback and junk"),
    pytest.param([f"{OFFICE}%eth0"], False, id="p21 a zone"),
    pytest.param(["fe80::1%10.20.30.40"], False, id="p21 a zone like an address"),
    pytest.param(["010.020.030.040"], False, id="p21 octal"),
    pytest.param(["0x0a.0x14.0x1e.0x28"], False, id="p21 hexadecimal"),
    pytest.param(["169090600"], False, id="p21 one number"),
    pytest.param(["10.20.30"], False, id="p21 three parts"),
    pytest.param([f"{OFFICE}\x00"], False, id="p21 nul"),
    pytest.param([f"{OFFICE}:80:80"], False, id="p21 two ports"),
    pytest.param([f"for={OFFICE}"], False, id="p21 the other syntax"),
    pytest.param(["unknown"], False, id="p21 unknown"),
    pytest.param(["192.0.2.1"], False, id="p21 nothing but proxies"),
    pytest.param([f"{OFFICE};{CLIENT}"], False, id="p21 semicolon"),
    pytest.param([f"{OFFICE} {CLIENT}"], False, id="p21 blank"),
]


@pytest.mark.parametrize(("lines", "inside"), ADDRESSES)
async def test_t20_p21_a09_x3_a_network_rule_sees_the_address_that_our_proxy_saw(contract, lines, inside):
    """CVE-2024-47070, CVE-2024-21494: an address that does not parse is in no network, and skips no rule."""
    house = await open_house()
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]

    for who, outside in zip(PEOPLE, (401, 403, 200), strict=True):
        gone = [b"x-forwarded-for"]
        answer = await house.ask(contract, "/office/x", who=who, left_out=gone, headers=headers)
        assert answer.status == (200 if inside else outside)
        assert house.decision.rule == ("office" if inside else "admin")


SCHEMES = ["javascript", "evil", "evil_protocol", "http", "https,http", "", "HTTPS", "file", "data"]


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_t19_p20_a06_e41_the_scheme_of_a_redirect_is_the_configured_one(contract, scheme):
    """CVE-2024-21499: `X-Forwarded-Proto: evil_protocol` was repeated in Location."""
    house = await open_house()
    gone, line = [b"x-forwarded-proto"], (b"x-forwarded-proto", scheme.encode())

    answer = await house.ask(contract, "/x", left_out=gone, headers=[line, *NAVIGATION])

    if contract == "auth-request":
        assert answer.status == 401
        assert value_of(answer, b"location") == b""
    else:
        assert answer.status == 303
        assert value_of(answer, b"location").decode() == f"{AUTH}/auth/login?rd={ORIGIN}/x"


EVIL_HOSTS = [
    "auth.example.com.evil.tld",
    "evil.tld",
    "app.example.com.evil.tld",
    "evilapp.example.com",
    "app.example.com@evil.tld",
    "app.example.com:443@evil.tld",
    "evil.tld#.app.example.com",
    "evil.tld\\.app.example.com",
    "evil.tld\\.x.apps.example.com",
    "evil.tld?.x.apps.example.com",
    "apps.example.com",
    "xapps.example.com",
    "",
    ".",
    "app.example.com,evil.tld",
    "[::1]",
]


@pytest.mark.parametrize("host", EVIL_HOSTS)
@pytest.mark.parametrize("who", PEOPLE)
async def test_p19_a06_p11_w4_w23_a_host_that_is_not_ours_is_refused(contract, host, who):
    """CVE-2024-21498: also where the path is public, and never repeated in a Location."""
    house = await open_house()

    for uri in ("/public/x", "/x"):
        answer = await house.ask(contract, uri, host=host, who=who, headers=NAVIGATION)
        assert answer.status == refused(contract)
        assert b"evil.tld" not in answer.body
        assert value_of(answer, b"location") == b""


@pytest.mark.parametrize(
    "host", ["APP.example.com", "app.example.com.", "app.example.com:9999", "App.Example.COM.:443"]
)
async def test_p19_p11_p7_the_way_back_is_the_configured_origin(contract, host):
    """A twin of our host meets its rules, and its spelling ends here."""
    house = await open_house()

    assert (await house.ask(contract, "/admin/x", host=host, who="alice")).status == 403
    answer = await house.ask(contract, "/admin/x", host=host, headers=NAVIGATION)

    if contract == "forward-auth":
        assert value_of(answer, b"location").decode() == f"{AUTH}/auth/login?rd={ORIGIN}/admin/x"
    assert house.decision.host == APP


@pytest.mark.parametrize("host", ["WIKI.example.com", "wiki.example.com.", "wiki.example.com:443"])
async def test_p11_p7_a_twin_of_a_stricter_host_meets_its_rule(contract, host):
    """CVE-2026-77560, CVE-2026-48794: no twin fell through to the rule for everybody."""
    house = await open_house()

    assert (await house.ask(contract, "/public/x", host=host)).status == 401
    assert (await house.ask(contract, "/public/x", host=host, who="alice")).status == 403
    assert (await house.ask(contract, "/public/x", host=host, who="admin")).status == 200
