"""What a client writes about itself, its address, its host or its method is not what the proxy says about it.

Each row is asked in every contract, without a session, with a small and with a great one, at places of every kind;
the answer must be the one that is given without the attacker's lines.
"""

from itertools import product

import pytest

from gateway.settings import checks
from tests.kit.verify_house import (
    CONTRACTS,
    OFFICE,
    PEOPLE,
    PROXY,
    STRANGER,
    VerifyHouse,
    essence,
    open_house,
    refused,
)

pytestmark = pytest.mark.anyio
each_contract = pytest.mark.parametrize("contract", CONTRACTS)

PLACES = (
    ("/admin/x", "GET"),
    ("/office/x", "GET"),
    ("/docs/x", "DELETE"),
    ("/welcome/x", "GET"),
    ("/public/x", "GET"),
    ("/x", "POST"),
)


FORWARD, NGINX = CONTRACTS[:1], CONTRACTS[1:]
FOREIGN = [
    pytest.param(FORWARD, b"x-original-url", b"https://app.example.com/public/x", id="a08 o12 url"),
    pytest.param(FORWARD, b"x-original-method", b"GET", id="a05 a08 method"),
    pytest.param(NGINX, b"x-forwarded-uri", b"/public/x", id="a04 o12 uri"),
    pytest.param(NGINX, b"x-forwarded-method", b"GET", id="a05 forwarded method"),
    pytest.param(NGINX, b"x-forwarded-host", b"wiki.example.com", id="a06 host"),
    pytest.param(NGINX, b"x-forwarded-proto", b"javascript", id="a06 t19 scheme"),
    pytest.param(CONTRACTS, b"x-original-uri", b"/public/x", id="a08 uri of ingress-nginx"),
    pytest.param(CONTRACTS, b"x-rewrite-url", b"/public/x", id="a08 o12 rewrite"),
    pytest.param(CONTRACTS, b"path", b"/public/x", id="a08 path of ngf"),
    pytest.param(CONTRACTS, b"method", b"OPTIONS", id="a08 method of ngf"),
    pytest.param(CONTRACTS, b":path", b"/public/x", id="a08 pseudo header"),
    pytest.param(CONTRACTS, b"x-envoy-original-path", b"/public/x", id="a08 envoy"),
    pytest.param(CONTRACTS, b"host", b"wiki.example.com", id="a06 wire host"),
    pytest.param(CONTRACTS, b"x-host", b"wiki.example.com", id="a06 x-host"),
    pytest.param(CONTRACTS, b"x-http-method-override", b"GET", id="a05 override"),
    pytest.param(CONTRACTS, b"x-method-override", b"OPTIONS", id="a05 other override"),
    pytest.param(CONTRACTS, b"x-forwarded-prefix", b"/public", id="a07 w14 t14 s3 prefix"),
    pytest.param(CONTRACTS, b"x-script-name", b"/public", id="a07 script name"),
    pytest.param(CONTRACTS, b"x-forwarded-port", b"1", id="s3 port"),
    pytest.param(CONTRACTS, b"x-forwarded-scheme", b"http", id="s3 scheme"),
    pytest.param(CONTRACTS, b"x-forwarded-ssl", b"off", id="s3 ssl"),
    pytest.param(CONTRACTS, b"x-real-ip", OFFICE.encode(), id="a09 x3 real ip"),
    pytest.param(
        CONTRACTS, b"forwarded", b"for=10.20.30.40;host=wiki.example.com;proto=http", id="a09 forwarded"
    ),
    pytest.param(CONTRACTS, b"true-client-ip", OFFICE.encode(), id="a09 true client"),
    pytest.param(CONTRACTS, b"cf-connecting-ip", OFFICE.encode(), id="a09 connecting"),
    pytest.param(CONTRACTS, b"x-client-ip", OFFICE.encode(), id="a09 client ip"),
    pytest.param(CONTRACTS, b"x-cluster-client-ip", OFFICE.encode(), id="a09 cluster"),
    pytest.param(CONTRACTS, b"x_forwarded_for", OFFICE.encode(), id="s2 a09 underscores"),
    pytest.param(CONTRACTS, b"x_forwarded_uri", b"/public/x", id="s2 a04 uri with underscores"),
    pytest.param(CONTRACTS, b"x.forwarded.uri", b"/public/x", id="s2 a04 uri with dots"),
    pytest.param(CONTRACTS, b"x_forwarded_host", b"", id="s2 empty host"),
    pytest.param(
        CONTRACTS, b"x_original_url", b"https://app.example.com/public/x", id="s2 url with underscores"
    ),
    pytest.param(CONTRACTS, b"user-agent", b"GoogleHC/1.0", id="a46 o11 health check"),
    pytest.param(CONTRACTS, b"user-agent", b"kube-probe/1.30", id="a46 o11 probe"),
    pytest.param(CONTRACTS, b"user-agent", b"ELB-HealthChecker/2.0", id="a46 balancer"),
    pytest.param(CONTRACTS, b"x-auth-policy", b"billing", id="w25 policy"),
    pytest.param(CONTRACTS, b"x-forward-auth-if", b"false", id="w25 condition"),
    pytest.param(CONTRACTS, b"x-gateway-status", b"200", id="our own status"),
    pytest.param(CONTRACTS, b"x-gateway-decision-id", b"d-0", id="our own decision"),
    pytest.param(CONTRACTS, b"x-gateway-secret", b"guess", id="a secret that nobody asked for"),
    pytest.param(CONTRACTS, b"x-role", b"user, admin", id="a11 roles"),
    pytest.param(CONTRACTS, b"authorization", b"Basic cm9vdDpyb290", id="t02 basic"),
    pytest.param(CONTRACTS, b"authorization", b"Bearer x", id="t02 bearer"),
]


@pytest.mark.parametrize(("contracts", "name", "value"), FOREIGN)
async def test_a04_to_a09_w22_no_foreign_header_takes_part(contracts, name, value):
    """A header of another family, or of none, changes nothing (CVE-2026-40575, CVE-2026-35051, CVE-2026-34457)."""
    house = await open_house()

    for contract, (uri, method) in product(contracts, PLACES):
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


@each_contract
@pytest.mark.parametrize("who", PEOPLE)
async def test_t11_a04_a11_a_mandatory_header_that_stands_twice_is_refused(contract, who):
    """CVE-2021-32777: one of two values was checked, and the other one used."""
    house = await open_house()

    for line in OWN[contract]:
        for twin in (line, (line[0], b"")):
            answer = await house.ask(contract, "/x", who=who, headers=[twin])
            assert answer.status == refused(contract)
            assert house.decision.reason == "header_repeated"


@each_contract
@pytest.mark.parametrize("who", PEOPLE)
async def test_t05_t13_p1_a_mandatory_header_that_is_missing_is_refused(contract, who):
    """`Connection: X-Forwarded-Host` made a proxy drop it (CVE-2024-45410); the wire's own value never stands in."""
    house = await open_house()

    for name, _ in OWN[contract]:
        lines = [(b"host", b"app.example.com")]
        answer = await house.ask(contract, "/public/x", who=who, left_out=[name], headers=lines)
        assert answer.status == refused(contract)
        assert house.decision.reason == "header_missing"


JOINED = [
    (contract, name, value)
    for contract, lines in OWN.items()
    for name, mine in lines
    for value in (b"", b" ", mine + b", " + mine, mine + b" " + mine, mine + b"\t")
]


@pytest.mark.parametrize(("contract", "name", "value"), JOINED)
async def test_t05_t11_p1_an_empty_or_joined_mandatory_header_is_refused(contract, name, value):
    """Two lines that a proxy has joined are as bad as two lines."""
    house = await open_house()

    for who in PEOPLE:
        answer = await house.ask(contract, "/x", who=who, left_out=[name], headers=[(name, value)])
        assert answer.status == refused(contract)


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


@each_contract
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
def test_o13_t12_e43_a_configuration_that_trusts_nobody_or_everybody_does_not_start(networks):
    """The guard is worth nothing when its default is everybody (CVE-2026-76835)."""
    settings = VerifyHouse(server={"trusted_proxies": networks}).settings

    assert [fault for fault in checks.faults(settings) if fault.path[:2] == ("server", "trusted_proxies")]
