"""Sealing and keyed hashes: what opens, and what does not."""

import pytest

from gateway.errors import Unsealable
from gateway.keys.hashing import mac, verify_mac
from gateway.keys.keyring import Keyring
from gateway.keys.seal import Sealer
from tests.kit.randomness import Randomness


@pytest.fixture
def random():
    return Randomness()


@pytest.fixture
def ring(random):
    return Keyring.generate(random, 1_800_000_000)


def test_sealed_bytes_open_with_what_they_were_sealed_with(ring, random):
    """Purpose, aad, binding and salt together."""
    sealer = Sealer(ring, "p", random)

    sealed = sealer.seal(b"plain", b"aad", binding=b"b", salt=b"s")

    assert b"plain" not in sealed
    assert sealer.open(sealed, b"aad", binding=b"b", salt=b"s") == b"plain"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"aad": b"other"}, id="aad"),
        pytest.param({"binding": b"other"}, id="binding"),
        pytest.param({"binding": b""}, id="no-binding"),
        pytest.param({"salt": b"other"}, id="salt"),
    ],
)
def test_anything_else_does_not_open(ring, random, other):
    """One wrong part is enough."""
    sealer = Sealer(ring, "p", random)
    sealed = sealer.seal(b"plain", b"aad", binding=b"b", salt=b"s")

    with pytest.raises(Unsealable):
        sealer.open(sealed, **{"aad": b"aad", "binding": b"b", "salt": b"s"} | other)


def test_another_purpose_does_not_open(ring, random):
    """A sealed session is no sealed login attempt."""
    sealed = Sealer(ring, "p", random).seal(b"plain", b"")

    with pytest.raises(Unsealable):
        Sealer(ring, "q", random).open(sealed, b"")


def test_case30_a_rotated_ring_opens_what_the_old_secret_sealed(ring, random):
    """And seals under the new one."""
    sealed = Sealer(ring, "p", random).seal(b"plain", b"aad")
    rotated = Sealer(ring.rotated(random, 1_800_000_100), "p", random)

    assert rotated.open(sealed, b"aad") == b"plain"
    assert rotated.seal(b"plain", b"aad").split(b".")[1] != sealed.split(b".")[1]


def test_a_dropped_secret_opens_nothing(ring, random):
    """Pruning is final."""
    sealed = Sealer(ring, "p", random).seal(b"plain", b"aad")
    pruned = ring.rotated(random, 1_800_000_100).pruned(1_800_009_999, 1)

    with pytest.raises(Unsealable):
        Sealer(pruned, "p", random).open(sealed, b"aad")


@pytest.mark.parametrize("position", range(0, 45, 4))
def test_a_flipped_byte_opens_nothing(ring, random, position):
    """Version, kid, nonce, ciphertext, tag."""
    sealer = Sealer(ring, "p", random)
    sealed = bytearray(sealer.seal(b"plain", b"aad"))
    sealed[position % len(sealed)] ^= 1

    with pytest.raises(Unsealable):
        sealer.open(bytes(sealed), b"aad")


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"1", id="one-byte"),
        pytest.param(b"1.k.", id="no-body"),
        pytest.param(b"\xff" * 64, id="high-bytes"),
        pytest.param(b"1.\xff\xff." + b"x" * 64, id="a-kid-that-is-not-ascii"),
        pytest.param(b"2.k." + b"x" * 64, id="another-version"),
        pytest.param(b"1.unknown." + b"x" * 64, id="an-unknown-kid"),
    ],
)
def test_junk_opens_nothing(ring, random, junk):
    """Always the same exception."""
    with pytest.raises(Unsealable):
        Sealer(ring, "p", random).open(junk, b"")


def test_a_mac_verifies_whole_and_cut_to_half(ring):
    """RFC 2104 section 5 allows half of the hash, and no less."""
    tag = mac(ring, "p", b"message")

    verify_mac(ring, "p", b"message", tag)
    verify_mac(ring, "p", b"message", tag[:16])
    assert len(tag) == 32


@pytest.mark.parametrize(
    ("purpose", "message", "cut"),
    [
        pytest.param("q", b"message", slice(None), id="another-purpose"),
        pytest.param("p", b"massage", slice(None), id="another-message"),
        pytest.param("p", b"message", slice(0), id="an-empty-tag"),
        pytest.param("p", b"message", slice(15), id="a-short-tag"),
        pytest.param("p", b"message", slice(1, None), id="a-shifted-tag"),
    ],
)
def test_a_mac_that_does_not_fit_raises(ring, purpose, message, cut):
    """An empty tag fits nothing, above all."""
    tag = mac(ring, "p", b"message")[cut]

    with pytest.raises(Unsealable):
        verify_mac(ring, purpose, message, tag)


def test_a_mac_of_an_unknown_kid_raises(ring):
    """The kid selects the key; there is no other to try."""
    with pytest.raises(Unsealable):
        verify_mac(ring, "p", b"message", bytes(32), kid="unknown")
