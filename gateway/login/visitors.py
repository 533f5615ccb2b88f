"""Who stands at the login door: the session that a request presents, and the browser it comes from."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.identity.presented import Head
from gateway.keys.keyring import Keyring
from gateway.login.browser import Browser, browser_cookie, browser_of, known_browser
from gateway.sessions.cookie import CookieSpec, Ticket, clear_cookie, read_ticket, set_cookie
from gateway.sessions.session import Session
from gateway.sessions.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a live session."""

    ticket: Ticket = field(repr=False)
    session: Session


@dataclass(frozen=True, slots=True)
class Visitors:
    """Reads both cookies of ours, and writes them."""

    sessions: Sessions
    ring: Keyring
    session_spec: CookieSpec
    browser_spec: CookieSpec
    clock: Callable[[], float]
    random: Callable[[int], bytes] = field(repr=False)

    async def current(self, head: Head) -> Visitor | None:
        """The live session of a request; `StoreFault` where nobody knows."""
        ticket = self.ticket(head)
        session = await self.sessions.open(ticket) if ticket else None
        return Visitor(ticket, session) if ticket and session else None

    async def why_over(self, head: Head) -> str:
        """Why the session that a request presents has ended, where its person is told: as `Sessions.why_over`."""
        ticket = self.ticket(head)
        return await self.sessions.why_over(ticket) if ticket else ""

    def ticket(self, head: Head) -> Ticket | None:
        return read_ticket(self.ring, self.session_spec, head, self.clock())

    def known_browser(self, head: Head) -> Browser | None:
        return known_browser(self.browser_spec, head)

    def browser(self, head: Head) -> Browser:
        return browser_of(self.browser_spec, head, self.random)

    def browser_cookie(self, browser: Browser) -> str:
        return browser_cookie(self.browser_spec, browser)

    def session_cookie(self, value: str) -> str:
        return set_cookie(self.session_spec, value)

    def no_session_cookie(self) -> str:
        return clear_cookie(self.session_spec)
