"""A JSON login: a name and a password in, a session and its tokens out, with the cookie only where that is asked for."""

from dataclasses import dataclass, field
from typing import Protocol

from gateway.errors import Malformed
from gateway.identity.presented import Head
from gateway.login.familiar import Familiar
from gateway.login.telling import locks_as_limits, say, told
from gateway.login.tries import Caller
from gateway.login.visitors import Visitors
from gateway.login.way import Client
from gateway.observe.events import Emit
from gateway.providers.provider import SignedIn
from gateway.sessions.device import device_of
from gateway.tokens.issuing import Issued, Issuing


class ChecksAll(Protocol):
    """The service of `login.passwords`."""

    async def check(
        self, provider: str, typed: str, domain: str, password: str, client: Client, caller: Caller
    ) -> SignedIn: ...

    def account(self, provider: str, typed: str, domain: str) -> str: ...

    def mark(self, provider: str, typed: str, domain: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Typed:
    """What a client sends for a person; `cookie`: a browser that is to have the session's cookie as well."""

    provider: str
    domain: str
    name: str = field(repr=False)
    password: str = field(repr=False)
    cookie: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningIn:
    """`providers` are those that take passwords, by name; `comes_back` as in `PasswordLimits`."""

    passwords: ChecksAll
    familiar: Familiar
    comes_back: float
    providers: tuple[str, ...]
    visitors: Visitors
    issuing: Issuing
    emit: Emit

    async def sign_in(
        self, head: Head, typed: Typed, client: Client, decision_id: str
    ) -> tuple[Issued, tuple[str, ...]]:
        """The tokens, and the `Set-Cookie` values. Says how the login ended, either way."""
        provider = self._provider(typed.provider)
        mark = self.passwords.mark(provider, typed.name, typed.domain)
        trace = {"account": mark} if mark else {}
        account = self.passwords.account(provider, typed.name, typed.domain)
        caller = Caller.KNOWN if self.familiar.knows(head, account) else Caller.PERSON
        with (
            locks_as_limits(self.comes_back),
            told(self.emit, provider, client, decision_id, trace),
        ):
            signed_in = await self.passwords.check(
                provider, typed.name, typed.domain, typed.password, client, caller
            )
            issued, cookies = await self._begin(head, signed_in, client, cookie=typed.cookie)
        if typed.cookie:
            cookies = (*cookies, self.familiar.cookie(head, account))
        subject = signed_in.identity.key
        say(self.emit, provider, "ok", subject, client, decision_id, trace=trace)
        return issued, cookies

    def _provider(self, named: str) -> str:
        if not named and len(self.providers) == 1:
            return self.providers[0]
        # What is sent is not repeated anywhere, the log included: it may be anything.
        if named not in self.providers:
            raise Malformed("member_provider")
        return named

    async def _begin(
        self, head: Head, signed_in: SignedIn, client: Client, *, cookie: bool
    ) -> tuple[Issued, tuple[str, ...]]:
        device, sessions = device_of(head, client.address), self.visitors.sessions
        if not cookie:
            begun = await sessions.begin(signed_in.identity, signed_in.grant, device=device)
            return await self.issuing.begin(begun.ticket, begun.session), ()
        browser, joins = self.visitors.browser(head), self.visitors.ticket(head)
        begun = await sessions.begin(signed_in.identity, signed_in.grant, joins, browser.mark, device)
        cookies = (self.visitors.session_cookie(begun.cookie), self.visitors.browser_cookie(browser))
        return await self.issuing.begin(begun.ticket, begun.session), cookies
