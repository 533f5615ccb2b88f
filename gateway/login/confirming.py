"""Signing in again with a password: the attempt stays here instead of going to a provider and back.

It is the same attempt as a redirect's, sealed, bound to the browser and for one use; only its form comes from us. A
wrong password leaves it as it is, for as long as attempts live, so that who mistypes need not begin anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.errors import AttemptUnknown
from gateway.identity.identity import Identity
from gateway.identity.presented import Head
from gateway.login.attempt import Attempt, check_browser, fitted, is_secret, new_secret
from gateway.login.attempts import Attempts
from gateway.login.errand import Errand
from gateway.login.level import Level
from gateway.login.reauthentication import Reauthentication
from gateway.login.return_to import ReturnTo
from gateway.login.visitors import Visitors
from gateway.login.way import Client, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirming:
    """Begins reauthentications at providers whose passwords are typed here, and ends them."""

    attempts: Attempts
    visitors: Visitors
    return_to: ReturnTo
    clock: Callable[[], float]
    random: Callable[[int], bytes] = field(repr=False)

    async def leave(self, head: Head, provider: str, return_to: str, client: Client, errand: Errand) -> Way:
        """To the login page, which asks the person of the errand for the password."""
        await self.attempts.admit(client.prefix)
        browser, state = self.visitors.browser(head), new_secret(self.random)
        attempt = Attempt(
            provider=provider,
            nonce="",
            verifier="",
            redirect_uri="",
            return_to=return_to,
            browser=browser.mark,
            created=int(self.clock()),
            purpose=errand.purpose,
            person=errand.person,
            max_age=errand.level.max_age if errand.level else 0,
        )
        await self.attempts.open(state, fitted(attempt, self.return_to.fallback), client.prefix)
        address = f"{self.return_to.public_url}/auth/login?attempt={state}"
        return Way(address, (self.visitors.browser_cookie(browser),))

    async def look(self, head: Head, state: str) -> Attempt:
        """The attempt of a form. `AttemptUnknown` where it has run out; `AttemptNotYours` in another browser."""
        return self._of_this_browser(head, await self.attempts.look(state) if is_secret(state) else None)

    async def finish(self, head: Head, state: str, found: Identity) -> Attempt:
        """Use the attempt up, once the password was right; raises what `Reauthentication.check` raises."""
        attempt = self._of_this_browser(head, await self.attempts.take(state))
        await Reauthentication(self.visitors).check(head, attempt, attempt.level or Level(), found)
        return attempt

    def _of_this_browser(self, head: Head, attempt: Attempt | None) -> Attempt:
        # An attempt of a redirect has a verifier, and ends at its provider alone.
        if attempt is None or attempt.level is None or attempt.verifier:
            raise AttemptUnknown("no such attempt")
        browser = self.visitors.known_browser(head)
        check_browser(attempt, browser.mark if browser else "")
        return attempt
