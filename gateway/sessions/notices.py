"""What this process tells the others: a session, or all sessions of a person, are not what they were.

The store has been changed before. So a notice that does not get through is no fault of the change: whoever remembers
the old state forgets it by age, within seconds.
"""

import contextlib
from collections.abc import Callable

from gateway.errors import StoreFault
from gateway.storage.bus import About, Bus, Notice


class Notices:
    """`bus` is `None` where no process remembers anything; `clock` gives Unix seconds."""

    def __init__(self, bus: Bus | None, clock: Callable[[], float]) -> None:
        self._bus = bus
        self._clock = clock

    async def session(self, sid: str) -> None:
        """This session has ended, or was written anew."""
        await self._tell(About.SESSION, sid)

    async def person(self, name: str) -> None:
        """The rights of a person have changed; `name` as the store calls them."""
        await self._tell(About.PERSON, name)

    async def _tell(self, about: About, name: str) -> None:
        if self._bus is not None:
            with contextlib.suppress(StoreFault):
                await self._bus.publish(Notice(about, name, self._clock()))
