"""The login: out to a provider, and back with an identity.

    begin:  return address → limits → departure → attempt stored, sealed → 303 to the provider
    finish: state → attempt taken (once) → provider and browser match → error? → issuer → token call → verified
            → admitted → who was to sign in again did, at the level → no loop → session with a new id and key
            → 303 to the return address

Nothing leaves this process for a callback whose state and browser do not match: a stranger can make the gateway
neither call a provider nor spend a code (RFC 9700 section 4.7; CVE-2017-1000069).
"""

import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from gateway.errors import AttemptUnknown, GatewayError, ProviderFault, StoreFault
from gateway.identity.presented import Head
from gateway.login.answer import check_error, parameters, the_code
from gateway.login.attempt import Attempt, Trace, check_browser, digest, is_secret
from gateway.login.attempts import Attempts
from gateway.login.browser import Browser
from gateway.login.concluding import Conclusion
from gateway.login.confirming import Confirming
from gateway.login.departing import Departing
from gateway.login.errand import FOR_CLIENT, LOGIN, REAUTHENTICATE, Errand
from gateway.login.hint import wants_again
from gateway.login.level import Level
from gateway.login.reauthentication import Reauthentication, age_asked_for, not_reached
from gateway.login.recent_logout import RecentLogout
from gateway.login.return_to import ReturnTo
from gateway.login.selection import Selection, Wish, places_of, read_login_hint
from gateway.login.telling import on_the_way, say, told
from gateway.login.visitors import Visitor, Visitors
from gateway.login.way import Choice, Client, Run, Way
from gateway.observe.events import Emit
from gateway.providers.provider import Arrival, ChecksPasswords, Provider, Redirects, SignedIn

PATIENCE = 20
"""Looks, a tenth of a second apart, for the end of a callback that came twice."""
MAX_ROUNDS = 1
"""How often a login begins again by itself."""


class ForClients(Protocol):
    """Ends logins that were begun for a client of ours: with a code, or with a word for what went wrong."""

    async def conclude(self, head: Head, signed_in: SignedIn, attempt: Attempt, client: Client) -> Way: ...

    def refusal(self, attempt: Attempt, error: GatewayError, decision_id: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Everything a login needs, wired once; it keeps nothing of a request (CVE-2026-33544).

    `passwords` are the providers whose people stay here and type; their logins go on in `password_login`.
    `clients` ends logins that were begun for clients of ours; `None` where none are registered.
    """

    providers: Mapping[str, Redirects]
    passwords: Mapping[str, ChecksPasswords] = field(default_factory=dict)
    selection: Selection
    conclusion: Conclusion
    attempts: Attempts
    departing: Departing
    confirming: Confirming
    visitors: Visitors
    return_to: ReturnTo
    recent_logout: RecentLogout
    run: Run
    emit: Emit
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[Any]]
    clients: ForClients | None = None

    async def enter(self, head: Head, wish: Wish, client: Client, decision_id: str) -> Way | Choice:
        """The login page: straight on where there is nothing to choose, else the choice.

        `wish.providers` is what the check knows of the rule: the providers whose login it looks at. Without one any
        login will do. The rule is not looked up here: a return address tells neither the client's network nor the
        policy that the proxy named, and another rule found by it would send the person in circles.
        """
        return_to = self.return_to.of_request(wish.return_to)
        login_hint, hinted = read_login_hint(wish.login_hint), self.selection.hinted(wish.providers)
        choice = self.choice(head, wish)
        only = choice.only
        with told(self.emit, only, client, decision_id), on_the_way(return_to):
            current = await self.visitors.current(head)
            # A login that has to be made anew: whoever has it is not led back, nor shown a choice that would do so.
            again = current is not None and wants_again(wish.providers)
            onward = None if again else await self._onward(head, current, return_to, hinted)
            if onward is not None:
                return onward
            why = "" if current else await self.visitors.why_over(head)
            # A hint does not shorten the pause after a logout: it came with the page, not from the person. Nor is
            # anybody led on who was signed out in the middle of their work, before they have read why.
            straight = again or not (why or await self.recent_logout.of(self.visitors.known_browser(head)))
            if only in self.providers and straight:
                errand = Errand(login_hint=login_hint, language=wish.language)
                return await self.departing.leave(head, only, return_to, client, errand)
        return replace(choice, user=current.session.latest.user if current else "", why=why)

    def choice(self, head: Head, wish: Wish) -> Choice:
        """What the login page offers for a wish, whoever asks."""
        return_to = self.return_to.of_request(wish.return_to)
        hinted, login_hint = self.selection.hinted(wish.providers), read_login_hint(wish.login_hint)
        names = self.selection.offered(hinted, return_to, login_hint)
        every: Mapping[str, Provider] = {**self.passwords, **self.providers}
        return Choice(
            self.selection.options([name for name in names if name in self.providers], every),
            return_to,
            self.conclusion.last_used.of(head),
            places=places_of([self.passwords[name] for name in names if name in self.passwords]),
        )

    async def begin(
        self,
        head: Head,
        provider: str,
        wish: Wish,
        client: Client,
        decision_id: str,
        *,
        purpose: str = LOGIN,
        level: Level | None = None,
    ) -> Way:
        """Leave for a provider. Of the request only the return address counts; scopes and prompts are ours.

        With `REAUTHENTICATE` the person of the session signs in again, at `level`; no request can ask for that or
        change it, only code of ours. Raises `LevelNotReached` where the provider could not prove it.
        """
        return_to = self.return_to.of_request(wish.return_to)
        with told(self.emit, provider, client, decision_id), on_the_way(return_to):
            if purpose == REAUTHENTICATE:
                again, wanted = Reauthentication(self.visitors), level or Level()
                if provider in self.passwords:
                    errand = await again.typed(head, provider, wanted)
                    return await self.confirming.leave(head, provider, return_to, client, errand)
                errand = await again.errand(head, self.providers[provider], wanted, wish.language)
                return await self.departing.leave(head, provider, return_to, client, errand)
            if purpose != LOGIN or level is not None:
                raise ValueError("only a reauthentication has a level, and there is no third purpose")
            # Who chose a provider for no page in particular wants to sign in with it, signed in or not.
            onward = None
            if not self.return_to.is_own(return_to):
                onward = await self._onward(head, await self.visitors.current(head), return_to, (provider,))
            errand = Errand(language=wish.language)
            return onward or await self.departing.leave(head, provider, return_to, client, errand)

    async def finish(self, head: Head, provider: str, query: bytes, client: Client, decision_id: str) -> Way:
        """Come back from a provider; raises what stops the login. Says how it ended, either way.

        A client of ours that waits at an address of its own is told there instead (RFC 6749 section 4.1.2.1).
        """
        try:
            with told(self.emit, provider, client, decision_id):
                way, subject = await self._finish(head, provider, parameters(query), client, decision_id)
        except GatewayError as error:
            if not error.told_to:
                raise
            return Way(error.told_to)
        say(self.emit, provider, "ok" if subject else "repeated", subject, client, decision_id)
        return way

    async def _finish(
        self, head: Head, provider: str, answer: Mapping[str, str], client: Client, decision_id: str
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
        trace = _trace_of(attempt)
        await self.attempts.leave(state, trace)
        try:
            with on_the_way(self.return_to.of_request(attempt.return_to)):
                return await self._sign_in(head, attempt, answer, client)
        except GatewayError as error:
            if attempt.purpose == FOR_CLIENT and self.clients is not None:
                error.told_to = self.clients.refusal(attempt, error, decision_id)
            raise
        finally:
            # Whoever waits for this callback waits two seconds at most; a fault here must not undo a login.
            with contextlib.suppress(StoreFault):
                await self.attempts.leave(state, replace(trace, over=True))

    async def _sign_in(
        self, head: Head, attempt: Attempt, answer: Mapping[str, str], client: Client
    ) -> tuple[Way, str]:
        signed_in = await self._signed_in(attempt, answer)
        self.conclusion.admit(signed_in.identity)
        if attempt.level is not None:
            await Reauthentication(self.visitors).check(head, attempt, attempt.level, signed_in.identity)
        if attempt.purpose == FOR_CLIENT:
            if self.clients is None:
                raise AttemptUnknown("tokens are no longer issued")
            return await self.clients.conclude(head, signed_in, attempt, client), signed_in.identity.key
        way = await self.conclusion.conclude(head, signed_in, attempt.browser, attempt.return_to, client)
        return way, signed_in.identity.key

    async def _signed_in(self, attempt: Attempt, answer: Mapping[str, str]) -> SignedIn:
        try:
            check_error(self.providers[attempt.provider], answer)
            return await self._arrive(attempt, answer)
        except ProviderFault as fault:
            unmet = not_reached(fault) if attempt.level is not None else None
            raise unmet or fault from None

    async def _arrive(self, attempt: Attempt, answer: Mapping[str, str]) -> SignedIn:
        provider, level = self.providers[attempt.provider], attempt.level
        arrival = Arrival(
            code=the_code(answer, provider.code_names),
            issuer=answer.get("iss"),
            nonce=attempt.nonce,
            verifier=attempt.verifier,
            redirect_uri=attempt.redirect_uri,
            max_age=age_asked_for(attempt, self.clock()),
            acr_values=level.acr_values if level else (),
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
        # A reauthentication never begins again by itself: as a plain login it would lower what the first has raised.
        if trace.purpose != LOGIN or await self.visitors.current(head) is not None:
            await self.conclusion.count(browser.mark)
            return Way(self.return_to.of_request(trace.return_to))
        if trace.round >= MAX_ROUNDS:
            raise AttemptUnknown("the attempt was used, and so was the one after it")
        errand = Errand(round=trace.round + 1)
        return await self.departing.leave(head, provider, trace.return_to, client, errand)

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

    async def _onward(
        self, head: Head, current: Visitor | None, return_to: str, wanted: Collection[str]
    ) -> Way | None:
        """Straight to the return address, for whom has a login of one of `wanted`; of anybody where that is empty."""
        if current is None:
            return None
        if wanted and not any(one.provider in wanted for one in current.session.identities):
            return None
        browser = self.visitors.known_browser(head)
        await self.conclusion.count(browser.mark if browser else digest("session", current.session.id))
        return Way(return_to)


def _trace_of(attempt: Attempt) -> Trace:
    """What stays of an attempt from now on; its callback is being answered."""
    return Trace(
        attempt.provider,
        attempt.return_to,
        attempt.browser,
        attempt.round,
        over=False,
        purpose=attempt.purpose,
    )
