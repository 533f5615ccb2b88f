"""The sealed record of a session: what goes in comes out, for its own ticket alone."""

import json

import pytest

from gateway.errors import Unsealable
from gateway.keys.keyring import Keyring
from gateway.keys.seal import Sealer
from gateway.sessions.cookie import Ticket
from gateway.sessions.sealing import Logins, Sealing, activity_key, record_key, session_id
from tests.kit.people import person, tokens
from tests.kit.randomness import Randomness

NOW = 1_800_000_000
LOGINS = Logins(
    identities=(person("7"), person("8", "partner", name="李雷", email_verified=False, amr=("pwd", "otp"))),
    created=NOW,
    absolute_end=NOW + 100,
)


@pytest.fixture
def ring():
    return Keyring.generate(Randomness(), NOW)


@pytest.fixture
def ticket(ring):
    return Ticket(ring.active, NOW, bytes(range(32)))


@pytest.fixture
def sealing(ring):
    return Sealing(ring, "here", Randomness("n"))


def test_logins_come_out_as_they_went_in(sealing, ticket):
    """Every member, tuples and foreign letters included."""
    sid = session_id(ticket)

    assert sealing.open_logins(ticket, sid, sealing.seal_logins(ticket, sid, LOGINS)) == LOGINS


def test_grants_come_out_as_they_went_in(sealing, ticket):
    """By the provider's name."""
    sid = session_id(ticket)
    grants = {"corp": tokens(), "partner": tokens("partner", refresh_token="", expires=0)}

    assert sealing.open_grants(ticket, sid, sealing.seal_grants(ticket, sid, grants)) == grants


def test_half_a_surrogate_in_a_name_is_kept(sealing, ticket):
    """A provider's JSON can hold one; it must not make a login impossible."""
    sid = session_id(ticket)
    odd = Logins(identities=(person(name="\ud800"),), created=NOW, absolute_end=NOW)

    assert sealing.open_logins(ticket, sid, sealing.seal_logins(ticket, sid, odd)) == odd


def test_an_id_tells_nothing_of_its_ticket_and_is_always_the_same(ticket):
    """26 letters and digits, fit for a key; its keys share one hash tag."""
    sid = session_id(ticket)

    assert sid == session_id(ticket)
    assert len(sid) == 26
    assert sid.isalnum()
    assert sid.islower()
    assert record_key(sid) == f"s:{{{sid}}}"
    assert activity_key(sid) == f"a:{{{sid}}}"


def test_case29_a_payload_of_another_version_is_unreadable(ring, ticket, sealing):
    """A newer release wrote it: it is discarded, not misread."""
    sid = session_id(ticket)
    sealer = Sealer(ring, "sess-enc/v1", Randomness("x"))

    def sealed(payload):
        aad = f"sess/v1|here|{sid}|identity".encode()
        return sealer.seal(payload, aad, binding=ticket.secret, salt=sid.encode())

    good = {"v": 1, "created": NOW, "absolute_end": NOW, "identities": []}
    assert sealing.open_logins(ticket, sid, sealed(json.dumps(good).encode())).identities == ()
    for payload in (good | {"v": 2}, {"v": 1}, good | {"identities": [{}]}, good | {"identities": 7}, []):
        with pytest.raises(Unsealable):
            sealing.open_logins(ticket, sid, sealed(json.dumps(payload).encode()))


def test_a_member_of_a_later_release_is_passed_over(ring, ticket, sealing):
    """Within one version members are only added, so that releases can run side by side."""
    sid = session_id(ticket)
    entry = {"provider": "p", "issuer": "i", "subject": "s", "user": "u", "authenticated_at": 1, "new": [1]}
    payload = {"v": 1, "created": 1, "absolute_end": 2, "identities": [entry], "also": 1}
    sealed = Sealer(ring, "sess-enc/v1", Randomness("x")).seal(
        json.dumps(payload).encode(),
        f"sess/v1|here|{sid}|identity".encode(),
        binding=ticket.secret,
        salt=sid.encode(),
    )

    assert sealing.open_logins(ticket, sid, sealed).identities[0].subject == "s"


def test_a_reference_session_costs_little_more_than_its_plaintext(sealing, ticket):
    """Sealing adds a key id, a nonce and a tag, and no base64."""
    grants = {"corp": tokens(access_token="a" * 1000, id_token="b" * 1500)}
    sid = session_id(ticket)

    assert len(sealing.seal_grants(ticket, sid, grants)) < 2500 + 250
