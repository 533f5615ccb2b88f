"""The whole gateway before a directory API on loopback: the form, the checks and the refresh, all by real HTTP.

    async with api_house(tmp_path, AdApi(Clock())) as house:
        browser, cookie = await house.sign_in()

Several over one folder and ring are replicas, or one process after another.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from gateway.keys.keyring import Keyring
from gateway.sessions.cookie import Ticket, read_ticket, session_cookie
from tests.kit.browser import Browser, Hop
from tests.kit.clock import Clock
from tests.kit.page_gallery import asking
from tests.kit.password_form import opened
from tests.kit.vendors.ad_api import AdApi
from tests.kit.waiting import until
from tests.kit.wired import APP, AUTH, Wired, wired

LOGIN = f"{AUTH}/auth/login?rd={APP}/report"


class ApiHouse:
    """`house` is the gateway, `api` the directory, whose clock is the gateway's."""

    def __init__(self, house: Wired, api: AdApi) -> None:
        self.house, self.api = house, api

    @property
    def clock(self) -> Clock:
        return self.house.clock

    async def typed(self, name: str, password: str, browser: Browser | None = None) -> Hop:
        """The form, filled in and sent: what the browser shows then."""
        return await (await opened(browser or self.house.browser(), LOGIN)).send(name, password)

    async def sign_in(self, name: str = "ann") -> tuple[Browser, str]:
        """Somebody's browser, with the session in it, and that session's `name=value`."""
        browser = self.house.browser()
        hop = await self.typed(name, self.api.people[name]["password"], browser)
        assert hop.url == f"{APP}/report", hop.response.text
        cookie = next(one for one in browser.jar.cookies if one.name.endswith("gw"))
        return browser, f"{cookie.name}={cookie.value}"

    async def ask(self, cookie: str) -> httpx.Response:
        """One request of a session, and whatever it has set going: nothing is in the air afterwards."""
        answer = await self.house.say("/report", cookie)
        flights = self.house.application._people.refresher._flights
        await until(lambda: len(flights) == 0, 30, what="the end of the refreshes under way")
        return answer

    async def passes(self, cookie: str) -> bool:
        """Whether a session opens what needs one. Nothing but yes and "sign in" is an answer."""
        status = (await self.ask(cookie)).status_code
        assert status in {200, 401}
        return status == 200

    async def outcomes(self, logins: int = 1) -> list[str]:
        """How each refresh has ended: each call of the API was one, but for so many logins."""
        found = await self.house.lines("refresh.finished", self.api.calls() - logins)
        return [line["outcome"] for line in found]

    async def kept_password(self, cookie: str) -> str:
        """The password in a session, opened by its cookie; "" where there is none any more."""
        sessions, ticket = self.house.application._people.sessions, self._ticket(cookie)
        session = await sessions.open(ticket)
        return (await sessions.grants(ticket, session))["ad"].password if session else ""

    async def token_end(self, cookie: str) -> int:
        """When the directory's token in a session ends, in Unix seconds."""
        session = await self.house.application._people.sessions.open(self._ticket(cookie))
        return session.token_end if session else 0

    def _ticket(self, cookie: str) -> Ticket:
        spec = session_cookie(self.house.settings)
        ticket = read_ticket(self.house.ring, spec, asking("", cookie), self.clock())
        assert isinstance(ticket, Ticket)
        return ticket


@asynccontextmanager
async def api_house(
    folder: Path,
    api: AdApi,
    *,
    ring: Keyring | None = None,
    section: dict[str, Any] | None = None,
    **changes: Any,
) -> AsyncIterator[ApiHouse]:
    """One gateway before `api`, which is on a port already; `section` goes over what gateway.yaml says of it."""
    keys = ring or Keyring.generate(secrets.token_bytes, api.clock())
    providers = {"ad": api.section(**(section or {}))}
    async with wired(folder, ring=keys, providers=providers, **changes) as house:
        house.clock.now = api.clock()
        api.clock = house.clock
        yield ApiHouse(house, api)
