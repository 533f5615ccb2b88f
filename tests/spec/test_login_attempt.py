"""A login attempt as a value: sealed under its state, bound to its browser, small."""

import dataclasses

import pytest

from gateway.errors import AttemptNotYours, AttemptUnknown
from gateway.keys.keyring import Keyring
from gateway.keys.seal import Sealer
from gateway.login.attempt import (
    MAX_SEALED,
    Attempt,
    Trace,
    check_browser,
    digest,
    fitted,
    is_secret,
    new_secret,
    seal,
    unseal,
)
from tests.kit.randomness import Randomness

RANDOM = Randomness()
RING = Keyring.generate(RANDOM, 1_800_000_000)
SEALER = Sealer(RING, "attempt", RANDOM)
STATE, OTHER_STATE = new_secret(RANDOM), new_secret(RANDOM)
ATTEMPT = Attempt(
    provider="staff",
    nonce=new_secret(RANDOM),
    verifier=new_secret(RANDOM),
    redirect_uri="https://auth.example.com/auth/staff/callback",
    return_to="https://app.example.com/report?year=2027",
    browser=digest("browser", "b"),
    created=1_800_000_000,
)
TRACE = Trace("staff", ATTEMPT.return_to, ATTEMPT.browser, 0, over=True)


@pytest.mark.parametrize("note", [ATTEMPT, TRACE], ids=["attempt", "trace"])
def test_the_state_opens_what_was_sealed_under_it(note):
    """What comes back is what went in."""
    assert unseal(SEALER, STATE, seal(SEALER, STATE, note), type(note)) == note


@pytest.mark.parametrize(
    ("sealed", "state", "kind"),
    [
        pytest.param(seal(SEALER, STATE, ATTEMPT), OTHER_STATE, Attempt, id="another state"),
        pytest.param(seal(SEALER, STATE, TRACE), STATE, Attempt, id="a trace as an attempt"),
        pytest.param(seal(SEALER, STATE, ATTEMPT), STATE, Trace, id="an attempt as a trace"),
        pytest.param(
            seal(Sealer(RING, "session", RANDOM), STATE, ATTEMPT), STATE, Attempt, id="other purpose"
        ),
        pytest.param(seal(SEALER, STATE, ATTEMPT)[:-1], STATE, Attempt, id="cut"),
        pytest.param(b"", STATE, Attempt, id="nothing"),
        pytest.param(b"x" * 200, STATE, Attempt, id="junk"),
    ],
)
def test_nothing_else_opens(sealed, state, kind):
    """Foreign bytes are an unknown attempt, and never another exception."""
    with pytest.raises(AttemptUnknown):
        unseal(SEALER, state, sealed, kind)


def test_stored_bytes_of_another_release_are_an_unknown_attempt():
    """A field more or less is nothing that could be half understood."""
    foreign = SEALER.seal(b'["staff","n"]', b"login Attempt", binding=STATE.encode())

    with pytest.raises(AttemptUnknown):
        unseal(SEALER, STATE, foreign, Attempt)


def test_a_browser_is_told_by_its_mark():
    """The right one passes; another, and none, do not."""
    check_browser(ATTEMPT, digest("browser", "b"))

    for mark in (digest("browser", "c"), digest("attempt", "b"), ""):
        with pytest.raises(AttemptNotYours):
            check_browser(ATTEMPT, mark)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        pytest.param(100, "whole", id="fits"),
        pytest.param(3000, "path", id="query too long"),
    ],
)
def test_a_long_return_address_loses_its_query(length, expected):
    """Better the right page without its query than another page."""
    address = f"https://app.example.com/report?{'x' * length}"
    kept = fitted(dataclasses.replace(ATTEMPT, return_to=address), "https://auth.example.com/users/me")

    assert kept.return_to == (address if expected == "whole" else "https://app.example.com/report")
    assert len(seal(SEALER, STATE, kept)) <= MAX_SEALED


def test_a_long_path_falls_back():
    """A path cannot be cut: half of it is another page."""
    address = f"https://app.example.com/{'x' * 3000}"
    kept = fitted(dataclasses.replace(ATTEMPT, return_to=address), "https://auth.example.com/users/me")

    assert kept.return_to == "https://auth.example.com/users/me"


@pytest.mark.parametrize("length", range(560, 700, 7))
def test_an_attempt_never_outgrows_its_place(length):
    """At the edge too: what fits is at most a kilobyte in the store."""
    address = f"https://app.example.com/report?{'x' * length}"

    kept = fitted(dataclasses.replace(ATTEMPT, return_to=address), "https://auth.example.com/users/me")

    assert len(seal(SEALER, STATE, kept)) <= MAX_SEALED


def test_secrets_have_256_bits_and_one_form():
    """43 characters of base64url; whatever looks otherwise is none."""
    assert is_secret(STATE)
    for text in ("", STATE[:-1], STATE + "A", STATE + "=", STATE[:-1] + "+", STATE[:-1] + "é", STATE + "\n"):
        assert not is_secret(text)


def test_nothing_secret_is_in_a_repr():
    """A traceback or a log line may show an attempt."""
    shown = repr(ATTEMPT) + repr(TRACE)

    assert not any(secret in shown for secret in (ATTEMPT.nonce, ATTEMPT.verifier, ATTEMPT.browser))
