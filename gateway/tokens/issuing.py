"""Pairs of tokens: issued at the end of a login, and exchanged for new ones while their session lives.

    refresh:  genuine? → its session is there → which token of the chain is it? → the provider's tokens made fresh
              → the chain goes on, in one compare-and-set → a new pair

The session is the one authority: what ends it ends its tokens, and nothing of them is written anywhere else.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.errors import BadCredential, StoreFault, TokenReused, Unsealable
from gateway.guard.rate_limit import RateLimit
from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import Ticket
from gateway.sessions.sealing import session_id
from gateway.sessions.session import Session, log_name
from gateway.tokens.access import AccessTokens
from gateway.tokens.chain import Chain, Use, begun
from gateway.tokens.chains import Chains, Kept
from gateway.tokens.refresh_token import Presented, read_refresh_token, refresh_token, token_id

TRIES = 5
"""Looks at a chain that others are exchanging tokens of: each further one because somebody was quicker."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A pair of tokens for a session; spans in seconds from now. `again`: it was given out before, a moment ago."""

    session: Session
    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(repr=False)
    refresh_expires_in: int
    client: str = ""
    again: bool = False


class LivingSessions(Protocol):
    """Of all sessions what issuing needs."""

    async def open(self, ticket: Ticket) -> Session | None: ...

    async def keep(self, session: Session) -> bool: ...

    async def end(self, ticket: Ticket, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """`ensure` makes the provider's tokens fresh, `is_over` knows of sign-outs that the store has not heard of yet;
    `pace` limits the refreshes of one session.

    `clients` are the names that are registered. `lifetime` of a refresh token and `idle`, the limit of sessions, in seconds.
    """

    ring: Keyring
    access: AccessTokens
    chains: Chains
    sessions: LivingSessions
    ensure: Callable[[Ticket, Session], Awaitable[Session | None]]
    is_over: Callable[[Ticket], bool]
    pace: RateLimit
    clients: frozenset[str]
    lifetime: float
    idle: float
    clock: Callable[[], float]

    async def begin(self, ticket: Ticket, session: Session, client: str = "") -> Issued:
        """The first pair of a session. Without its chain nothing is given out: `StoreFault`."""
        chain = begun(self.clock(), self.lifetime, client)
        await self.chains.begin(ticket, chain)
        return self._issued(ticket, session, chain)

    async def redeem(self, ticket: Ticket, client: str) -> Issued:
        """The first pair of a session that has waited for its code. `BadCredential` where it is over meanwhile."""
        session = await self.session_of(ticket)
        # The chain first: where it cannot be written nobody ever holds the session, which then is gone after its wait.
        issued = await self.begin(ticket, session, client)
        if not await self.sessions.keep(session):
            raise BadCredential("its session is over")
        return issued

    async def refresh(self, text: str) -> Issued:
        """A new pair for a refresh token, or the same one again for one that was exchanged a moment ago.

        Raises `BadCredential`: forged, over, or of a session that is; `TokenReused` for one that somebody has used
        before: then its session has ended; `Limited` for one session in too much of a hurry.
        """
        presented, now = read_refresh_token(self.ring, text), self.clock()
        await self.pace.take(log_name(session_id(presented.ticket)))
        session = await self.session_of(presented.ticket)
        # Judged before the provider is asked: an old token brings nobody a request.
        await self._kept(presented, now)
        fresh = await self.ensure(presented.ticket, session)
        if fresh is None:
            raise BadCredential("its session ended at the provider")
        return await self._exchange(presented, fresh, now)

    async def session_of(self, ticket: Ticket) -> Session:
        """The living session of a ticket; `BadCredential` where there is none."""
        session = None if self.is_over(ticket) else await self.sessions.open(ticket)
        if session is None:
            raise BadCredential("its session is over")
        return session

    async def _kept(self, presented: Presented, now: float) -> tuple[Kept, Use]:
        kept = await self.chains.read(presented.ticket)
        use = kept.chain.use(presented.counter, now) if kept else Use.OVER
        if use is Use.REUSE:
            # Two hold what one was given, and nobody can say which of them is the thief.
            await self.sessions.end(presented.ticket, "refresh_reuse")
            raise TokenReused("a refresh token was used again")
        if kept is None or use is Use.OVER:
            raise BadCredential("a refresh token that is over")
        if kept.chain.client and kept.chain.client not in self.clients:
            raise BadCredential("a client that has left the configuration")
        return kept, use

    async def _exchange(self, presented: Presented, session: Session, now: float) -> Issued:
        for _ in range(TRIES):
            kept, use = await self._kept(presented, now)
            if use is Use.RETRY:
                return self._issued(presented.ticket, session, kept.chain, again=True)
            chain = kept.chain.after(presented.counter, self.clock(), self.lifetime)
            if await self.chains.replace(presented.ticket, kept, chain):
                return self._issued(presented.ticket, session, chain)
        raise StoreFault("a refresh token is exchanged by too many at once")

    def _issued(self, ticket: Ticket, session: Session, chain: Chain, *, again: bool = False) -> Issued:
        # Everything follows from the chain: whoever asks again within the window gets the very same pair.
        now = self.clock()
        try:
            successor = refresh_token(self.ring, ticket, chain.counter)
        except Unsealable:
            raise BadCredential("a refresh token of a key that is gone") from None
        name = token_id(ticket, chain.counter)
        ends = min(chain.ends, session.absolute_end, session.seen + self.idle)
        return Issued(
            session=session,
            access_token=self.access.issue(session, chain.given, name, chain.client),
            expires_in=max(int(self.access.ends(session, chain.given) - now), 0),
            refresh_token=successor,
            refresh_expires_in=max(int(ends - now), 0),
            client=chain.client,
            again=again,
        )
