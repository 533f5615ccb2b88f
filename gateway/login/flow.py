"""The login: out to a provider, and back with an identity.

    begin:  return address → limits → departure → attempt stored, sealed → 303 to the provider
    finish: state → attempt taken (once) → provider and browser match → error? → issuer → token call → verified
            → admitted → no loop → session with a new id and key → 303 to the return address

Nothing leaves this process for a callback whose state and browser do not match: a stranger can make the gateway
neither call a provider nor spend a code (RFC 9700 section 4.7; CVE-2017-1000069).
"""

import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from gateway.errors import (
    AttemptUnknown,
    GatewayError,
    Limited,
    LoginLoop,
    NotAllowed,
    ProviderFault,
    StoreFault,
)
from gateway.guard.rate_limit import RateLimit
from gateway.identity.identity import Identity
from gateway.identity.presented import Head
from gateway.login.answer import check_error, parameters, the_code
from gateway.login.attempt import Attempt, Trace, check_browser, digest, fitted, is_secret, new_secret
from gateway.login.attempts import Attempts
from gateway.login.browser import Browser
from gateway.login.hint import read_hint
from gateway.login.recent_logout import RecentLogout
from gateway.login.return_to import ReturnTo
from gateway.login.visitors import Visitors
from gateway.observe.events import Alarm, Emit, LoginFinished
from gateway.providers.provider import Arrival, Redirects, SignedIn
from gateway.providers.provider import Flow as ProviderFlow
from gateway.sessions.device import device_of

T = TypeVar("T")

PATIENCE = 20
"""Looks, a tenth of a second apart, for the end of a callback that came twice."""
MAX_ROUNDS = 1
"""How often a login begins again by itself."""


class Run(Protocol):
    """Drives a provider's flow against the network, within a deadline."""

    async def __call__(self, flow: ProviderFlow[T], *, provider: str) -> T: ...


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, for limits and events: `address` for the log, `prefix` as the key of limits."""

    address: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Way:
    """Where the browser goes next, and the `Set-Cookie` values it takes along."""

    location: str
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """The providers that a person may choose among: (name, title) each."""

    options: tuple[tuple[str, str], ...]
    return_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Everything a login needs, wired once; it keeps nothing of a request (CVE-2026-33544).

    `admits` says whether the provider's `allow:` lists a person.
    """

    providers: Mapping[str, Redirects]
    admits: Callable[[Identity], bool]
    attempts: Attempts
    visitors: Visitors
    return_to: ReturnTo
    loops: RateLimit
    recent_logout: RecentLogout
    run: Run
    emit: Emit
    clock: Callable[[], float]
    random: Callable[[int], bytes]
    sleep: Callable[[float], Awaitable[Any]]

    async def enter(
        self, head: Head, asked_for: str, hint: str, client: Client, decision_id: str
    ) -> Way | Choice:
        """The login page: straight on where there is nothing to choose, else the choice.

        `hint` is what the check knows of the rule: the providers whose login it looks at. Without one any login will
        do. The rule is not looked up here: a return address tells neither the client's network nor the policy that
        the proxy named, and another rule found by it would send the person in circles.
        """
        return_to = self.return_to.of_request(asked_for)
        hinted = read_hint(hint, self.providers)
        names = tuple([name for name in self.providers if name in hinted]) or tuple(self.providers)
        only = names[0] if len(names) == 1 else ""
        with self._told(only, client, decision_id):
            onward = await self._onward(head, return_to, hinted)
            if onward is not None:
                return onward
            # A hint does not shorten the pause after a logout: it came with the page, not from the person.
            if only and not await self.recent_logout.of(self.visitors.known_browser(head)):
                return await self._depart(head, only, return_to, client)
        return Choice(tuple([(name, self.providers[name].title) for name in names]), return_to)

    async def begin(self, head: Head, provider: str, asked_for: str, client: Client, decision_id: str) -> Way:
        """Leave for a provider. Of the request only the return address counts; scopes and prompts are ours."""
        return_to = self.return_to.of_request(asked_for)
        with self._told(provider, client, decision_id):
            # Who chose a provider for no page in particular wants to sign in with it, signed in or not.
            onward = None
            if not self.return_to.is_own(return_to):
                onward = await self._onward(head, return_to, (provider,))
            return onward or await self._depart(head, provider, return_to, client)

    async def finish(self, head: Head, provider: str, query: bytes, client: Client, decision_id: str) -> Way:
        """Come back from a provider; raises what stops the login. Says how it ended, either way."""
        with self._told(provider, client, decision_id):
            way, subject = await self._finish(head, provider, parameters(query), client)
        self._say(provider, "ok" if subject else "repeated", subject, client, decision_id)
        return way

    async def _finish(
        self, head: Head, provider: str, answer: Mapping[str, str], client: Client
    ) -> tuple[Way, str]:
        state = answer.get("state", "")
        # A state of another form was never ours; above all the empty one equals no empty one (CVE-2026-61687).
        if not is_secret(state):
            raise AttemptUnknown("the callback has no usable state")
        browser = self.visitors.known_browser(head)
        attempt = await self.attempts.take(state)
        if attempt is None:
            return await self._repeated(head, provider, state, browser, client), ""
        if attempt.provider != provider:
            raise AttemptUnknown("the attempt was begun at another provider")
        check_browser(attempt, browser.mark if browser else "")
        trace = Trace(provider, attempt.return_to, attempt.browser, attempt.round, over=False)
        await self.attempts.leave(state, trace)
        try:
            return await self._sign_in(head, attempt, answer, client)
        finally:
            # Whoever waits for this callback waits two seconds at most; a fault here must not undo a login.
            with contextlib.suppress(StoreFault):
                await self.attempts.leave(state, replace(trace, over=True))

    async def _sign_in(
        self, head: Head, attempt: Attempt, answer: Mapping[str, str], client: Client
    ) -> tuple[Way, str]:
        check_error(attempt.provider, answer)
        signed_in = await self._arrive(attempt, answer)
        if not self.admits(signed_in.identity):
            raise NotAllowed(signed_in.identity.key, "is not among those whom `allow:` lists")
        await self._count(attempt.browser)
        # Whatever cookie came along, the session has a new id and a new key: a planted one is worth nothing.
        begun = await self.visitors.sessions.begin(
            signed_in.identity,
            signed_in.grant,
            self.visitors.ticket(head),
            attempt.browser,
            device_of(head, client.address),
        )
        # Judged once more: an address that was fine ten minutes ago may have left the configuration.
        way = Way(self.return_to.of_request(attempt.return_to), (self.visitors.session_cookie(begun.cookie),))
        return way, signed_in.identity.key

    async def _arrive(self, attempt: Attempt, answer: Mapping[str, str]) -> SignedIn:
        provider = self.providers[attempt.provider]
        arrival = Arrival(
            code=the_code(answer),
            issuer=answer.get("iss"),
            nonce=attempt.nonce,
            verifier=attempt.verifier,
            redirect_uri=attempt.redirect_uri,
        )
        await self.run(provider.check_arrival(arrival), provider=attempt.provider)
        return await self.run(provider.arrive(arrival, int(self.clock())), provider=attempt.provider)

    async def _repeated(
        self, head: Head, provider: str, state: str, browser: Browser | None, client: Client
    ) -> Way:
        """A callback whose attempt is gone: the back button, a double click, or somebody who guesses."""
        await self.attempts.admit(client.prefix)
        trace = await self._awaited_trace(state) if browser else None
        if trace is None or browser is None or trace.provider != provider:
            raise AttemptUnknown("no such attempt")
        check_browser(trace, browser.mark)
        if await self.visitors.current(head) is not None:
            await self._count(browser.mark)
            return Way(self.return_to.of_request(trace.return_to))
        if trace.round >= MAX_ROUNDS:
            raise AttemptUnknown("the attempt was used, and so was the one after it")
        return await self._depart(head, provider, trace.return_to, client, trace.round + 1)

    async def _awaited_trace(self, state: str) -> Trace | None:
        """The trace of an attempt, once its callback is answered or two seconds have passed."""
        trace = await self.attempts.trace(state)
        for look in range(PATIENCE):
            # An attempt is taken a moment before its trace is written: look three times before believing in none.
            if trace.over if trace else look >= 3:
                break
            await self.sleep(0.1)
            trace = await self.attempts.trace(state)
        return trace

    async def _depart(
        self, head: Head, provider: str, asked_for: str, client: Client, number: int = 0
    ) -> Way:
        await self.attempts.admit(client.prefix)
        return_to, browser = self.return_to.of_request(asked_for), self.visitors.browser(head)
        state, nonce, verifier = [new_secret(self.random) for _ in range(3)]
        # The callback's host is configured and never heard from a request (CVE-2024-21498).
        redirect_uri = f"{self.return_to.public_url}/auth/{provider}/callback"
        departing = self.providers[provider].depart(redirect_uri, state, nonce, verifier, {})
        departure = await self.run(departing, provider=provider)
        attempt = Attempt(
            provider=provider,
            nonce=departure.nonce,
            verifier=departure.verifier,
            redirect_uri=redirect_uri,
            return_to=return_to,
            browser=browser.mark,
            created=int(self.clock()),
            round=number,
        )
        await self.attempts.open(state, fitted(attempt, self.return_to.fallback), client.prefix)
        return Way(departure.url, (self.visitors.browser_cookie(browser),))

    async def _onward(self, head: Head, return_to: str, wanted: Collection[str]) -> Way | None:
        """Straight to the return address, for whom has a login of one of `wanted`; of anybody where that is empty."""
        current = await self.visitors.current(head)
        if current is None:
            return None
        if wanted and not any(one.provider in wanted for one in current.session.identities):
            return None
        browser = self.visitors.known_browser(head)
        await self._count(browser.mark if browser else digest("session", current.session.id))
        return Way(return_to)

    async def _count(self, browser: str) -> None:
        """Count a success of a browser. One that keeps coming back loses its session cookie on the way."""
        try:
            await self.loops.take(browser)
        except Limited as limited:
            raise LoginLoop(f"signed in too often in a minute, next in {limited.retry_after:.0f} s") from None

    @contextlib.contextmanager
    def _told(self, provider: str, client: Client, decision_id: str) -> Iterator[None]:
        """Tell of whatever stops a login, at its beginning too: the page shows a reference, the log has to know it."""
        try:
            yield
        except GatewayError as error:
            subject = error.subject if isinstance(error, NotAllowed) else ""
            self._say(provider, error.code, subject, client, decision_id, str(error))
            if isinstance(error, ProviderFault) and error.remedy:
                self.emit(Alarm(error.code, str(error)))
            raise

    def _say(
        self, provider: str, outcome: str, subject: str, client: Client, decision_id: str, detail: str = ""
    ) -> None:
        self.emit(LoginFinished(provider, outcome, subject, client.address, decision_id, detail))
