"""Identity headers: all of them always, readable back in one way, and never too long."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.headers import MAX_VALUE, MAX_VALUES, IdentityHeaders
from gateway.identity.identity import Identity
from gateway.observe.events import HeaderOverflowed
from gateway.settings.model import HeaderNames


def identity(**known):
    fields = {
        "provider": "corp",
        "issuer": "i",
        "subject": "42",
        "user": "ada",
        "authenticated_at": 1,
    } | known
    return Identity(**fields)


ADA = identity(email="ada@corp.example", email_verified=True, name="Ada Lovelace", groups=("staff", "a,b"))


def written(who, encoding="percent", expires=0, assertion=""):
    return dict(IdentityHeaders.of(HeaderNames(encoding=encoding)).lines(who, expires, assertion))


def test_everything_that_is_known_is_written():
    """Names in lower case, in one order."""
    lines = IdentityHeaders.of(HeaderNames()).lines(ADA, 1_700_000_000, "a.b.c")

    assert lines == (
        (b"x-auth-user", b"ada"),
        (b"x-auth-subject", b"corp:42"),
        (b"x-auth-email", b"ada@corp.example"),
        (b"x-auth-name", b"Ada%20Lovelace"),
        (b"x-auth-groups", b"staff,a%2Cb"),
        (b"x-auth-provider", b"corp"),
        (b"x-auth-expires", b"1700000000"),
        (b"x-auth-assertion", b"a.b.c"),
    )


@pytest.mark.parametrize(
    "who", [pytest.param(None, id="nobody"), pytest.param(identity(), id="hardly known")]
)
def test_every_configured_header_is_there_once(who):
    """Empty when unknown: one that is missing is one that the client may write itself."""
    headers = IdentityHeaders.of(HeaderNames())

    assert [name for name, _ in headers.lines(who, 0, "")] == [
        name.lower().encode() for name in headers.names
    ]


def test_nobody_has_empty_headers():
    """Whatever else is passed."""
    assert set(written(None, expires=5, assertion="x").values()) == {b""}


def test_a_header_with_a_null_name_is_left_out():
    """And the others keep their order."""
    headers = IdentityHeaders.of(HeaderNames(user="Remote-User", email=None, assertion=None))

    assert headers.names == (
        "Remote-User",
        "X-Auth-Subject",
        "X-Auth-Name",
        "X-Auth-Groups",
        "X-Auth-Provider",
        "X-Auth-Expires",
    )
    assert headers.lines(ADA, 0, "x")[0] == (b"remote-user", b"ada")


def test_an_address_that_nobody_verified_is_not_written():
    """An application that knows people by address would take the guest for the owner."""
    assert written(identity(email="ceo@corp.example"))[b"x-auth-email"] == b""


@pytest.mark.parametrize(
    ("encoding", "name", "value"),
    [
        pytest.param("percent", "Zoë", b"Zo%C3%AB", id="percent: a foreign letter"),
        pytest.param("percent", "100%", b"100%25", id="percent: a percent sign"),
        pytest.param("percent", "a,b;c=d", b"a,b;c=d", id="percent: visible ASCII"),
        pytest.param("percent", "a\r\nX-Role: admin", b"a%0D%0AX-Role:%20admin", id="percent: a line end"),
        pytest.param("percent", "a\x00\x1f\x7f", b"a%00%1F%7F", id="percent: controls"),
        pytest.param("percent", "\u2028", b"%E2%80%A8", id="percent: a line separator"),
        pytest.param("percent", "a\ud800", b"a%ED%A0%80", id="percent: half a surrogate pair"),
        pytest.param("utf-8", "Zoë 王", "Zoë 王".encode(), id="utf-8: foreign letters"),
        pytest.param("utf-8", "100%", b"100%25", id="utf-8: a percent sign"),
        pytest.param("utf-8", "a\r\nb\x00\x7f\x85", b"a%0D%0Ab%00%7F%C2%85", id="utf-8: controls"),
        pytest.param("utf-8", "a\u2028b", b"a%E2%80%A8b", id="utf-8: a line separator"),
        pytest.param("utf-8", " a b ", b"%20a b%20", id="utf-8: spaces at the ends"),
        pytest.param("utf-8", "a\ud800", b"a%ED%A0%80", id="utf-8: half a surrogate pair"),
        pytest.param("latin1", "Zoë", b"Zo\xeb", id="latin1: a letter it has"),
        pytest.param("latin1", "王", b"%E7%8E%8B", id="latin1: a letter it has not"),
        pytest.param("latin1", "a\rb\nc\x85", b"a%0Db%0Ac%C2%85", id="latin1: controls"),
    ],
)
def test_a_value_is_written_in_the_configured_encoding(encoding, name, value):
    """Whatever it cannot hold, and every control, is percent-encoded UTF-8."""
    assert written(identity(name=name), encoding)[b"x-auth-name"] == value


@pytest.mark.parametrize("encoding", ["percent", "utf-8", "latin1"])
@pytest.mark.parametrize(
    ("groups", "value"),
    [
        pytest.param(("CN=Admins,OU=x",), b"CN=Admins%2COU=x", id="a comma inside"),
        pytest.param(("a", "b"), b"a,b", id="two"),
        pytest.param(("a%2Cb",), b"a%252Cb", id="a comma that was encoded before"),
        pytest.param(("", "a", ""), b"a", id="empty ones"),
        pytest.param((), b"", id="none"),
    ],
)
def test_a_comma_inside_a_group_is_not_a_second_group(encoding, groups, value):
    """In every encoding."""
    assert written(identity(groups=groups), encoding)[b"x-auth-groups"] == value


@given(
    groups=st.lists(st.text(min_size=1), max_size=5), encoding=st.sampled_from(["percent", "utf-8", "latin1"])
)
def test_a_list_can_be_read_back(groups, encoding):
    """Split at commas, then decode: the same groups, and no control on the way."""
    codec = {"percent": "ascii", "utf-8": "utf-8", "latin1": "latin-1"}[encoding]

    value = written(identity(groups=tuple(groups)), encoding)[b"x-auth-groups"].decode(codec)

    assert [unquote(item, errors="surrogatepass") for item in value.split(",")] == (groups or [""])
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in value)
    assert value == value.strip(" ")


def overflowing(who, expires=0, assertion=""):
    events = []
    headers = IdentityHeaders.of(HeaderNames(), events.append)
    lines = headers.lines(who, expires, assertion, rule="r", decision_id="d")
    return dict(lines), events


@pytest.mark.parametrize(
    ("known", "header"),
    [
        pytest.param({"groups": ("g" * 99,) * 40}, "X-Auth-Groups", id="a list"),
        pytest.param({"name": "n" * (MAX_VALUE + 1)}, "X-Auth-Name", id="a name"),
        pytest.param({"name": "王" * 334}, "X-Auth-Name", id="a name that grows in its encoding"),
        pytest.param({"user": "u" * (MAX_VALUE + 1)}, "X-Auth-User", id="a user"),
    ],
)
def test_a_value_over_its_cap_is_sent_empty_and_told(known, header):
    """Never cut: half a list says something else."""
    lines, events = overflowing(identity(**known))

    assert lines[header.lower().encode()] == b""
    assert [(event.header, event.rule, event.decision_id) for event in events] == [(header, "r", "d")]
    assert events[0].size > MAX_VALUE
    assert lines[b"x-auth-subject"] == b"corp:42"


def test_a_value_at_its_cap_is_sent():
    """The cap is what still fits."""
    lines, events = overflowing(identity(name="n" * MAX_VALUE))

    assert (len(lines[b"x-auth-name"]), events) == (MAX_VALUE, [])


def test_all_values_together_have_a_cap_too():
    """Groups give way first; who it is stays."""
    full = "x" * MAX_VALUE
    who = identity(user=full, name=full, groups=(full,), subject="s" * 2900)

    lines, events = overflowing(who, assertion=full)

    assert events == [HeaderOverflowed("X-Auth-Groups", MAX_VALUE, "r", "d")]
    assert sum(map(len, lines.values())) <= MAX_VALUES
    assert (lines[b"x-auth-user"], lines[b"x-auth-name"]) == (full.encode(), full.encode())


def test_two_people_are_never_mixed_up():
    """What is kept for one is not given to another, however many there are."""
    headers = IdentityHeaders.of(HeaderNames())

    for i in range(1000):
        assert headers.lines(identity(user=f"u{i}"), 0, "")[0][1] == f"u{i}".encode()
    assert len(headers._kept) <= 256


def test_rule_and_decision_are_told_to_whoever_asked_for_them_even_of_nobody():
    """They say why a request passes, so they are known where the person is not; every other header stays empty."""
    headers = IdentityHeaders.of(HeaderNames(rule="X-Auth-Rule", decision="X-Auth-Decision"))

    lines = dict(headers.lines(None, 0, "", rule="front", decision_id="d-1"))

    assert (lines.pop(b"x-auth-rule"), lines.pop(b"x-auth-decision")) == (b"front", b"d-1")
    assert set(lines.values()) == {b""}
    assert len(lines) == 8
