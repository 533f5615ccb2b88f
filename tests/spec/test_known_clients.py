"""Clients by their X-Forwarded-For: remembered by line, they are whom a walk over all lines finds."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.guard.proxies import Proxies, read_address
from gateway.identity.presented import Head

NETWORKS = (ip_network("192.0.2.0/28"), ip_network("2001:db8:1::/48"))
PROXY = "192.0.2.1"
PARTS = ["192.0.2.2", "192.0.2.3:81", "198.51.100.7", " 198.51.100.8 ", "2001:db8:1::5", "[2001:db8:1::6]:9", "2001:db8::7",
         "::ffff:192.0.2.4", "", "unknown", "1.2.3.4%eth0", "\t10.0.0.1", "é", "x" * 80]  # fmt: skip
LINES = st.lists(st.lists(st.sampled_from(PARTS), max_size=4).map(",".join), max_size=3)
ONE = Proxies(NETWORKS, None, unix_trusted=False)


def head(*lines, peer=PROXY):
    return Head("GET", b"/", tuple([(b"x-forwarded-for", line.encode("latin-1")) for line in lines]), peer)


def walked(lines):
    """The first from the right, of all lines joined, that is none of our proxies."""
    for part in reversed(",".join(lines).split(",") if lines else []):
        address = read_address(part.strip(" \t"))
        if address is None or not any(address in network for network in NETWORKS):
            return address
    return None


@given(lines=LINES)
def test_the_client_is_the_one_that_a_walk_finds(lines):
    """One memory over all examples; what stood on a line before it or behind it changes nothing."""
    for _ in range(3):
        assert ONE.client(head(*lines)) == walked(lines)


def test_a_line_of_proxies_alone_leads_on_to_the_line_before_it():
    """Though it is known by itself as a line that leads nowhere."""
    for _ in range(3):
        assert ONE.client(head("192.0.2.2")) is None
        assert str(ONE.client(head("198.51.100.7", "192.0.2.2"))) == "198.51.100.7"
        assert ONE.client(head("198.51.100.7, x", "192.0.2.2")) is None


@pytest.mark.parametrize("peer", ["203.0.113.66", ""])
def test_a_peer_that_is_no_proxy_is_asked_for_no_line(peer):
    """Whatever line of a proxy's is known."""
    assert str(ONE.client(head("198.51.100.7"))) == "198.51.100.7"

    client = ONE.client(head("198.51.100.7", peer=peer))

    assert client == (read_address(peer) if peer else None)


def test_lines_of_strangers_are_forgotten_and_long_ones_never_kept():
    """A flood of them costs that they are read again."""
    proxies = Proxies(NETWORKS, None, unix_trusted=False)
    for number in range(3000):
        proxies.client(head(f"10.0.{number // 256}.{number % 256}"))
        proxies.client(head(f"{number}" * 70))

    assert len(proxies._lines) <= 1024
    assert len(proxies._known) <= 1024
    assert max(map(len, proxies._lines)) <= 64
