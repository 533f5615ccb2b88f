"""Hosts in other clothes: a twin of a protected host meets the same rules, and everything else is refused."""

import pytest

from gateway.errors import Malformed, UnknownHost
from gateway.policy.hosts import Hosts, canonical_host
from gateway.policy.rules import Rules
from gateway.policy.target import parse_target
from gateway.settings.access import RuleSettings

HOSTS = Hosts.of(["https://example.com", "https://*.example.com", "https://xn--bcher-kva.example"])
RULES = Rules.of(
    [
        RuleSettings(name="admin", hosts=["*.admin.example.com"], allow={"groups": ["admins"]}),
        RuleSettings(name="secret", hosts=["secret.example.com"], allow={"groups": ["staff"]}),
        RuleSettings(name="open", hosts=["*.example.com"], allow="public"),
    ]
)


def judged(host):
    rule = RULES.match(parse_target(host, b"/", b"GET", HOSTS), None)
    return rule.name if rule else None


@pytest.mark.parametrize(
    "host",
    [
        b"a.admin.example.com",
        b"a.ADMIN.example.com",
        b"A.aDmIn.eXample.COM",
        b"a.admin.example.com.",
        b"a.admin.example.com:443",
        b"a.admin.example.com:8443",
        b"a.admin.example.com.:0443",
        b"b.a.admin.example.com",
    ],
)
def test_a31_p7_a_twin_meets_the_stricter_rule(host):
    """CVE-2026-48794: a wildcard that minds the case lets upper case through to the next rule."""
    assert judged(host) == "admin"


@pytest.mark.parametrize(
    "host",
    [b"SECRET.example.com", b"secret.example.com.", b"secret.example.com:8080", b"Secret.Example.Com:443"],
)
def test_p11_t21_a_twin_of_an_exact_host_meets_its_rule(host):
    """CVE-2026-77560: a lookup that misses was a rule that allows."""
    assert judged(host) == "secret"


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"example.com.evil.tld",
        b"evilexample.com",
        b"secret.example.com.evil.tld",
        b"secret.example.co",
        b"app1.attacker.tld",
        b"localhost",
        b"127.0.0.1",
        b"[::1]",
        b"bcher-kva.example",
    ],
)
def test_p11_w4_w23_an_unknown_host_is_denied(host):
    """Neither a prefix nor a suffix of a name makes it ours."""
    with pytest.raises(UnknownHost):
        judged(host)


@pytest.mark.parametrize(
    "host",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"user@secret.example.com", id="userinfo"),
        pytest.param(b"user:secret@a.example.com", id="userinfo with a password"),
        pytest.param(b"a.example.com@evil.tld", id="our name as userinfo"),
        pytest.param(b"a.example.com,secret.example.com", id="two Host lines, joined"),
        pytest.param(b"a.example.com, secret.example.com", id="two Host lines, joined with a space"),
        pytest.param(b"a.example.com secret.example.com", id="space"),
        pytest.param(b"a.example.com/../secret.example.com", id="path"),
        pytest.param(b"a.example.com#.evil.tld", id="fragment"),
        pytest.param(b"a.example.com?.evil.tld", id="query"),
        pytest.param(b"a.example.com\\.evil.tld", id="backslash"),
        pytest.param(b"a.example.com%00.evil.tld", id="escape"),
        pytest.param(b"a.example.com\x00", id="NUL"),
        pytest.param(b"a.example.com\r\n", id="line end"),
        pytest.param(b"a;b.example.com", id="semicolon"),
        pytest.param(b"http://a.example.com", id="URL"),
        pytest.param("secret\uff0eexample.com".encode(), id="full-width dot"),
        pytest.param("secret\u3002example.com".encode(), id="ideographic dot"),
        pytest.param("\u017fecret.example.com".encode(), id="long s"),
        pytest.param("bücher.example".encode(), id="the Unicode twin of a punycode host"),
        pytest.param("bücher.example".encode("latin-1"), id="the Latin-1 twin of a punycode host"),
        pytest.param(b"[a.example.com]", id="name in brackets"),
        pytest.param(b"[::1", id="open bracket"),
        pytest.param(b"a.example.com:80:80", id="two ports"),
        pytest.param(b"a.example.com:99999", id="no port"),
        pytest.param(b"a..example.com", id="empty label"),
        pytest.param(b".example.com", id="leading dot"),
        pytest.param(b"a.example.com..", id="two dots at the end"),
        pytest.param(b"x" * 64_000, id="64 kB"),
    ],
)
def test_a31_a32_p1_a_host_that_is_not_one_host_is_refused(host):
    """Proxies pass these on (Envoy joins two lines, HAProxy leaves userinfo); we do not repair them."""
    with pytest.raises(Malformed):
        judged(host)


def test_a31_a_punycode_host_is_itself():
    """It has one spelling on the wire, and that one is compared."""
    assert canonical_host(b"XN--bcher-KVA.example.") == "xn--bcher-kva.example"


def test_p11_a_host_without_a_rule_of_its_own_has_none():
    """No rule is a no."""
    assert judged(b"example.com") is None
