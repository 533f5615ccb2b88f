"""argon2id: the form, the cost, and what counts as the same password."""

import pytest

from gateway.keys.password_hash import LEAST, USUAL, Cost, PasswordHash, hash_password, stand_in
from tests.kit.users_file import CHEAP, cheap_hash


def test_a_password_fits_its_own_hash_alone():
    """And no other, in whatever way it is like it."""
    hashed = PasswordHash.parse(cheap_hash("correct horse"))

    assert hashed.fits("correct horse")
    assert not any(hashed.fits(other) for other in ("Correct horse", "correct horse ", "correct hors", ""))


def test_one_password_in_two_unicode_spellings_is_one():
    """RFC 8265: a Mac sends an accent as a letter of its own, Windows does not."""
    hashed = PasswordHash.parse(cheap_hash("caf\u00e9"))

    assert hashed.fits("cafe\u0301")


def test_full_width_letters_are_other_letters():
    """NFC and not NFKC: a password must not become another by folding."""
    assert not PasswordHash.parse(cheap_hash("abc")).fits("ａｂｃ")


def test_the_usual_cost_is_the_second_choice_of_rfc_9106():
    """Section 4: three passes over 64 MiB in four lanes; and above what the OWASP sheet asks for."""
    encoded = hash_password("x", bytes(range(16)))

    assert encoded.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PasswordHash.parse(encoded).cost == USUAL
    assert USUAL.work > LEAST.work


@pytest.mark.parametrize(
    ("cost", "weak"),
    [
        (USUAL, False),
        (LEAST, False),
        (CHEAP, True),
        (Cost(12 * 1024, 3, 1), True),
        (Cost(47 * 1024, 1, 1), False),
    ],
)
def test_what_is_below_the_owasp_sheet_is_weak(cost, weak):
    """19 MiB twice is the least, or as much work over more memory."""
    assert PasswordHash.parse(stand_in(cost).text).is_weak is weak


def test_a_stand_in_fits_nothing_and_costs_the_same():
    """It is tried in the place of names that there are not."""
    assert stand_in(CHEAP).cost == CHEAP
    assert not any(stand_in(CHEAP).fits(text) for text in ("", "\0", "password"))
