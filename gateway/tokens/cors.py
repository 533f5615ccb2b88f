"""Which pages may call the token endpoints from a script (CORS, WHATWG Fetch section 3.2).

Origins are written out and compared byte for byte. Cookies are never shared: a page of another origin gets tokens in
the body of an answer, and no answer allows it to send our cookie along.
"""

from dataclasses import dataclass

from gateway.errors import CrossSite
from gateway.identity.presented import Head, Headers

_VARY = (b"vary", b"Origin")
_EXPOSED = (b"access-control-expose-headers", b"Retry-After")


@dataclass(frozen=True, slots=True)
class Cors:
    """`own` is the gateway's origin, `others` those of `tokens.origins`, all as a browser writes them."""

    own: bytes
    others: frozenset[bytes]

    def check(self, head: Head) -> None:
        """Return for a program, a page of ours, and a page of a listed origin; else `CrossSite`.

        A browser would keep the answer from any other page; it is not to be given one either. `null` is nobody's origin.
        """
        origins = head.all(b"origin")
        if len(origins) > 1 or (origins and origins[0] != self.own and origins[0] not in self.others):
            raise CrossSite("origin")

    def lines(self, head: Head) -> Headers:
        """The lines that let a listed page read an answer. `Vary` always: a cache must not hand it to another."""
        origin = head.only(b"origin")
        if origin is None or origin not in self.others:
            return (_VARY,)
        return (_VARY, (b"access-control-allow-origin", origin), _EXPOSED)

    def preflight(self, head: Head) -> Headers:
        """What a preflight request is answered beside these; `CrossSite` where the page may not ask."""
        self.check(head)
        if head.only(b"origin") is None or head.all(b"access-control-request-method") != (b"POST",):
            raise CrossSite("preflight")
        return (
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-allow-headers", b"content-type"),
            (b"access-control-max-age", b"600"),
        )
