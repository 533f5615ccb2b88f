"""One-time codes: how a redirect login hands a session to a client without a token in an address.

A code is 32 random bytes. The store holds, under its digest and sealed with a key that is derived from it, the ticket of
a session and what it is bound to: client, return address, challenge. It is taken once, and lives a minute. For ten more it
is known which session to end if it comes again.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import BadCredential, TokenReused, Unsealable
from gateway.keys.seal import Sealer
from gateway.login.attempt import digest, is_secret, new_secret
from gateway.sessions.cookie import Ticket
from gateway.sessions.sealing import session_id
from gateway.storage.store import Store
from gateway.tokens.clients import ForClient, proves

LIFETIME = 60.0
WAITS = LIFETIME + 10.0
"""Seconds for which the session behind a code waits for it: one that is given at its last moment finds its session."""
REMEMBERED = 600.0
"""Seconds for which a used code is known by."""
TWICE = 10
"""Seconds in which a code that comes again is a page that was loaded twice, and no thief."""

_FRESH, _USED = b"code/v1", b"code-used/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Makes and takes codes. `end` ends a session by its id, with a reason. `random` as `secrets.token_bytes`."""

    store: Store
    sealer: Sealer
    end: Callable[[str, str], Awaitable[bool]]
    clock: Callable[[], float]
    random: Callable[[int], bytes] = field(repr=False)

    async def make(self, ticket: Ticket, wanted: ForClient) -> str:
        """A code for a session that was begun for a client."""
        code, secret = new_secret(self.random), b64encode(ticket.secret).decode("ascii")
        bound = [wanted.client, wanted.address, wanted.challenge]
        sealed = self._seal(code, _FRESH, [ticket.kid, ticket.issued, secret, *bound])
        await self.store.put(_key(code), sealed, LIFETIME)
        return code

    async def take(self, code: str, client: str, address: str, verifier: str) -> Ticket:
        """Whose session a code stands for, once. `BadCredential` for any other; `TokenReused` where that ended one."""
        if not is_secret(code):
            raise BadCredential("not of the form of a code")
        sealed = await self.store.take(_key(code))
        if sealed is None:
            await self._refuse_used(code, client, address, verifier)
            raise BadCredential("no such code")
        kid, issued, secret, *bound = self._opened(code, _FRESH, sealed)
        ticket = Ticket(kid, issued, b64decode(secret))
        sid = session_id(ticket)
        # The ticket is not kept: a spent code stands in histories and logs, and opens nothing with all of the store.
        await self.store.put(
            _used_key(code), self._seal(code, _USED, [sid, int(self.clock()), *bound]), REMEMBERED
        )
        if not _fits(bound, client, address, verifier):
            # The code is spent, so nobody will ever hold this session.
            await self.end(sid, "code_refused")
            raise BadCredential("a code for somebody else")
        return ticket

    async def _refuse_used(self, code: str, client: str, address: str, verifier: str) -> None:
        """A code that was used before. Who can prove that it is theirs shows that two hold it (RFC 6749, 4.1.2)."""
        sealed = await self.store.get(_used_key(code))
        if sealed is None:
            return
        sid, taken, *bound = self._opened(code, _USED, sealed)
        # Without the proof anybody who saw the address could sign the person out.
        if _fits(bound, client, address, verifier) and abs(self.clock() - taken) > TWICE:
            await self.end(sid, "code_reuse")
            raise TokenReused("a code was used again")

    def _seal(self, code: str, kind: bytes, members: list[str | int]) -> bytes:
        return self.sealer.seal(json.dumps(members).encode("ascii"), kind, binding=code.encode("ascii"))

    def _opened(self, code: str, kind: bytes, sealed: bytes) -> list[Any]:
        try:
            members: list[Any] = json.loads(self.sealer.open(sealed, kind, binding=code.encode("ascii")))
        except Unsealable:
            raise BadCredential("a code that does not open") from None
        return members


def _fits(bound: list[str], client: str, address: str, verifier: str) -> bool:
    """Whether who presents a code is whom it was made for."""
    to_client, to_address, challenge = bound
    return proves(verifier, challenge) and (to_client, to_address) == (client, address)


def _key(code: str) -> str:
    return f"code:{digest('code', code)}"


def _used_key(code: str) -> str:
    return f"code-used:{digest('code', code)}"
