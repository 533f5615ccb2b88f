"""Chains in the store: one small sealed value beside the record of each session that has tokens.

Beside it and not in it, for the reason that keeps the activity there: the record's compare-and-set belongs to the
refresh at the provider, and neither may make the other fail.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.errors import Unsealable
from gateway.keys.keyring import Keyring
from gateway.keys.seal import Sealer
from gateway.sessions.cookie import Ticket
from gateway.sessions.records import SLACK
from gateway.sessions.sealing import chain_key, session_id
from gateway.storage.store import Store
from gateway.tokens.chain import Chain, parsed, plain


@dataclass(frozen=True, slots=True)
class Kept:
    """A chain as it stands in the store; `sealed` is what a replacement has to meet."""

    chain: Chain
    sealed: bytes = field(repr=False)


class Chains:
    """Reads and writes chains, under keys that only their tickets yield. `clock` gives Unix seconds."""

    def __init__(
        self,
        store: Store,
        ring: Keyring,
        deployment: str,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._sealer = Sealer(ring, "refresh-chain/v1", random)
        self._deployment = deployment
        self._clock = clock

    async def begin(self, ticket: Ticket, chain: Chain) -> None:
        """Write the chain of a new session."""
        sid = session_id(ticket)
        await self._store.put(chain_key(sid), self._seal(ticket, sid, chain), self._ttl(chain))

    async def read(self, ticket: Ticket) -> Kept | None:
        """The chain of a session; `None` where there is none, or where it does not open."""
        sid = session_id(ticket)
        sealed = await self._store.get(chain_key(sid))
        if sealed is None:
            return None
        try:
            raw = self._sealer.open(sealed, self._aad(sid), binding=ticket.secret, salt=sid.encode("ascii"))
            return Kept(parsed(raw), sealed)
        except Unsealable:
            return None

    async def replace(self, ticket: Ticket, before: Kept, chain: Chain) -> bool:
        """Write `chain` in the place of what was read; whether nobody else was quicker."""
        sid = session_id(ticket)
        sealed = self._seal(ticket, sid, chain)
        return await self._store.replace(chain_key(sid), before.sealed, sealed, self._ttl(chain))

    def _seal(self, ticket: Ticket, sid: str, chain: Chain) -> bytes:
        return self._sealer.seal(
            plain(chain), self._aad(sid), binding=ticket.secret, salt=sid.encode("ascii")
        )

    def _aad(self, sid: str) -> bytes:
        return f"sess/v1|{self._deployment}|{sid}|chain".encode()

    def _ttl(self, chain: Chain) -> float:
        return max(chain.ends - self._clock(), 0.0) + SLACK
