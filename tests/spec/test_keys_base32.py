"""Names of 128 bits: the same text as the standard library's base32."""

from base64 import b32encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keys.base32 import base32_of_128


@given(st.binary(min_size=16, max_size=16))
def test_it_is_the_base32_of_rfc_4648(raw):
    """In lower case, without padding."""
    assert base32_of_128(raw) == b32encode(raw).decode().rstrip("=").lower()


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_another_number_of_bits_is_refused(size):
    """It would be another text than that of all others."""
    with pytest.raises(ValueError, match="128"):
        base32_of_128(bytes(size))
