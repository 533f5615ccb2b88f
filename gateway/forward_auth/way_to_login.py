"""The address of the login page, with the way back in it.

Nothing of a header enters it but the path and the query that were asked for, and names of configured providers
(CVE-2024-21498, CVE-2024-21499).
"""

from functools import lru_cache
from urllib.parse import quote

from gateway.login.return_to import MAX_LENGTH
from gateway.policy.target import Target

# Unreserved characters (RFC 3986 section 2.3) and the slash stay as they are.
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_ESCAPED = tuple([chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in range(256)])


def login_page(address: str, target: Target, uri: bytes, hint: str, *, navigation: bool) -> str:
    """`address` with the configured origin, and the path and query that were asked for (`uri`).

    A program is not sent back to the address it fetched but to the front page of its host. `hint` as in `login.hint`.
    """
    origin = origin_of(target)
    back = _way_back(uri, target, origin) if navigation else b"/"
    url = f"{address}?rd={_quoted(origin)}{''.join([_ESCAPED[byte] for byte in back])}"
    return f"{url}&provider={hint}" if hint else url


def origin_of(target: Target) -> str:
    """The origin of a target, as it is configured."""
    return target.entry.origin_for(target.host)


@lru_cache(256)
def _quoted(origin: str) -> str:
    return quote(origin, safe="")


def _way_back(uri: bytes, target: Target, origin: str) -> bytes:
    """What was asked for, as far as the login page takes it: whole, else without its query, else the front page.

    Escaped it grows threefold. Past the limit it would not fit the proxy's buffer, and end as a 502.
    """
    for some in (uri, target.raw):
        if len(origin) + len(some) <= MAX_LENGTH:
            return some
    return b"/"
