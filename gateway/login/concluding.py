"""The end of every login, by whichever way the person was found: a session, its cookie, and the way on."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import Limited, LoginLoop, NotAllowed
from gateway.guard.rate_limit import RateLimit
from gateway.identity.identity import Identity
from gateway.identity.presented import Head
from gateway.login.last_used import LastUsed
from gateway.login.return_to import ReturnTo
from gateway.login.visitors import Visitors
from gateway.login.way import Client, Way
from gateway.providers.provider import SignedIn
from gateway.sessions.device import device_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """`admits` says whether the provider's `allow:` lists a person; `loops` limits the successes of a browser."""

    admits: Callable[[Identity], bool]
    visitors: Visitors
    last_used: LastUsed
    return_to: ReturnTo
    loops: RateLimit

    def admit(self, identity: Identity) -> None:
        """Return for a welcome person; `NotAllowed` for any other."""
        if not self.admits(identity):
            raise NotAllowed(identity.key, "is not among those whom `allow:` lists")

    async def conclude(
        self, head: Head, signed_in: SignedIn, browser: str, return_to: str, client: Client
    ) -> Way:
        """Begin the session of a person who was admitted; `browser` is the mark of theirs. `LoginLoop` for circles."""
        await self.count(browser)
        # Whatever cookie came along, the session has a new id and a new key: a planted one is worth nothing.
        begun = await self.visitors.sessions.begin(
            signed_in.identity,
            signed_in.grant,
            self.visitors.ticket(head),
            browser,
            device_of(head, client.address),
        )
        # Judged once more: an address that was fine ten minutes ago may have left the configuration.
        cookies = (
            self.visitors.session_cookie(begun.cookie),
            self.last_used.cookie(signed_in.identity.provider),
        )
        return Way(self.return_to.of_request(return_to), cookies)

    async def count(self, browser: str) -> None:
        """Count a success of a browser. One that keeps coming back loses its session cookie on the way."""
        try:
            await self.loops.take(browser)
        except Limited as limited:
            raise LoginLoop(f"signed in too often in a minute, next in {limited.retry_after:.0f} s") from None
