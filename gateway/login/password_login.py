"""A login by name and password, from what was typed to the way on; the counterpart of `Flow.finish`.

What was typed is told to nobody. The log has the account's mark (`Passwords.mark`), and the person once they are one.
"""

from dataclasses import dataclass, field, replace

from gateway.errors import AttemptUnknown
from gateway.identity.presented import Head
from gateway.login.browser import Browser
from gateway.login.concluding import Conclusion
from gateway.login.confirming import Confirming
from gateway.login.familiar import Familiar
from gateway.login.passwords import Passwords
from gateway.login.return_to import ReturnTo
from gateway.login.telling import locks_as_limits, on_the_way, say, told
from gateway.login.tries import Caller
from gateway.login.way import Client, Way
from gateway.observe.events import Emit


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person typed, and where: `provider` and `domain` were chosen, any of it may be junk.

    `attempt` is the state of a reauthentication, "" for a login.
    """

    provider: str
    domain: str
    name: str = field(repr=False)
    password: str = field(repr=False)
    return_to: str
    attempt: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordLogin:
    """Signs people in who typed a name and a password; `comes_back` as in `PasswordLimits`."""

    passwords: Passwords
    familiar: Familiar
    confirming: Confirming
    conclusion: Conclusion
    return_to: ReturnTo
    emit: Emit
    comes_back: float

    async def sign_in(
        self, head: Head, entry: Entry, browser: Browser, client: Client, decision_id: str
    ) -> Way:
        """The way on, with the cookies of a new session; raises what stops the login. Says how it ended, either way."""
        # The name of a provider is a word of ours, or it is not repeated.
        provider = entry.provider if entry.provider in self.passwords.providers else ""
        mark = self.passwords.mark(provider, entry.name, entry.domain)
        trace = {"account": mark} if mark else {}
        return_to = self.return_to.of_request(entry.return_to)
        with (
            on_the_way(return_to),
            locks_as_limits(self.comes_back),
            told(self.emit, provider, client, decision_id, trace),
        ):
            way, subject = await self._sign_in(head, entry, browser, client)
        say(self.emit, provider, "ok", subject, client, decision_id, trace=trace)
        return way

    async def _sign_in(self, head: Head, entry: Entry, browser: Browser, client: Client) -> tuple[Way, str]:
        # Before the directory is asked: an attempt that is over costs nobody a try.
        provider, return_to = entry.provider, entry.return_to
        if entry.attempt:
            attempt = await self.confirming.look(head, entry.attempt)
            if attempt.provider != provider:
                raise AttemptUnknown("the attempt was begun at another provider")
            return_to = attempt.return_to
        account = self.passwords.account(provider, entry.name, entry.domain)
        caller = Caller.KNOWN if self.familiar.knows(head, account) else Caller.PERSON
        signed_in = await self.passwords.check(
            provider, entry.name, entry.domain, entry.password, client, caller
        )
        if entry.attempt:
            await self.confirming.finish(head, entry.attempt, signed_in.identity)
        way = await self.conclusion.conclude(head, signed_in, browser.mark, return_to, client)
        device = self.familiar.cookie(head, account)
        return replace(way, cookies=(*way.cookies, device)), signed_in.identity.key
