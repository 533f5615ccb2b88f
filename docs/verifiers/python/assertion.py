# /// script
# requires-python = ">=3.11"
# dependencies = ["pyjwt[crypto]>=2.10.1"]
# ///
"""Verifies X-Auth-Assertion: who the gateway says is asking."""

import json
import re
import time
from http.client import HTTPException, HTTPMessage
from threading import Lock
from typing import IO, Any
from urllib.request import HTTPRedirectHandler, Request, build_opener

import jwt

# All in seconds.
FRESH = 300  # a key set of this age is fetched anew
COOLDOWN = 30  # between two fetches, whatever happens: junk with invented kids must not become fetches
STALE = 3600  # a key set that could not be fetched anew is believed for so long
LEEWAY = 30  # between the clocks of the gateway and of this machine

MAX_TOKEN = 16_000
MAX_KEY_SET = 1_000_000
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class RejectedError(Exception):
    """Not an assertion of this gateway for this application: answer 401."""


class KeysUnavailableError(Exception):
    """The key set cannot be fetched, so nobody can be recognised: answer 503."""


class AssertionVerifier:
    """`issuer` is the gateway's public_url, `audience` the name of this application. Make one and keep it."""

    def __init__(self, issuer: str, audience: str, jwks_url: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = _Keys(jwks_url)

    def claims(self, assertion: str) -> dict[str, Any]:
        """The claims of an assertion that is good now, for this application."""
        if len(assertion) > MAX_TOKEN or not COMPACT.fullmatch(assertion):
            raise RejectedError("form")
        try:
            header = jwt.get_unverified_header(assertion)
            # Nothing of the header is believed: `alg` and `typ` must be what we expect, `kid` looks up a key that
            # we hold, and `jku`, `x5u`, `jwk`, `x5c`, which would bring a key along, are not even read.
            if header.get("alg") != "ES256" or header.get("typ") != "assertion+jwt":
                raise RejectedError("alg or typ")
            if "crit" in header or "b64" in header:
                raise RejectedError("crit")
            return self._proven(assertion, self._keys.find(header.get("kid", "")))
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise RejectedError(str(error)) from error

    def _proven(self, assertion: str, key: jwt.PyJWK) -> dict[str, Any]:
        claims = jwt.decode(
            assertion,
            key,
            algorithms=["ES256"],  # a constant, never the token's own choice
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY,
            options={"require": ["iss", "aud", "sub", "iat", "exp"], "strict_aud": True},
        )
        if not claims["sub"]:
            raise RejectedError("sub")
        return claims


class _NoRedirects(HTTPRedirectHandler):
    """The keys are where the configuration says, and nowhere else."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow none: the answer is an error."""


class _Keys:
    """The gateway's public keys by kid, fetched when they are needed and due."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open = build_opener(_NoRedirects).open
        self._lock = Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")

    def find(self, kid: str) -> jwt.PyJWK:
        with self._lock:  # one fetch at a time; whoever waited finds its result
            now = time.monotonic()
            due = kid not in self._keys or now - self._fetched > FRESH
            if due and now - self._tried > COOLDOWN:
                self._tried = now
                self._refresh(now)
            if now - self._fetched > STALE:
                raise KeysUnavailableError
            if kid not in self._keys:
                raise RejectedError("kid")
            return self._keys[kid]

    def _refresh(self, now: float) -> None:
        try:
            with self._open(self._url, timeout=5) as answer:
                document = json.loads(answer.read(MAX_KEY_SET))
            self._keys = {jwk["kid"]: jwt.PyJWK(jwk, "ES256") for jwk in document["keys"] if _is_es256(jwk)}
            self._fetched = now
        except (OSError, HTTPException, ValueError, LookupError, TypeError, jwt.PyJWTError):
            pass  # the old keys stay; worth a line in your log


def _is_es256(jwk: Any) -> bool:
    # RFC 7517 section 5: skip what is of another kind, there may be keys for other uses one day.
    kind = {"kty": "EC", "crv": "P-256", "use": "sig"}
    return isinstance(jwk, dict) and kind.items() <= jwk.items()
