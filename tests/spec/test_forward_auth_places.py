"""Places by their question: what is remembered is what a lookup finds, for whoever asks."""

from ipaddress import ip_address

import pytest

from gateway.errors import Malformed, UnknownHost
from gateway.forward_auth.contracts.contract import Question
from gateway.forward_auth.places import LONGEST, READINGS, Places
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rules, compile_policies
from gateway.settings.access import PolicySettings, RuleSettings

HOSTS = Hosts.of(["https://app.example.com", "https://*.apps.example.com"])
WRITTEN = [
    RuleSettings(name="office", paths=["/office/**"], networks=["10.0.0.0/8"], allow="public"),
    RuleSettings(name="get", paths=["/docs/**"], methods=["GET"], allow="public"),
    RuleSettings(name="admin", paths=["/admin/**", "/office/**"], allow={"groups": ["admins"]}),
    RuleSettings(name="rest", allow="authenticated"),
]
POLICIES = compile_policies(
    {"billing": PolicySettings(rules=[RuleSettings(name="billing", allow="authenticated")])}
)
IN, OUT = ip_address("10.1.2.3"), ip_address("198.51.100.7")
# The same number as `IN`, of the other kind.
TWIN = ip_address("::10.1.2.3")
TIMES = 3


@pytest.fixture
def places():
    return Places(HOSTS, Rules.of(WRITTEN), POLICIES)


def asked(uri=b"/x", method=b"GET", host=b"app.example.com", policy=""):
    return Question(method, host, uri, policy)


def rule_at(places, question, client=None):
    """The rule's name, the same three times."""
    names = {getattr(places.find(question, client).judge(), "name", None) for _ in range(TIMES)}
    assert len(names) == 1
    return names.pop()


def test_a_place_that_is_asked_for_again_is_the_very_same(places):
    """Kept at the second sight."""
    found = [places.find(asked(), None) for _ in range(3)]

    assert found[2] is found[1]
    assert found[2] == found[0]


def test_x2_a_client_inside_a_network_opens_its_place_for_nobody_outside(places):
    """The network decides the rule, so the client is part of the place; the same number in IPv6 is another client."""
    question = asked(b"/office/x")

    for _ in range(TIMES):
        assert rule_at(places, question, IN) == "office"
        assert rule_at(places, question, OUT) == "admin"
        assert rule_at(places, question, TWIN) == "admin"
        assert rule_at(places, question, None) == "admin"


def test_a_place_is_of_one_method_host_policy_and_path(places):
    """Whatever was asked before."""
    for _ in range(TIMES):
        assert rule_at(places, asked(b"/docs/x")) == "get"
        assert rule_at(places, asked(b"/docs/x", b"POST")) == "rest"
        assert rule_at(places, asked(b"/Docs/X", b"POST")) == "rest"
        assert rule_at(places, asked(b"/docs/x", policy="billing")) == "billing"
        assert places.find(asked(host=b"a.apps.example.com"), None).target.host == "a.apps.example.com"
        assert places.find(asked(host=b"APP.example.com:443"), None).target.host == "app.example.com"


def test_the_client_takes_no_room_where_no_rule_asks_for_it(places):
    """A policy without networks has one place for all clients."""
    question = asked(policy="billing")
    places.find(question, IN)

    assert places.find(question, OUT) is places.find(question, TWIN)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        pytest.param(asked(b"/x?a#b"), "fragment", id="a bad query"),
        pytest.param(asked(b"/x?a b"), "control_byte", id="a space in the query"),
        pytest.param(asked(b"/../x?#"), "fragment", id="both, the query is told"),
        pytest.param(asked(b"/../x"), "dot_segment", id="a dot segment"),
        pytest.param(asked(b"/x", b"get"), "method", id="a method in small letters"),
        pytest.param(asked(b"x"), "path", id="no path"),
        pytest.param(asked(b"?/x"), "path", id="a query alone"),
        pytest.param(asked(host=b"app.example.com,app.example.com"), "host", id="two hosts"),
    ],
)
def test_what_is_refused_is_refused_each_time_for_the_same_reason(places, question, reason):
    """Also where the same path was fine before, with another query."""
    for _ in range(TIMES):
        places.find(asked(b"/x"), None)
    for _ in range(TIMES):
        with pytest.raises(Malformed) as caught:
            places.find(question, None)
        assert caught.value.reason == reason


def test_a_host_that_is_not_ours_is_unknown_each_time(places):
    """An exception is never remembered as a place."""
    for _ in range(TIMES):
        with pytest.raises(UnknownHost):
            places.find(asked(host=b"evil.test"), None)


def test_an_ambiguous_path_is_told_when_it_is_judged():
    """Its target is known, its rule is not: remembered or not."""
    places = Places(
        HOSTS, Rules.of([RuleSettings(name="a", paths=["/docs/*"], allow="public"), *WRITTEN]), {}
    )
    question = asked(b"/docs/b%2fc")
    for _ in range(TIMES):
        place = places.find(question, None)
        assert place.target.raw == b"/docs/b%2fc"
        with pytest.raises(Malformed) as caught:
            place.judge()
        assert caught.value.reason == "ambiguous_path"


def test_a_policy_that_nobody_configured_lets_nobody_pass(places):
    """Told when it is judged."""
    for _ in range(TIMES):
        with pytest.raises(Malformed):
            places.find(asked(policy="other"), None).judge()


def test_what_is_long_or_has_many_readings_is_not_remembered(places):
    """Each of dozens of readings is as long as the path, and a stranger writes it."""
    many = b"/a%2fb;c%23d%3fe%2561"
    for uri in (b"/" + b"a" * LONGEST, many):
        for _ in range(TIMES):
            places.find(asked(uri), None)

    assert len(places.find(asked(many), None).target.readings) > READINGS
    assert len(places._remembered) == 0
