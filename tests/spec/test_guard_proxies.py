"""Proxies: whom we believe, and which client stands behind them."""

from ipaddress import ip_address, ip_network

import pytest

from gateway.errors import SettingsFault, UntrustedPeer
from gateway.guard.proxies import Proxies, read_address
from gateway.identity.presented import Head

NETWORKS = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
SECRET = "s3cret-of-the-proxy"


def head(peer="10.0.0.1", *lines):
    return Head("GET", b"/", tuple(lines), peer)


def forwarded(*values, peer="10.0.0.1"):
    return head(peer, *[(b"x-forwarded-for", value) for value in values])


def proxies(networks=NETWORKS, secret=None, unix_trusted=False):
    return Proxies.of(networks, secret, unix_trusted)


@pytest.mark.parametrize(
    ("trusting", "asked"),
    [
        pytest.param(proxies(), head("10.2.3.4"), id="by its network"),
        pytest.param(proxies(), head("fd00::1"), id="by its IPv6 network"),
        pytest.param(proxies(), head("::ffff:10.2.3.4"), id="by its network, as IPv6 writes it"),
        pytest.param(proxies(unix_trusted=True), head(""), id="as a Unix socket"),
        pytest.param(
            proxies([], unix_trusted=True, secret=SECRET), head(""), id="as a Unix socket, secret or not"
        ),
        pytest.param(
            proxies([], secret=SECRET),
            head("192.0.2.1", (b"x-gateway-secret", SECRET.encode())),
            id="by the secret, wherever it is",
        ),
    ],
)
def test_a_peer_is_trusted_for_one_of_three_reasons(trusting, asked):
    """Its address, the socket it came through, or what it knows."""
    trusting.trusts(asked)


@pytest.mark.parametrize(
    ("trusting", "asked", "reason"),
    [
        pytest.param(proxies([]), head("127.0.0.1"), "peer", id="nobody is trusted by default"),
        pytest.param(proxies(), head("192.0.2.1"), "peer", id="another address"),
        pytest.param(proxies(), head("testclient"), "peer", id="no address"),
        pytest.param(proxies(), head(""), "unix_socket", id="a socket that is not trusted"),
        pytest.param(
            proxies([], secret=SECRET), head(""), "unix_socket", id="such a socket, where a secret is set"
        ),
        pytest.param(
            proxies(secret=SECRET), head("10.0.0.1"), "secret", id="the network alone, where a secret is set"
        ),
        pytest.param(
            proxies(secret=SECRET),
            head("10.0.0.1", (b"x-gateway-secret", b"guess")),
            "secret",
            id="a wrong secret",
        ),
        pytest.param(
            proxies(secret=SECRET),
            head("10.0.0.1", (b"x-gateway-secret", SECRET.encode()), (b"x-gateway-secret", SECRET.encode())),
            "secret",
            id="the secret twice",
        ),
        pytest.param(
            proxies(secret=SECRET),
            head("10.0.0.1", (b"x-gateway-secret", b"")),
            "secret",
            id="an empty secret",
        ),
        pytest.param(
            proxies(secret=SECRET),
            head("10.0.0.1", (b"x-gateway-secret", b"\xff")),
            "secret",
            id="bytes as a secret",
        ),
        pytest.param(
            proxies(),
            head("192.0.2.1", (b"x-gateway-secret", b"")),
            "peer",
            id="an empty secret, where none is set",
        ),
    ],
)
def test_nobody_else_is_trusted(trusting, asked, reason):
    """Where a secret is set, it alone counts on TCP."""
    with pytest.raises(UntrustedPeer) as refused:
        trusting.trusts(asked)

    assert refused.value.reason == reason


def test_an_empty_secret_is_a_fault_of_the_configuration():
    """Everybody knows it."""
    with pytest.raises(SettingsFault):
        proxies(secret="")


def test_the_secret_stands_in_no_refusal_and_no_repr():
    """Neither what was configured nor what was sent."""
    trusting = proxies(secret=SECRET)

    with pytest.raises(UntrustedPeer) as refused:
        trusting.trusts(head("10.0.0.1", (b"x-gateway-secret", b"a guess")))

    assert SECRET not in repr(trusting) + str(refused.value)
    assert "a guess" not in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "client"),
    [
        pytest.param(forwarded(b"203.0.113.5"), "203.0.113.5", id="one hop"),
        pytest.param(forwarded(b"203.0.113.5, 10.0.0.9"), "203.0.113.5", id="past a proxy of ours"),
        pytest.param(forwarded(b"203.0.113.5", b"10.0.0.9"), "203.0.113.5", id="two lines are one list"),
        pytest.param(forwarded(b"1.1.1.1", b"203.0.113.5"), "203.0.113.5", id="the last line counts first"),
        pytest.param(
            forwarded(b"127.0.0.1, 203.0.113.5"), "203.0.113.5", id="what the client wrote is not reached"
        ),
        pytest.param(forwarded(b"junk, 203.0.113.5"), "203.0.113.5", id="nor is its junk"),
        pytest.param(forwarded(b"203.0.113.5:4711"), "203.0.113.5", id="with a port"),
        pytest.param(forwarded(b"[2001:db8::1]:4711"), "2001:db8::1", id="IPv6 with a port"),
        pytest.param(forwarded(b"2001:db8::1"), "2001:db8::1", id="IPv6"),
        pytest.param(forwarded(b"::ffff:203.0.113.5"), "203.0.113.5", id="IPv4 as IPv6 writes it"),
        pytest.param(
            forwarded(b"203.0.113.5,::ffff:10.0.0.9"), "203.0.113.5", id="a proxy as IPv6 writes it"
        ),
        pytest.param(forwarded(b"\t203.0.113.5 "), "203.0.113.5", id="white space around"),
        pytest.param(forwarded(b"203.0.113.5, x"), None, id="the nearest does not parse"),
        pytest.param(forwarded(b"203.0.113.5, x, 10.0.0.9"), None, id="the nearest but ours does not parse"),
        pytest.param(forwarded(b"203.0.113.5,"), None, id="an empty element"),
        pytest.param(forwarded(b""), None, id="an empty header"),
        pytest.param(forwarded(b"unknown"), None, id="unknown"),
        pytest.param(forwarded(b"fe80::1%eth0"), None, id="a zone"),
        pytest.param(forwarded(b"\xff"), None, id="no ASCII"),
        pytest.param(forwarded(b"010.0.0.1"), None, id="leading zeros"),
        pytest.param(forwarded(), None, id="the proxy did not tell"),
        pytest.param(forwarded(b"10.0.0.7, 10.0.0.9"), None, id="nothing but proxies"),
        pytest.param(
            forwarded(b"127.0.0.1", peer="192.0.2.1"), "192.0.2.1", id="a stranger is itself the client"
        ),
        pytest.param(head("::ffff:192.0.2.1"), "192.0.2.1", id="a stranger, as IPv6 writes it"),
        pytest.param(forwarded(b"203.0.113.5", peer=""), None, id="a socket that is not trusted"),
        pytest.param(forwarded(b"203.0.113.5", peer="testclient"), None, id="a peer without an address"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy_of_ours(asked, client):
    """And nobody, where that cannot be known."""
    assert proxies().client(asked) == (ip_address(client) if client else None)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(forwarded(b"203.0.113.5", peer=""), id="a trusted socket"),
        pytest.param(
            head("192.0.2.1", (b"x-gateway-secret", SECRET.encode()), (b"x-forwarded-for", b"203.0.113.5")),
            id="whoever knows the secret",
        ),
    ],
)
def test_every_trusted_peer_speaks_for_its_client(asked):
    """Not only those that are trusted by address."""
    assert proxies(secret=SECRET, unix_trusted=True).client(asked) == ip_address("203.0.113.5")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[::1", id="open bracket"),
        pytest.param("[::1]x", id="text after the bracket"),
        pytest.param("[::1]:", id="no port"),
        pytest.param("[::1]443", id="port without a colon"),
        pytest.param("[192.0.2.1]", id="IPv4 in brackets"),
        pytest.param("192.0.2.1:", id="IPv4 without its port"),
        pytest.param("192.0.2.1:x", id="port of letters"),
        pytest.param("192.0.2.1:123456", id="port too long"),
        pytest.param("192.0.2", id="three numbers"),
        pytest.param("192.0.2.256", id="number too large"),
        pytest.param("\uff11.2.3.4", id="a full-width digit"),
        pytest.param("10.0.0.0/8", id="network"),
        pytest.param("3232235777", id="one number"),
        pytest.param("0x7f.1", id="hexadecimal"),
    ],
)
def test_what_is_no_address_is_none(text):
    """Nothing is repaired."""
    assert read_address(text) is None


def test_what_is_remembered_of_addresses_is_bounded():
    """Clients choose how many there are, and how long."""
    trusting = proxies()

    for i in range(5000):
        trusting.client(forwarded(f"203.0.{i // 250}.{i % 250}".encode()))
        trusting.client(forwarded(b"9" * 100 + str(i).encode()))

    assert len(trusting._known) <= 1024
    assert max(map(len, trusting._known)) <= 64
