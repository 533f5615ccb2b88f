"""The rules of a logout token, and of the name that a provider gives its session."""

import pytest

from gateway.errors import ProviderLied, UnknownKey
from gateway.keys.jwks import KeySet
from gateway.providers.claims import provider_sid
from gateway.providers.logout_token import EVENT, FRESH, ExpectedLogout, check_logout_token
from gateway.providers.provider import LoggedOut
from tests.kit.clock import Clock
from tests.kit.scripted_provider import ScriptedProvider, without_none

NOW = 1_800_000_000
EXPECTED = ExpectedLogout(
    provider="idp", issuer="https://idp.example.test", client_id="gateway", algorithms=("RS256",)
)


@pytest.fixture
def provider():
    return ScriptedProvider(Clock(NOW))


def check(provider, now=NOW, **changed):
    good = {
        "iss": provider.issuer,
        "aud": "gateway",
        "iat": NOW,
        "jti": "one",
        "sub": "u-1",
        "sid": "p-1",
        "events": {EVENT: {}},
    }
    keys = KeySet.parse({"keys": [key.jwk for key in provider.published]})
    return check_logout_token(provider.signed(without_none({**good, **changed})), keys, EXPECTED, now)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({}, LoggedOut("one", "p-1", "u-1"), id="both"),
        pytest.param({"sub": None}, LoggedOut("one", "p-1", ""), id="a-session"),
        pytest.param({"sid": None}, LoggedOut("one", "", "u-1"), id="a-person"),
        pytest.param({"aud": ["other", "gateway"]}, LoggedOut("one", "p-1", "u-1"), id="several-audiences"),
        pytest.param({"events": {EVENT: {}, "urn:x": {}}}, LoggedOut("one", "p-1", "u-1"), id="more-events"),
        pytest.param({"exp": None}, LoggedOut("one", "p-1", "u-1"), id="no-exp"),
    ],
)
def test_a_good_token_says_what_is_over(provider, changed, told):
    """A session, a person, or both."""
    assert check(provider, **changed) == told


@pytest.mark.parametrize(("seconds", "fresh"), [(FRESH, True), (FRESH + 1, False), (-60, True), (-61, False)])
def test_a_token_is_taken_around_the_time_at_which_it_was_made(provider, seconds, fresh):
    """Two minutes after it, and a minute before for clocks that differ."""
    if fresh:
        assert check(provider, NOW + seconds)
        return
    with pytest.raises(ProviderLied, match="logout_token: iat"):
        check(provider, NOW + seconds)


def test_a_token_of_an_unknown_key_asks_for_newer_ones(provider):
    """It is no lie before they were looked at."""
    provider.header = {"kid": "k2"}

    with pytest.raises(UnknownKey):
        check(provider)


@pytest.mark.parametrize(
    ("value", "sid"),
    [
        ("p-1", "p-1"),
        ("x" * 255, "x" * 255),
        ("x" * 256, ""),
        ("", ""),
        (" p-1", ""),
        ("p\n1", ""),
        ("\ud800", ""),
        (7, ""),
        (["p-1"], ""),
        (None, ""),
    ],
)
def test_the_name_of_a_provider_s_session_is_a_short_printable_text(value, sid):
    """Anything else is none."""
    assert provider_sid({"sid": value}) == sid
