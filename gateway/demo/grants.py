"""What the demo identity provider has handed out: codes, access tokens and refresh tokens, in memory.

A code works once, for 60 s, for the client, the address and the verifier it was made for. A refresh token works once;
using it again, or a code again, ends everything that came from that sign-in (RFC 9700 sections 4.5 and 4.14).
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.demo.people import Person
from gateway.errors import ProviderRefused

CODE_SECONDS = 60.0
REFRESH_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class SignIn:
    """One person who agreed, at one moment, to sign in to one client. `at` in Unix seconds."""

    client_id: str
    person: Person
    scopes: tuple[str, ...]
    nonce: str
    at: int
    sid: str


@dataclass(frozen=True, slots=True)
class _Code:
    sign_in: SignIn
    redirect_uri: str
    challenge: str
    expires: float


@dataclass(frozen=True, slots=True)
class _Token:
    sign_in: SignIn
    expires: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token request gets; `expires_in` in seconds."""

    sign_in: SignIn
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: int


def invalid_grant() -> ProviderRefused:
    """The code or the refresh token is not good; which of its properties is wrong is nobody's business."""
    return ProviderRefused("demo", "invalid_grant")


class Grants:
    """All that is handed out. `access_lifetime` in seconds; a short one lets refreshes be watched."""

    def __init__(
        self, clock: Callable[[], float], random: Callable[[int], bytes], access_lifetime: float
    ) -> None:
        self._clock = clock
        self._random = random
        self._access_lifetime = access_lifetime
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, _Token] = {}
        self._refresh: dict[str, _Token] = {}
        self._used: dict[str, str] = {}  # a used code or refresh token → its sign-in

    def new_id(self) -> str:
        return urlsafe_b64encode(self._random(24)).decode("ascii")

    def code(self, sign_in: SignIn, redirect_uri: str, challenge: str) -> str:
        code = self.new_id()
        self._codes[code] = _Code(sign_in, redirect_uri, challenge, self._clock() + CODE_SECONDS)
        return code

    def redeem(self, code: str, client_id: str, redirect_uri: str, verifier: str) -> Tokens:
        """Tokens for a code (RFC 6749 section 4.1.3, RFC 7636 section 4.6), or `ProviderRefused`."""
        self._refuse_reuse(code)
        found = self._codes.pop(code, None)
        if found is None:
            raise invalid_grant()
        self._used[code] = found.sign_in.sid
        right = (
            found.sign_in.client_id == client_id
            and found.redirect_uri == redirect_uri
            and self._clock() < found.expires
            and hmac.compare_digest(s256(verifier), found.challenge)
        )
        if not right:
            raise invalid_grant()
        return self._issue(found.sign_in)

    def renew(self, refresh_token: str, client_id: str) -> Tokens:
        """Tokens for a refresh token, which is thereby used up, or `ProviderRefused`."""
        self._refuse_reuse(refresh_token)
        found = self._refresh.get(refresh_token)
        if found is None or found.sign_in.client_id != client_id or self._clock() >= found.expires:
            raise invalid_grant()
        del self._refresh[refresh_token]
        self._used[refresh_token] = found.sign_in.sid
        return self._issue(found.sign_in)

    def person(self, access_token: str) -> Person | None:
        """Whose access token this is, while it is valid."""
        found = self._access.get(access_token)
        return found.sign_in.person if found and self._clock() < found.expires else None

    def end(self, sid: str) -> None:
        """Forget everything that came from one sign-in."""
        self._access = {k: t for k, t in self._access.items() if t.sign_in.sid != sid}
        self._refresh = {k: t for k, t in self._refresh.items() if t.sign_in.sid != sid}

    def _refuse_reuse(self, secret: str) -> None:
        sid = self._used.get(secret)
        if sid is not None:
            self.end(sid)
            raise invalid_grant()

    def _issue(self, sign_in: SignIn) -> Tokens:
        now = self._clock()
        tokens = Tokens(sign_in, self.new_id(), self.new_id(), int(self._access_lifetime))
        self._access[tokens.access] = _Token(sign_in, now + self._access_lifetime)
        self._refresh[tokens.refresh] = _Token(sign_in, now + REFRESH_SECONDS)
        return tokens


def s256(verifier: str) -> str:
    """RFC 7636 section 4.2."""
    return (
        urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii", "replace")).digest())
        .rstrip(b"=")
        .decode("ascii")
    )
