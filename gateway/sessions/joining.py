"""What a login takes along of the session that it joins: the tokens, in a moment when nobody spends them.

A refresh of that session may be in the air. It would find no record to write to, and the token that we had copied
would be spent. So the mover takes the lease first, as a refresh does: whoever holds it writes before we look, and
nobody asks while the tokens move. The lease is not given back: it ends with the record.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.sessions.lease import Lease, Leases
from gateway.sessions.schedule import lease_time
from gateway.sessions.session import Grants, Session
from gateway.storage.store import Turn

LOOKS = 3
"""Each further one because somebody has written meanwhile."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The session as it was looked at. `doubtful`: one of the tokens may be spent, or be spent at this moment."""

    session: Session | None = None
    grants: Grants = field(default_factory=dict, repr=False)
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Joining:
    """`open` and `grants` read the session that is joined."""

    open: Callable[[], Awaitable[Session | None]]
    grants: Callable[[Session], Awaitable[Grants]]
    leases: Leases

    async def look(self, moves: Callable[[Session], frozenset[str]]) -> Joined:
        """`moves` says which providers' logins will move. Waits for a refresh in the air, though not for long."""
        for _ in range(LOOKS):
            session = await self.open()
            if session is None:
                return Joined()
            found, names = await self.grants(session), moves(session)
            grants = {name: grant for name, grant in found.items() if name in names}
            if not any(grant.renewable for grant in grants.values()):
                return Joined(session, grants)
            turn = await self.leases.take(session, lease_time(0.0), urgent=True)
            if isinstance(turn, Lease):
                return Joined(session, grants, turn.ambiguous)
            if turn not in {Turn.NEWER, Turn.GONE}:
                break
        # Somebody is asking, or a try has failed and nobody knows what came of it. A new record would know nothing
        # of that, and take the first refusal for a verdict.
        return Joined(session, grants, doubtful=True)
