"""The signed assertion: what it claims, and when the same one is handed out again."""

import pytest

from gateway.forward_auth.assertions import Assertions
from gateway.identity.assertion import TYP, assertion_claims
from gateway.keys.jwks import KeySet, Profile, public_jwks, verify
from gateway.keys.keyring import Keyring
from gateway.sessions.session import Session, log_name
from tests.kit.clock import Clock
from tests.kit.people import person
from tests.kit.randomness import Randomness

NOW = 1_800_000_000
DAY = 86_400
ISSUER = "https://auth.example.com"


def session(**changed):
    known = {
        "id": "sid",
        "identities": (person(),),
        "created": NOW,
        "absolute_end": NOW + 30 * DAY,
        "version": 1,
        "seen": NOW,
    }
    return Session(**known | changed)


@pytest.fixture
def ring():
    return Keyring.generate(Randomness(), NOW)


@pytest.fixture
def clock():
    return Clock(NOW)


@pytest.fixture
def assertions(ring, clock):
    return Assertions(ring, ISSUER, 300, 3 * DAY, clock)


def claims_of(token, ring, clock, audience="app.example.com"):
    use = Profile(typ=frozenset({TYP}), algorithms=("ES256",), issuer=ISSUER, audience=audience, leeway=0)
    return verify(token, KeySet.parse(public_jwks(ring)), use, clock())


def test_an_assertion_says_who_for_whom_and_until_when(assertions, ring, clock):
    """And verifies by the published keys."""
    identity = person(acr="gold", amr=("pwd", "otp"), name="Ada")

    claims = claims_of(assertions.get(session(), identity, "app.example.com").token, ring, clock)

    assert claims == {
        "iss": ISSUER,
        "sub": "corp:7",
        "aud": "app.example.com",
        "iat": NOW,
        "exp": NOW + 300,
        "sid": log_name("sid"),
        "provider": "corp",
        "auth_time": NOW,
        "preferred_username": "user-7",
        "name": "Ada",
        "groups": ["staff", "a,b"],
        "acr": "gold",
        "amr": ["pwd", "otp"],
        "email": "user-7@example.com",
        "email_verified": True,
    }


def test_what_is_unknown_is_left_out():
    """An address that is not vouched for says so; no address says nothing."""
    bare = person(email="", email_verified=False, groups=())
    unverified = person(email_verified=False)

    def claims(identity):
        return assertion_claims(
            identity, session="s", issuer=ISSUER, audience="a", now=NOW, lifetime=300, session_end=NOW + 900
        )

    assert not {"email", "email_verified", "name", "groups", "acr", "amr"} & set(claims(bare))
    assert claims(unverified)["email_verified"] is False


@pytest.mark.parametrize(
    ("changed", "end"),
    [
        pytest.param({"absolute_end": NOW + 100}, NOW + 100, id="absolute"),
        pytest.param({"seen": NOW - 3 * DAY + 50}, NOW + 50, id="idle"),
    ],
)
def test_an_assertion_never_outlives_its_session(assertions, ring, clock, changed, end):
    """The nearer limit of the session is its end."""
    token = assertions.get(session(**changed), person(), "app.example.com").token

    assert claims_of(token, ring, clock)["exp"] == end


def test_the_same_assertion_is_handed_out_for_a_minute(assertions, clock):
    """Then it is signed anew, long before it ends."""
    first = assertions.get(session(), person(), "a")

    clock.advance(59)
    assert assertions.get(session(), person(), "a") == first
    clock.advance(1)
    assert assertions.get(session(), person(), "a") != first


def test_a_short_lifetime_is_handed_out_for_a_fifth_of_it(ring, clock):
    """So that an application always gets most of it."""
    assertions = Assertions(ring, ISSUER, 10, 3 * DAY, clock)
    first = assertions.get(session(), person(), "a")

    clock.advance(2)

    assert assertions.get(session(), person(), "a") != first


@pytest.mark.parametrize(
    ("changed", "identity", "audience"),
    [
        pytest.param({"version": 2}, person(), "a", id="a-new-version-of-the-session"),
        pytest.param({"id": "other"}, person(), "a", id="another-session"),
        pytest.param({}, person("8", "partner"), "a", id="another-login-of-the-session"),
        pytest.param({}, person(), "b", id="another-audience"),
    ],
)
def test_anything_else_gets_its_own_assertion(assertions, changed, identity, audience):
    """None of it is ever answered with somebody else's."""
    first = assertions.get(session(), person(), "a")

    assert assertions.get(session(**changed), identity, audience) != first
    assert assertions.get(session(), person(), "a") == first


def test_the_kept_assertions_are_bounded(assertions, ring, clock):
    """The one that was not used for longest goes."""
    two = 2 * assertions.get(session(), person(), "a").weight
    assertions = Assertions(ring, ISSUER, 300, 3 * DAY, clock, capacity=two)
    first = assertions.get(session(), person(), "a")
    second = assertions.get(session(), person(), "b")

    assertions.get(session(), person(), "a")
    assertions.get(session(), person(), "c")
    clock.advance(1)

    assert assertions.get(session(), person(), "a") == first
    assert assertions.get(session(), person(), "b") != second


def test_an_assertion_that_fits_nowhere_is_signed_each_time(ring, clock):
    """It is handed out nevertheless."""
    assertions = Assertions(ring, ISSUER, 300, 3 * DAY, clock, capacity=100)

    first = assertions.get(session(), person(), "a")
    clock.advance(1)

    assert assertions.get(session(), person(), "a") != first
    assert assertions._kept == {}
    assert assertions._weight == 0


def test_assertions_that_nobody_asks_for_again_go_by_themselves(assertions, clock):
    """Those of a quiet hour are not kept for the next one."""
    for audience in "abc":
        assertions.get(session(), person(), audience)

    clock.advance(60)
    last = assertions.get(session(), person(), "d")

    assert list(assertions._kept.values()) == [last]
    assert assertions._weight == last.weight


def test_an_assertion_that_has_ended_is_not_handed_out_again(assertions, ring, clock):
    """Not even within the minute: the session was about to end."""
    first = assertions.get(session(absolute_end=NOW + 10), person(), "a")

    clock.advance(10)

    assert assertions.get(session(absolute_end=NOW + 10), person(), "a") != first
