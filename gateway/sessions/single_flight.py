"""Single flight: many who want the same thing at the same moment share one piece of work.

The work runs in a task of its own. Whoever waits for it can go away, or give up waiting, and cancels nothing: a
refresh that a provider has begun must be written down, whether or not the browser that set it off is still there.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from gateway.errors import GatewayError
from gateway.late import heard_late

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """The flights of this process, at most one for each key."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Task[T]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._flights

    def __len__(self) -> int:
        return len(self._flights)

    def start(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """The flight under this key: the one in the air, else a new one that does `work`."""
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(work())
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._land(key, done))
        return flight

    async def join(
        self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]], wait: float | None = None
    ) -> T:
        """The result of the flight. Raises what the work raised, or `TimeoutError` after `wait` seconds.

        A fault is raised to each who waits as one of their own: some write on it where their login was to lead.
        """
        flight = self.start(key, work)
        # `wait` and not `wait_for`: neither our own cancellation nor the timeout reaches the flight.
        done, _ = await asyncio.wait({flight}, timeout=wait)
        if not done:
            raise TimeoutError
        try:
            return flight.result()
        except GatewayError as fault:
            raise fault.again() from None

    async def close(self, patience: float) -> None:
        """Let what is in the air land, for at most `patience` seconds; then cancel the rest."""
        if not self._flights:
            return
        _, late = await asyncio.wait(set(self._flights.values()), timeout=patience)
        for flight in late:
            flight.cancel()
        if late:
            await asyncio.wait(late)

    def _land(self, key: Hashable, flight: asyncio.Task[T]) -> None:
        del self._flights[key]
        # Seen by whoever waited; where nobody did, a fault is no surprise, and a bug must not vanish.
        heard_late(flight, "a single flight")
