"""What a client writes about itself, its address, its host or its method is not what the proxy says about it.

Each row is asked in every contract, without a session, with a small and with a great one, at places of every kind;
the answer must be the one that is given without the attacker's lines.
"""

import pytest

from gateway.settings import checks
from tests.kit.verify_house import (
    APP,
    AUTH,
    CLIENT,
    CONTRACTS,
    OFFICE,
    PEOPLE,
    PROXY,
    STRANGER,
    VerifyHouse,
    open_house,
    refused,
    value_of,
)

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("contract", CONTRACTS)]

PLACES = (
    ("/admin/x", "GET"),
    ("/office/x", "GET"),
    ("/docs/x", "DELETE"),
    ("/welcome/x", "GET"),
    ("/public/x", "GET"),
    ("/x", "POST"),
)
NAVIGATION = ((b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"))
ORIGIN = "https%3A%2F%2Fapp.example.com"


def essence(reply):
    """Everything of an answer but the decision id and the time-bound parts."""
    dull = {b"x-gateway-decision-id", b"content-length"}
    lines = [line for line in reply.headers if line[0] not in dull]
    return reply.status, lines, reply.body.rpartition(b'"decision_id"')[0]


FOREIGN = [
    pytest.param("forward-auth", b"x-original-url", b"https://app.example.com/public/x", id="a08 o12 url"),
    pytest.param("forward-auth", b"x-original-method", b"GET", id="a05 a08 method"),
    pytest.param("auth-request", b"x-forwarded-uri", b"/public/x", id="a04 o12 uri"),
    pytest.param("auth-request", b"x-forwarded-method", b"GET", id="a05 forwarded method"),
    pytest.param("auth-request", b"x-forwarded-host", b"wiki.example.com", id="a06 host"),
    pytest.param("auth-request", b"x-forwarded-proto", b"javascript", id="a06 t19 scheme"),
    pytest.param("", b"x-original-uri", b"/public/x", id="a08 uri of ingress-nginx"),
    pytest.param("", b"x-rewrite-url", b"/public/x", id="a08 o12 rewrite"),
    pytest.param("", b"path", b"/public/x", id="a08 path of ngf"),
    pytest.param("", b"method", b"OPTIONS", id="a08 method of ngf"),
    pytest.param("", b":path", b"/public/x", id="a08 pseudo header"),
    pytest.param("", b"x-envoy-original-path", b"/public/x", id="a08 envoy"),
    pytest.param("", b"host", b"wiki.example.com", id="a06 wire host"),
    pytest.param("", b"x-host", b"wiki.example.com", id="a06 x-host"),
    pytest.param("", b"x-http-method-override", b"GET", id="a05 override"),
    pytest.param("", b"x-method-override", b"OPTIONS", id="a05 other override"),
    pytest.param("", b"x-forwarded-prefix", b"/public", id="a07 w14 t14 s3 prefix"),
    pytest.param("", b"x-script-name", b"/public", id="a07 script name"),
    pytest.param("", b"x-forwarded-port", b"1", id="s3 port"),
    pytest.param("", b"x-forwarded-scheme", b"http", id="s3 scheme"),
    pytest.param("", b"x-forwarded-ssl", b"off", id="s3 ssl"),
    pytest.param("", b"x-real-ip", OFFICE.encode(), id="a09 x3 real ip"),
    pytest.param("", b"forwarded", b"for=10.20.30.40;host=wiki.example.com;proto=http", id="a09 forwarded"),
    pytest.param("", b"true-client-ip", OFFICE.encode(), id="a09 true client"),
    pytest.param("", b"cf-connecting-ip", OFFICE.encode(), id="a09 connecting"),
    pytest.param("", b"x-client-ip", OFFICE.encode(), id="a09 client ip"),
    pytest.param("", b"x-cluster-client-ip", OFFICE.encode(), id="a09 cluster"),
    pytest.param("", b"x_forwarded_for", OFFICE.encode(), id="s2 a09 underscores"),
    pytest.param("", b"x_forwarded_uri", b"/public/x", id="s2 a04 uri with underscores"),
    pytest.param("", b"x.forwarded.uri", b"/public/x", id="s2 a04 uri with dots"),
    pytest.param("", b"x_forwarded_host", b"", id="s2 empty host"),
    pytest.param("", b"x_original_url", b"https://app.example.com/public/x", id="s2 url with underscores"),
    pytest.param("", b"user-agent", b"GoogleHC/1.0", id="a46 o11 health check"),
    pytest.param("", b"user-agent", b"kube-probe/1.30", id="a46 o11 probe"),
    pytest.param("", b"user-agent", b"ELB-HealthChecker/2.0", id="a46 balancer"),
    pytest.param("", b"x-auth-policy", b"billing", id="w25 policy"),
    pytest.param("", b"x-forward-auth-if", b"false", id="w25 condition"),
    pytest.param("", b"x-gateway-status", b"200", id="our own status"),
    pytest.param("", b"x-gateway-decision-id", b"d-0", id="our own decision"),
    pytest.param("", b"x-gateway-secret", b"guess", id="a secret that nobody asked for"),
    pytest.param("", b"x-role", b"user, admin", id="a11 roles"),
    pytest.param("", b"authorization", b"Basic cm9vdDpyb290", id="t02 basic"),
    pytest.param("", b"authorization", b"Bearer x", id="t02 bearer"),
]


@pytest.mark.parametrize(("only", "name", "value"), FOREIGN)
async def test_a04_to_a09_w22_no_foreign_header_takes_part(contract, only, name, value):
    """A header of another family, or of none, changes nothing (CVE-2026-40575, CVE-2026-35051, CVE-2026-34457)."""
    if only not in {"", contract}:
        pytest.skip("in this contract the header is the proxy's own")
    house = await open_house()

    for uri, method in PLACES:
        for who in PEOPLE:
            clean = await house.ask(contract, uri, method=method, who=who)
            for line in ((name, value), (name.upper(), value)):
                attacked = await house.ask(contract, uri, method=method, who=who, headers=[line])
                assert essence(attacked) == essence(clean), (uri, who)


OWN = {
    "forward-auth": (
        (b"x-forwarded-uri", b"/public/x"),
        (b"x-forwarded-host", b"app.example.com"),
        (b"x-forwarded-method", b"OPTIONS"),
    ),
    "auth-request": (
        (b"x-original-url", b"https://app.example.com/public/x"),
        (b"x-original-method", b"OPTIONS"),
    ),
}


@pytest.mark.parametrize("who", PEOPLE)
async def test_t11_a04_a11_p21_a_mandatory_header_that_stands_twice_is_refused(contract, who):
    """CVE-2021-32777: one of two values was checked, and the other one used."""
    house = await open_house()

    for line in OWN[contract]:
        for twin in (line, (line[0], b"")):
            answer = await house.ask(contract, "/x", who=who, headers=[twin])
            assert answer.status == refused(contract)
            assert house.decision.reason == "header_repeated"


@pytest.mark.parametrize("who", PEOPLE)
async def test_t05_t13_p1_a_mandatory_header_that_is_missing_is_refused(contract, who):
    """`Connection: X-Forwarded-Host` made a proxy drop it (CVE-2024-45410); the wire's own value never stands in."""
    house = await open_house()

    for name, _ in OWN[contract]:
        lines = [(b"host", b"app.example.com")]
        answer = await house.ask(contract, "/public/x", who=who, left_out=[name], headers=lines)
        assert answer.status == refused(contract)
        assert house.decision.reason == "header_missing"


@pytest.mark.parametrize(
    "name", [b"x-forwarded-method", b"x-forwarded-host", b"x-forwarded-uri", b"x-original-url"]
)
async def test_t05_p1_an_empty_or_joined_mandatory_header_is_refused(contract, name):
    """Two lines that a proxy has joined are as bad as two lines."""
    house = await open_house()
    mine = dict(OWN[contract])
    if name not in mine:
        pytest.skip("another contract's header")

    for value in (b"", b" ", mine[name] + b", " + mine[name], mine[name] + b"," + mine[name]):
        lines = [(name, value)]
        answer = await house.ask(contract, "/x", who="admin", left_out=[name], headers=lines)
        assert answer.status == refused(contract), value


UNTRUSTED = [
    pytest.param({}, STRANGER, (), id="t12 o12 s7 a stranger"),
    pytest.param({}, "192.0.2.2", (), id="a10 a neighbour of the proxy"),
    pytest.param({}, "127.0.0.1", (), id="a10 loopback that nobody listed"),
    pytest.param({}, "::ffff:203.0.113.66", (), id="t12 a mapped stranger"),
    pytest.param({"server": {}}, PROXY, (), id="o13 t12 nobody listed"),
    pytest.param({"server": {}}, "127.0.0.1", (), id="o13 s7 loopback by default"),
    pytest.param({}, STRANGER, ((b"x-forwarded-for", PROXY.encode()),), id="x3 names a proxy"),
    pytest.param({}, STRANGER, ((b"x-gateway-secret", b""),), id="an empty secret"),
    pytest.param({"server": {"verify_secret": "s" * 32}}, PROXY, (), id="a10 without the secret"),
    pytest.param(
        {"server": {"verify_secret": "s" * 32}},
        PROXY,
        ((b"x-gateway-secret", b"S" * 32),),
        id="a wrong secret",
    ),
    pytest.param(
        {"server": {"verify_secret": "s" * 32}},
        PROXY,
        ((b"x-gateway-secret", b"s" * 32), (b"x-gateway-secret", b"s" * 32)),
        id="the secret twice",
    ),
    pytest.param({}, "app.example.com", (), id="a peer that is no address"),
]


@pytest.mark.parametrize(("changes", "peer", "lines"), UNTRUSTED)
async def test_t12_o12_o13_s7_a10_e42_a_stranger_is_told_nothing(contract, changes, peer, lines):
    """CVE-2026-40575, CVE-2026-76835: whoever is not our proxy gets 403, for public places as well."""
    house = await open_house(**changes)

    for uri in ("/health", "/public/x", "/admin/x", "/%zz"):
        for who in PEOPLE:
            answer = await house.ask(contract, uri, who=who, peer=peer, headers=lines)
            assert answer.status == 403
            assert house.decision.reason in {"peer", "secret"}
            assert b"login_url" not in answer.body


@pytest.mark.parametrize("networks", [(), ("0.0.0.0/0",), ("::/0",), ("0.0.0.0/1", "128.0.0.0/1")], ids=str)
async def test_o13_t12_e43_a_configuration_that_trusts_nobody_or_everybody_does_not_start(contract, networks):
    """The guard is worth nothing when its default is everybody (CVE-2026-76835)."""
    settings = VerifyHouse(server={"trusted_proxies": networks}).settings

    assert [fault for fault in checks.faults(settings) if fault.path[:2] == ("server", "trusted_proxies")]


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
