"""Whether a browser has just signed out.

A person who signs out and then opens an application again would be signed in at once, without a question, where there
is one provider that remembers them: as if the logout had not worked. For a minute the login page asks first.
"""

from dataclasses import dataclass

from gateway.login.browser import Browser
from gateway.storage.store import Store

MEMORY = 60.0


@dataclass(frozen=True, slots=True)
class RecentLogout:
    store: Store

    async def note(self, browser: Browser) -> None:
        await self.store.put(_key(browser), b"1", MEMORY)

    async def of(self, browser: Browser | None) -> bool:
        return browser is not None and await self.store.get(_key(browser)) is not None


def _key(browser: Browser) -> str:
    return f"signed-out:{browser.mark}"
