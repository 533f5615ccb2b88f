"""The session cookie: its name, its attributes, its ticket, and what is left of a `Cookie` line without it."""

import pytest

from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import (
    CookieSpec,
    attempt_cookie,
    clear_cookie,
    cookie_values,
    issue_ticket,
    read_ticket,
    session_cookie,
    set_cookie,
    without_cookies,
)
from gateway.settings.model import Settings
from tests.kit.people import asking
from tests.kit.randomness import Randomness

NOW = 1_800_000_000
SPEC = CookieSpec("__Host-gw", None, True, 30 * 86_400)


@pytest.fixture
def ring():
    return Keyring.generate(Randomness(), NOW)


def settings(public_url, *hosts, **sessions):
    rules = [{"allow": "authenticated"}]
    return Settings(public_url=public_url, hosts=hosts, rules=rules, sessions=sessions)


@pytest.mark.parametrize(
    ("public_url", "hosts", "domain", "expected"),
    [
        pytest.param(
            "https://app.example.com/_gateway",
            ["https://app.example.com"],
            None,
            ("__Host-gw", None, True),
            id="one-host",
        ),
        pytest.param(
            "https://app.example.com/_gateway",
            ["https://app.example.com", "https://app.example.com:8443"],
            None,
            ("__Host-gw", None, True),
            id="one-host-on-two-ports",
        ),
        pytest.param(
            "https://app.example.com/_gateway",
            ["https://app.example.com"],
            "example.com",
            ("__Host-gw", None, True),
            id="one-host-and-a-domain-that-is-not-needed",
        ),
        pytest.param(
            "https://auth.example.com",
            ["https://app.example.com"],
            "example.com",
            ("__Secure-gw", "example.com", True),
            id="beside-the-application",
        ),
        pytest.param(
            "https://example.com",
            ["https://*.example.com"],
            "example.com",
            ("__Secure-gw", "example.com", True),
            id="all-subdomains",
        ),
        pytest.param(
            "http://localhost:4180", ["http://localhost:8080"], None, ("gw", None, False), id="loopback"
        ),
    ],
)
def test_the_prefix_follows_the_hosts(public_url, hosts, domain, expected):
    """`__Host-` exactly when every protected host is the gateway's own; without TLS no prefix at all."""
    spec = session_cookie(settings(public_url, *hosts, cookie_domain=domain))

    assert (spec.name, spec.domain, spec.secure) == expected


def test_the_cookie_lives_as_long_as_the_session_may():
    """Max-Age is the absolute limit, and never beyond what browsers keep."""
    usual = session_cookie(settings("https://a.example.com", "https://a.example.com", absolute="30d"))
    endless = session_cookie(settings("https://a.example.com", "https://a.example.com", absolute="999d"))

    assert usual.max_age == 30 * 86_400
    assert endless.max_age == 400 * 86_400


@pytest.mark.parametrize(
    ("public_url", "name"),
    [("https://auth.example.com", "__Host-gw-login"), ("http://localhost:4180", "gw-login")],
)
def test_the_attempt_cookie_stays_on_the_gateways_host(public_url, name):
    """Whatever the session's cookie does; and it is there as long as the session that a login begins."""
    spec = attempt_cookie(settings(public_url, "https://app.example.com", cookie_domain="example.com"))

    assert (spec.name, spec.domain, spec.max_age) == (name, None, 600 + 30 * 86_400)


def test_a_cookie_is_set_with_every_attribute():
    """RFC 6265bis section 4.1.3: `__Host-` wants Secure, Path=/ and no Domain."""
    assert set_cookie(SPEC, "v") == ("__Host-gw=v; Max-Age=2592000; Path=/; Secure; HttpOnly; SameSite=Lax")


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        CookieSpec("__Secure-gw", "example.com", True, 60),
        CookieSpec("gw", None, False, 60),
    ],
    ids=["host", "domain", "plain"],
)
def test_case8_a_cookie_is_deleted_with_the_attributes_it_was_set_with(spec):
    """Browsers match name, domain and path, and refuse a prefix without its attributes."""
    made = set_cookie(spec, "x").replace("=x;", "=;").replace(f"Max-Age={spec.max_age}", "Max-Age=0")

    assert clear_cookie(spec) == made


def test_a_ticket_survives_its_cookie(ring):
    """What was issued is what is read, until the last second."""
    value, ticket = issue_ticket(ring, SPEC, NOW, Randomness("t"))
    head = asking(f"theme=dark; __Host-gw={value}; other=1")

    assert read_ticket(ring, SPEC, head, NOW) == ticket
    assert read_ticket(ring, SPEC, head, NOW + SPEC.max_age - 1) == ticket
    assert len(ticket.secret) == 32
    assert len(set_cookie(SPEC, value)) < 200


def test_a_ticket_of_an_older_key_is_read(ring):
    """A rotation ends no session."""
    value, ticket = issue_ticket(ring, SPEC, NOW, Randomness("t"))
    rotated = ring.rotated(Randomness("r"), NOW + 1)

    assert read_ticket(rotated, SPEC, asking(f"__Host-gw={value}"), NOW + 2) == ticket


def test_a_ticket_of_a_dropped_key_is_none(ring):
    """Nor of another deployment's."""
    value, _ = issue_ticket(ring, SPEC, NOW, Randomness("t"))
    pruned = ring.rotated(Randomness("r"), NOW + 1).pruned(NOW + 100, 10)

    assert read_ticket(pruned, SPEC, asking(f"__Host-gw={value}"), NOW + 2) is None


def test_a_ticket_does_not_show_in_repr(ring):
    """Nor in a traceback."""
    value, ticket = issue_ticket(ring, SPEC, NOW, Randomness("t"))

    assert repr(ticket.secret) not in repr(ticket)
    assert value not in repr(ticket)


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        pytest.param([], (), id="no-line"),
        pytest.param(["gw=1"], ("1",), id="alone"),
        pytest.param(["a=2;gw=1;b=3"], ("1",), id="no-blanks"),
        pytest.param(["a=2; \tgw\t = 1\t; b=3"], ("1",), id="blanks-and-tabs"),
        pytest.param(["gw=1; gw=2"], ("1", "2"), id="twice"),
        pytest.param(["gw=1", "gw=2"], ("1", "2"), id="over-two-lines"),
        pytest.param(["gw="], ("",), id="empty"),
        pytest.param(["gw=a=b=c"], ("a=b=c",), id="equals-in-the-value"),
        pytest.param(["gw=1, gw=2"], ("1, gw=2",), id="a-comma-is-part-of-the-value"),
        pytest.param(['gw="1"'], ('"1"',), id="quotes-are-kept"),
        pytest.param([b"gw=\xff\xe9"], ("ÿé",), id="latin-1"),
        pytest.param(["GW=1; xgw=2; gwx=3; x.gw=4; a=gw=5; gw"], (), id="other-names"),
        pytest.param(["=gw=1"], (), id="a-cookie-without-a-name"),
    ],
)
def test_cookie_values_are_those_of_the_exact_name(lines, values):
    """Over all lines, in order."""
    assert cookie_values(asking(*lines), "gw") == values


OURS = ("__Host-gw", "__Host-gw-login")


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        pytest.param([], "", id="no-line"),
        pytest.param([""], "", id="an-empty-line"),
        pytest.param(["__Host-gw=x"], "", id="alone"),
        pytest.param(["__Host-gw=x; a=1; b=2"], "a=1; b=2", id="first"),
        pytest.param(["a=1; __Host-gw=x; b=2"], "a=1; b=2", id="middle"),
        pytest.param(["a=1; b=2; __Host-gw=x"], "a=1; b=2", id="last"),
        pytest.param(["__Host-gw=x; a=1; __Host-gw=y; b=2; __Host-gw=z"], "a=1; b=2", id="three-times"),
        pytest.param(["__Host-gw=x; a=1", "b=2; __Host-gw=y"], "a=1; b=2", id="over-two-lines"),
        pytest.param(["__Host-gw=x", "__Host-gw=y"], "", id="two-lines-and-nothing-else"),
        pytest.param(["a=1;__Host-gw=x;b=2"], "a=1; b=2", id="without-blanks"),
        pytest.param(["a=1;\t__Host-gw\t=x;\tb=2"], "a=1; b=2", id="with-tabs"),
        pytest.param(["a=1; __Host-gw =x"], "a=1", id="a-blank-before-the-equals-sign"),
        pytest.param(["a=1; __Host-gw"], "a=1", id="without-an-equals-sign"),
        pytest.param(["__Host-gw-login=x; __Host-gw=y; a=1"], "a=1", id="both-of-ours"),
        pytest.param(
            ["x__Host-gw=1; __Host-gwx=2; a=__Host-gw=3"],
            "x__Host-gw=1; __Host-gwx=2; a=__Host-gw=3",
            id="beside-similar-names",
        ),
        pytest.param(
            ['q="a b"; __Host-gw=x; j={"k":[1,2]}'], 'q="a b"; j={"k":[1,2]}', id="values-of-others"
        ),
        pytest.param(["  a=1 ;;b=2,3;c"], "  a=1 ;;b=2,3;c", id="a-line-without-ours-stays-byte-for-byte"),
        pytest.param([" x__Host-gw=1 ;;b=2"], " x__Host-gw=1 ;;b=2", id="nor-does-a-similar-name-change-it"),
        pytest.param([b"a=\xff\xfe; __Host-gw=x"], "a=ÿþ", id="bytes-that-are-no-text"),
    ],
)
def test_the_application_gets_its_own_cookies_only(lines, left):
    """Ours go in every spelling and place; what is not ours is not touched."""
    assert without_cookies(asking(*lines).all(b"cookie"), OURS) == left.encode("latin-1")
