"""Hosts: one canonical form, exact before wildcard, and an origin out of the configuration."""

import pytest

from gateway.errors import Malformed, SettingsFault, UnknownHost
from gateway.policy.hosts import Hosts, canonical_host, suffixes

HOSTS = Hosts.of(
    [
        "https://app.example.com",
        "https://*.apps.example.com:8443",
        "https://*.example.com",
        "https://in.apps.example.com",
        "http://localhost:8000",
        "http://[::1]:8000",
    ]
)


@pytest.mark.parametrize(
    ("raw", "host"),
    [
        pytest.param(b"app.example.com", "app.example.com", id="plain"),
        pytest.param(b"APP.Example.COM", "app.example.com", id="upper case"),
        pytest.param(b"app.example.com.", "app.example.com", id="trailing dot"),
        pytest.param(b"app.example.com:443", "app.example.com", id="default port"),
        pytest.param(b"app.example.com:8443", "app.example.com", id="another port"),
        pytest.param(b"app.example.com.:0443", "app.example.com", id="dot and padded port"),
        pytest.param(b"xn--bcher-kva.example", "xn--bcher-kva.example", id="punycode"),
        pytest.param(b"127.0.0.1:80", "127.0.0.1", id="IPv4"),
        pytest.param(b"[::1]:80", "::1", id="IPv6"),
        pytest.param(b"[0:0::0:1]", "::1", id="IPv6 in another spelling"),
    ],
)
def test_a_host_has_one_canonical_form(raw, host):
    """Case, a trailing dot, a port and the spelling of an address do not make another host."""
    assert canonical_host(raw) == host


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "host_empty", id="empty"),
        pytest.param(b".", "host", id="only a dot"),
        pytest.param(b"app..example.com", "host", id="empty label"),
        pytest.param(b"app.example.com..", "host", id="two trailing dots"),
        pytest.param(b".example.com", "host", id="leading dot"),
        pytest.param(b"user@app.example.com", "host", id="userinfo"),
        pytest.param(b"app.example.com,evil.example", "host", id="two Host lines joined"),
        pytest.param(b"app.example.com ", "host", id="space at the end"),
        pytest.param(b"app.exam\tple.com", "host", id="tab"),
        pytest.param(b"app.example.com\n", "host", id="line end"),
        pytest.param(b"app.example.com\x00", "host", id="NUL"),
        pytest.param("bücher.example".encode(), "host", id="not ASCII"),
        pytest.param("app.examp\u212ae.com".encode(), "host", id="Kelvin sign"),
        pytest.param(b"app.example.com/path", "host", id="path"),
        pytest.param(b"https://app.example.com", "host", id="URL"),
        pytest.param(b"*.example.com", "host", id="star"),
        pytest.param(b"app%2eexample.com", "host", id="escape"),
        pytest.param(b"app.example.com:", "host", id="no port after the colon"),
        pytest.param(b"app.example.com:x", "host", id="port of letters"),
        pytest.param(b"app.example.com:1:2", "host", id="two ports"),
        pytest.param(b"app.example.com:0", "host_port", id="port 0"),
        pytest.param(b"app.example.com:65536", "host_port", id="port too large"),
        pytest.param(b"[::1", "host", id="open bracket"),
        pytest.param(b"[::1]x", "host", id="text after the bracket"),
        pytest.param(b"[fe80::1%25eth0]", "host", id="zone"),
        pytest.param(b"[127.0.0.1]", "host", id="IPv4 in brackets"),
        pytest.param(b"::1", "host", id="IPv6 without brackets"),
        pytest.param(b"127.1", "host", id="short IPv4"),
        pytest.param(b"a" * 64 + b".example.com", "host", id="label too long"),
        pytest.param(b"a." * 126 + b"aa", "host", id="254 characters"),
    ],
)
def test_a_host_without_a_canonical_form_is_refused(raw, reason):
    """Nothing is repaired."""
    with pytest.raises(Malformed) as refused:
        canonical_host(raw)

    assert refused.value.reason == reason


def test_253_characters_are_a_host():
    """The longest name that DNS knows."""
    assert len(canonical_host(b"a." * 126 + b"a")) == 253


@pytest.mark.parametrize(
    ("host", "pattern"),
    [
        pytest.param("app.example.com", "app.example.com", id="exact"),
        pytest.param("in.apps.example.com", "in.apps.example.com", id="exact before wildcard"),
        pytest.param("x.apps.example.com", "*.apps.example.com", id="longest suffix first"),
        pytest.param("a.b.apps.example.com", "*.apps.example.com", id="several labels below"),
        pytest.param("apps.example.com", "*.example.com", id="not the bare suffix, but the next wildcard"),
        pytest.param("example.com", None, id="bare suffix"),
        pytest.param("evilexample.com", None, id="no dot before the suffix"),
        pytest.param("app.example.com.evil.tld", None, id="the name is somebody's prefix"),
        pytest.param("example", None, id="one label"),
        pytest.param("::1", "::1", id="IPv6"),
    ],
)
def test_the_most_specific_entry_matches(host, pattern):
    """Exact, then the longest suffix, with a dot before it."""
    entry = HOSTS.match(host)

    assert (entry.pattern if entry else None) == pattern


@pytest.mark.parametrize(
    ("raw", "origin"),
    [
        pytest.param(
            b"app.example.com:8080", "https://app.example.com", id="the port of the request is dropped"
        ),
        pytest.param(
            b"X.apps.example.com", "https://x.apps.example.com:8443", id="the port of the entry is written"
        ),
        pytest.param(b"localhost", "http://localhost:8000", id="http"),
        pytest.param(b"[::1]", "http://[::1]:8000", id="IPv6 in brackets"),
    ],
)
def test_an_origin_comes_from_the_configuration(raw, origin):
    """Scheme and port are the entry's; the host is the canonical one that matched."""
    host, entry = HOSTS.resolve(raw)

    assert entry.origin_for(host) == origin


def test_a_default_port_is_not_written_into_an_origin():
    """A browser leaves it out of its Origin header."""
    entry = Hosts.of(["https://app.example.com:443"]).match("app.example.com")

    assert entry.origin_for("app.example.com") == "https://app.example.com"


def test_an_unlisted_host_is_unknown():
    """Well-formed, and none of ours."""
    with pytest.raises(UnknownHost):
        HOSTS.resolve(b"other.example")


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(["app.example.com"], id="no scheme"),
        pytest.param(["https://app.example.com/x"], id="path"),
        pytest.param(["https://app.example.com", "http://app.example.com"], id="two schemes for one host"),
        pytest.param(
            ["https://app.example.com", "https://app.example.com:8443"], id="two ports for one host"
        ),
    ],
)
def test_entries_without_one_meaning_are_a_fault_of_the_configuration(entries):
    """One host has one origin."""
    with pytest.raises(SettingsFault):
        Hosts.of(entries)


def test_a_lookup_asks_once_per_label():
    """The cost grows with the host, not with the entries."""
    assert list(suffixes("a.b.c.d")) == [".b.c.d", ".c.d", ".d"]
