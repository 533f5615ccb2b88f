"""Forms of ours are sent from pages of ours.

Two independent proofs: what the browser says about the sender (Fetch Metadata, else Origin, else Referer), and a
token in the form that only the owner of the session can have been given.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest, digest

from gateway.errors import CrossSite
from gateway.identity.presented import Head

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 section 9.2.1, without TRACE
_NONCE = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{64}", re.ASCII)  # 16 + 32 bytes, so that every bit of the text counts


def check_fetch_metadata(method: str, head: Head, own_origin: str) -> None:
    """Return if the request was sent from `own_origin` (as a browser writes it) or by the person; else `CrossSite`.

    Requests that say nothing about their origin are refused: browsers have said it with every form for years, and a
    program can.
    """
    if method in _SAFE_METHODS:
        return
    if site := head.all(b"sec-fetch-site"):
        # `none` is the person at the address bar. `same-site` is a neighbour, who may be taken over.
        _require(site in {(b"same-origin",), (b"none",)}, "sec_fetch_site")
    elif origin := head.all(b"origin"):
        _require(origin == (own_origin.encode(),), "origin")
    else:
        referer = head.all(b"referer")
        # The slash ends the origin: `https://app.example.com.evil.example/` begins with ours too.
        _require(len(referer) == 1 and referer[0].startswith(f"{own_origin}/".encode()), "no_origin")


def form_token(key: bytes, binding: bytes, random: Callable[[int], bytes]) -> str:
    """A token for one form: a nonce and HMAC-SHA256(key, binding ‖ nonce), base64url.

    `binding` names the session or login attempt that the form belongs to. The nonce is new each time, so that a
    compressed page does not give the token away (CVE-2013-3587).
    """
    nonce = random(_NONCE)
    return urlsafe_b64encode(nonce + digest(key, binding + nonce, sha256)).decode("ascii")


def check_form_token(key: bytes, binding: bytes, token: str) -> None:
    """Return if `form_token` made `token` with this key and binding; else raise `CrossSite`."""
    _require(_TOKEN.fullmatch(token) is not None, "form_token")
    raw = urlsafe_b64decode(token)
    _require(compare_digest(raw[_NONCE:], digest(key, binding + raw[:_NONCE], sha256)), "form_token")


def _require(held: bool, reason: str) -> None:
    if not held:
        raise CrossSite(reason)
