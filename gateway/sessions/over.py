"""Logins that their provider has ended a moment ago: a session that is just being begun for one of them is not begun.

A session is looked for on its list, and one that is being begun may be listed a moment later. Somebody's sessions of
all logins have an epoch for that; a login of a provider needs no more than a short memory, since it ends for good.
"""

from dataclasses import dataclass

from gateway.storage.store import Store

MEMORY = 120.0
"""Seconds: longer than a login takes from the provider's tokens to the session."""


@dataclass(frozen=True, slots=True)
class LoginsOver:
    store: Store

    async def note(self, login: str, reason: str) -> None:
        """This login is over; `login` as the store calls it, `reason` a word."""
        await self.store.put(_key(login), reason.encode("ascii"), MEMORY)

    async def reason(self, login: str) -> str:
        """Why a login is over; "" where it is not."""
        noted = await self.store.get(_key(login))
        return noted.decode("ascii", "replace") if noted else ""


def _key(login: str) -> str:
    return f"over:{{{login}}}"
