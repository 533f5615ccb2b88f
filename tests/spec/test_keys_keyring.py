"""The key ring: generated, rotated, pruned, kept as JSON and read back with every fault named."""

import json

import pytest
from joserfc.jwk import ECKey

from gateway.errors import KeyFault, Unsealable
from gateway.keys.keyring import Keyring
from gateway.keys.signing_key import SigningKey
from tests.kit.randomness import Randomness

NOW = 1_800_000_000
DAY = 86_400


@pytest.fixture
def random():
    return Randomness()


@pytest.fixture
def ring(random):
    return Keyring.generate(random, NOW)


def altered(ring, change):
    document = json.loads(ring.dump())
    change(document)
    return json.dumps(document).encode()


def test_a_ring_survives_its_file(ring, random):
    """What is dumped parses back to the same ring, and derives the same keys."""
    rotated = ring.rotated(random, NOW + DAY)

    again = Keyring.parse(rotated.dump())

    assert again == rotated
    assert again.derive("p", ring.active) == rotated.derive("p", ring.active)
    assert [key.pem() for key in again.assertion] == [key.pem() for key in rotated.assertion]


def test_the_same_randomness_makes_the_same_ring():
    """Nothing of a ring comes from elsewhere than the randomness it is given."""
    assert Keyring.generate(Randomness(), NOW).dump() == Keyring.generate(Randomness(), NOW).dump()
    assert Keyring.generate(Randomness("other"), NOW).dump() != Keyring.generate(Randomness(), NOW).dump()


def test_nothing_secret_shows_in_repr(ring):
    """A ring can stand in a traceback."""
    document = json.loads(ring.dump())
    ring.derive("purpose")

    shown = repr(ring)

    assert document["secrets"][0]["secret"] not in shown
    assert repr(ring.entries[0].secret) not in shown
    assert "PRIVATE" not in shown
    assert repr(ring.derive("purpose")) not in shown


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"purpose": "q"}, id="purpose"),
        pytest.param({"binding": b"b"}, id="binding"),
        pytest.param({"salt": b"s"}, id="salt"),
        pytest.param({"binding": b"s"}, id="binding-is-not-salt"),
    ],
)
def test_each_purpose_binding_and_salt_has_its_own_key(ring, other):
    """No two uses share a key."""
    plain = ring.derive("p")
    salted = ring.derive("p", salt=b"s")

    derived = ring.derive(**{"purpose": "p"} | other)

    assert len(derived) == 32
    assert derived != plain
    assert derived != salted or other == {"salt": b"s"}


def test_an_unknown_kid_is_unsealable(ring):
    """A kid from outside that the ring does not hold opens nothing, and is not repeated."""
    with pytest.raises(Unsealable) as raised:
        ring.derive("p", "no-such-kid")

    assert "no-such-kid" not in str(raised.value)


def test_rotation_seals_with_the_new_secret_and_opens_with_the_old(ring, random):
    """The new secret is last, active, and the old one stays."""
    rotated = ring.rotated(random, NOW + DAY)

    assert rotated.active != ring.active
    assert rotated.derive("p", ring.active) == ring.derive("p")
    assert rotated.derive("p") != ring.derive("p")
    assert rotated.deployment == ring.deployment


def test_an_assertion_key_is_published_before_it_signs(ring, random):
    """next → active → retired, with a new next each time."""
    states = [[key.state for key in ring.assertion]]
    announced = ring.assertion[1].kid

    once = ring.rotated(random, NOW + DAY)
    twice = once.rotated(random, NOW + 2 * DAY)
    states += [[key.state for key in once.assertion], [key.state for key in twice.assertion]]

    assert states == [
        ["active", "next"],
        ["retired", "active", "next"],
        ["retired", "retired", "active", "next"],
    ]
    assert once.signer.kid == announced


def test_a_key_is_dropped_when_its_successor_is_older_than_the_limit(ring, random):
    """A session sealed at the last moment before the rotation keeps its key for the whole limit."""
    rotated = ring.rotated(random, NOW + 100 * DAY)

    kept = rotated.pruned(NOW + 130 * DAY, 30 * DAY)
    dropped = rotated.pruned(NOW + 130 * DAY + 1, 30 * DAY)

    assert kept == rotated
    assert [entry.kid for entry in dropped.entries] == [rotated.active]
    assert [key.state for key in dropped.assertion] == ["active", "next"]


def test_pruning_never_takes_what_is_in_use(ring):
    """A ring that was never rotated stays whole however old it is."""
    assert ring.pruned(NOW + 10_000 * DAY, 1) == ring


def test_a_kid_is_the_thumbprint_that_others_compute(ring):
    """RFC 7638, judged by another library."""
    key = ring.signer

    assert ECKey.import_key(key.pem()).thumbprint() == key.kid


RSA_PEM = """-----BEGIN PRIVATE KEY-----
MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEA
-----END PRIVATE KEY-----
"""


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        pytest.param(b"", "not a JSON object", id="empty"),
        pytest.param(b"[]", "not a JSON object", id="a-list"),
        pytest.param(b'{"version":1,"version":1}', "not a JSON object", id="a-member-twice"),
        pytest.param(b"\xff\xfe", "not a JSON object", id="not-utf-8"),
        pytest.param(b"{}", "not of version 1", id="no-version"),
        pytest.param(b'{"version":3}', "not of version 1", id="a-newer-version"),
        pytest.param(b'{"version":1}', "`deployment`", id="no-deployment"),
        pytest.param(b'{"version":1,"deployment":"d"}', "`secrets`", id="no-secrets"),
        pytest.param(
            b'{"version":1,"deployment":"d","secrets":[],"assertion":[]}', "no secret", id="none-at-all"
        ),
    ],
)
def test_a_file_that_is_no_ring_is_refused(raw, says):
    """The fault says what is wrong and what to do."""
    with pytest.raises(KeyFault, match=says) as raised:
        Keyring.parse(raw)

    assert "gateway keys generate" in str(raised.value)


def set_in(part, name, value):
    return lambda document: document[part][0].__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(set_in("secrets", "kid", "a.b"), "`kid`", id="a-kid-with-a-dot"),
        pytest.param(set_in("secrets", "kid", 7), "`kid`", id="a-kid-that-is-a-number"),
        pytest.param(set_in("secrets", "kid", "x" * 65), "`kid`", id="a-kid-too-long"),
        pytest.param(set_in("secrets", "created", "now"), "`created`", id="created-is-no-number"),
        pytest.param(set_in("secrets", "created", True), "`created`", id="created-is-true"),
        pytest.param(set_in("secrets", "secret", "%%%"), "not base64", id="a-secret-that-is-no-base64"),
        pytest.param(set_in("secrets", "secret", 7), "not base64", id="a-secret-that-is-a-number"),
        pytest.param(set_in("secrets", "secret", "c2hvcnQ="), "shorter than 32", id="a-short-secret"),
        pytest.param(lambda d: d.update(deployment="a b"), "`deployment`", id="deployment-with-a-blank"),
        pytest.param(lambda d: d.update(secrets=[1]), "`secrets`", id="secrets-of-numbers"),
        pytest.param(lambda d: d["secrets"].append(d["secrets"][0]), "same kid", id="one-kid-twice"),
        pytest.param(set_in("assertion", "state", "spare"), "none of next", id="an-unknown-state"),
        pytest.param(set_in("assertion", "state", "retired"), "exactly one active", id="none-active"),
        pytest.param(
            lambda d: d["assertion"][1].update(state="active"), "exactly one active", id="two-active"
        ),
        pytest.param(set_in("assertion", "kid", "abc"), "thumbprint", id="a-kid-that-is-no-thumbprint"),
        pytest.param(set_in("assertion", "pem", RSA_PEM), "private key", id="a-broken-key"),
        pytest.param(set_in("assertion", "pem", None), "private key", id="no-key"),
    ],
)
def test_a_ring_with_a_fault_is_refused(ring, change, says):
    """Each fault has its sentence, and no sentence holds a secret."""
    with pytest.raises(KeyFault, match=says) as raised:
        Keyring.parse(altered(ring, change))

    assert json.loads(ring.dump())["secrets"][0]["secret"] not in str(raised.value)


def test_a_key_of_another_curve_is_refused():
    """Only P-256 can sign ES256."""
    other = ECKey.generate_key("P-384").as_pem(private=True).decode()

    with pytest.raises(KeyFault, match="P-256"):
        SigningKey.parse(other, NOW, "active")
