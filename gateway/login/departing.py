"""The departure: from a browser that wants to sign in to one that is on its way to a provider."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.errors import Malformed
from gateway.identity.presented import Head
from gateway.login.attempt import Attempt, fitted, new_secret
from gateway.login.attempts import Attempts
from gateway.login.errand import FOR_CLIENT, Errand
from gateway.login.level import Level
from gateway.login.return_to import ReturnTo
from gateway.login.visitors import Visitors
from gateway.login.way import Client, Run, Way
from gateway.providers.provider import Departure, Redirects

_NO_LEVEL = Level()


@dataclass(frozen=True, slots=True, kw_only=True)
class Departing:
    """Sends browsers to providers. It keeps nothing of a request: what must be remembered is the attempt, sealed."""

    providers: Mapping[str, Redirects]
    attempts: Attempts
    visitors: Visitors
    return_to: ReturnTo
    run: Run
    clock: Callable[[], float]
    random: Callable[[int], bytes] = field(repr=False)

    async def leave(self, head: Head, provider: str, asked_for: str, client: Client, errand: Errand) -> Way:
        """Limits, then the provider's own address, then the attempt. Raises what stops any of them."""
        await self.attempts.admit(client.prefix)
        browser = self.visitors.browser(head)
        state, nonce, verifier = [new_secret(self.random) for _ in range(3)]
        # The callback's host is configured and never heard from a request (CVE-2024-21498).
        redirect_uri = f"{self.return_to.public_url}/auth/{provider}/callback"
        departing = self.providers[provider].depart(redirect_uri, state, nonce, verifier, errand.parameters())
        departure = await self.run(departing, provider=provider)
        # A client's address was held against those that are registered for it, and is none of a protected host.
        for_client = errand.purpose == FOR_CLIENT
        return_to = asked_for if for_client else self.return_to.of_request(asked_for)
        attempt = self._attempt(provider, departure, redirect_uri, return_to, browser.mark, errand)
        kept = fitted(attempt, self.return_to.fallback)
        if for_client and kept != attempt:
            raise Malformed("request_too_long")
        await self.attempts.open(state, kept, client.prefix)
        return Way(departure.url, (self.visitors.browser_cookie(browser),))

    def _attempt(
        self,
        provider: str,
        departure: Departure,
        redirect_uri: str,
        return_to: str,
        browser: str,
        errand: Errand,
    ) -> Attempt:
        level = errand.level or _NO_LEVEL
        return Attempt(
            provider=provider,
            nonce=departure.nonce,
            verifier=departure.verifier,
            redirect_uri=redirect_uri,
            return_to=return_to,
            browser=browser,
            created=int(self.clock()),
            round=errand.round,
            purpose=errand.purpose,
            person=errand.person,
            max_age=level.max_age,
            acr_values=" ".join(level.acr_values),
            client=errand.client,
            challenge=errand.challenge,
            client_state=errand.client_state,
        )
