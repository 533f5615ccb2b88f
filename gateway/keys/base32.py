"""Base32 (RFC 4648 section 6) of 128 bits in lower case, without padding: names in the store, one or two for a check.

The standard library's takes 7 µs for one; this is the same text.
"""

_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple([a + b for a in _DIGITS for b in _DIGITS])
_SHIFTS = tuple(range(120, -1, -10))


def base32_of_128(raw: bytes) -> str:
    """26 letters and digits for 16 bytes; `ValueError` for another number of them."""
    if len(raw) != 16:
        raise ValueError("not 128 bits")
    number = int.from_bytes(raw, "big") << 2  # 130 bits are 26 digits
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
