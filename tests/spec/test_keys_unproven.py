"""What a token says of itself before it is proven: readable, or nothing at all."""

import pytest

from gateway.keys.unproven import unproven_claims
from tests.kit.issuer import part


def test_the_claims_of_a_token_are_read_whatever_it_is_signed_with():
    """Nothing is proven by them; the name of the function says so."""
    assert unproven_claims(f"{part({'alg': 'none'})}.{part({'tid': 'x'})}.AAAA") == {"tid": "x"}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c.d.e",
        f"a.{part(b'[1]')}.c",
        f"a.{part(b'nothing')}.c",
        f"a.{part(b'{{}}')}.c",
        f"a.{part(bytes([255, 254]))}.c",
        f"a.{part(b'[' * 9000)}.c",
        f"a.{part({'tid': 'x' * 16_000})}.c",
        "a.ü.c",
    ],
)
def test_what_could_not_be_proven_afterwards_says_nothing(token):
    """No form, no object, not of the length of a token."""
    assert unproven_claims(token) == {}


def test_a_claim_that_stands_twice_is_none():
    """Two readers would read two tenants out of it."""
    doubled = part(b'{"tid": "x", "tid": "y"}')

    assert unproven_claims(f"a.{doubled}.c") == {}
