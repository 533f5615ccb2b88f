"""One-time codes: how a redirect login hands a session to a client without a token in an address.

A code is 32 random bytes. The store holds, under its digest and sealed with a key that is derived from it, whose
session it stands for and what it is bound to: client, return address, challenge. It is taken once, and lives a minute.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.errors import BadCredential, TokenReused, Unsealable
from gateway.keys.seal import Sealer
from gateway.login.attempt import digest, is_secret, new_secret
from gateway.sessions.cookie import Ticket
from gateway.storage.store import Store
from gateway.tokens.clients import ForClient, proves

LIFETIME = 60.0
REMEMBERED = 600.0
"""Seconds for which a used code is known by."""
TWICE = 10
"""Seconds in which a code that comes again is a page that was loaded twice, and no thief."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What stands behind a code; `taken` is when it was used, in Unix seconds, 0 before."""

    ticket: Ticket
    wanted: ForClient
    taken: int = 0

    def fits(self, client: str, address: str, verifier: str) -> bool:
        """Whether who presents the code is whom it was made for."""
        mine = (self.wanted.client, self.wanted.address) == (client, address)
        return proves(verifier, self.wanted.challenge) and mine


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Makes and takes codes. `end` ends a session, with a reason. `random` as `secrets.token_bytes`."""

    store: Store
    sealer: Sealer
    end: Callable[[Ticket, str], Awaitable[None]]
    clock: Callable[[], float]
    random: Callable[[int], bytes] = field(repr=False)

    async def make(self, ticket: Ticket, wanted: ForClient) -> str:
        """A code for a session that was begun for a client."""
        code = new_secret(self.random)
        await self.store.put(_key(code), self._seal(code, Bound(ticket, wanted)), LIFETIME)
        return code

    async def take(self, code: str, client: str, address: str, verifier: str) -> Bound:
        """What a code stands for, once. `BadCredential` for any other; `TokenReused` where that ended a session."""
        if not is_secret(code):
            raise BadCredential("not of the form of a code")
        sealed = await self.store.take(_key(code))
        if sealed is None:
            await self._refuse_used(code, client, address, verifier)
            raise BadCredential("no such code")
        bound = self._open(code, sealed)
        used = Bound(bound.ticket, bound.wanted, int(self.clock()))
        await self.store.put(_used_key(code), self._seal(code, used), REMEMBERED)
        if not bound.fits(client, address, verifier):
            # The code is spent, so nobody will ever hold this session.
            await self.end(bound.ticket, "code_refused")
            raise BadCredential("a code for somebody else")
        return bound

    async def _refuse_used(self, code: str, client: str, address: str, verifier: str) -> None:
        """A code that was used before. Who can prove that it is theirs shows that two hold it (RFC 6749, 4.1.2)."""
        sealed = await self.store.get(_used_key(code))
        if sealed is None:
            return
        used = self._open(code, sealed)
        # Without the proof anybody who saw the address could sign the person out.
        if used.fits(client, address, verifier) and abs(self.clock() - used.taken) > TWICE:
            await self.end(used.ticket, "code_reuse")
            raise TokenReused("a code was used again")

    def _seal(self, code: str, bound: Bound) -> bytes:
        ticket, wanted = bound.ticket, bound.wanted
        secret = b64encode(ticket.secret).decode("ascii")
        members = [
            ticket.kid,
            ticket.issued,
            secret,
            wanted.client,
            wanted.address,
            wanted.challenge,
            bound.taken,
        ]
        return self.sealer.seal(json.dumps(members).encode("ascii"), b"code/v1", binding=code.encode("ascii"))

    def _open(self, code: str, sealed: bytes) -> Bound:
        try:
            raw = self.sealer.open(sealed, b"code/v1", binding=code.encode("ascii"))
            kid, issued, secret, client, address, challenge, taken = json.loads(raw)
            ticket = Ticket(kid, issued, b64decode(secret))
        except (Unsealable, ValueError, TypeError):
            raise BadCredential("a code that does not open") from None
        return Bound(ticket, ForClient(client, address, challenge), taken)


def _key(code: str) -> str:
    return f"code:{digest('code', code)}"


def _used_key(code: str) -> str:
    return f"code-used:{digest('code', code)}"
