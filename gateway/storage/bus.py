"""Notices between the processes of a deployment: something has changed in the store, look at it anew.

A notice only ever makes a process forget what it remembers. So a forged one costs a read, and a lost one is bounded
by the age at which memories are forgotten anyway; whoever publishes has changed the store before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias


class About(Enum):
    """What to forget: one session; all sessions of a person; or everything (keys or gateway.yaml have changed)."""

    SESSION = "session"
    PERSON = "person"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Notice:
    """`name` is the session's id or the person's name in the store; `at` the Unix time of publishing."""

    about: About
    name: str = ""
    at: float = 0.0


Hear: TypeAlias = Callable[[Notice], None]
"""Called in the event loop for each notice, those of this process included; it must not wait, nor raise."""


class Bus(Protocol):
    """Carries notices; made unconnected, `open` begins."""

    def current(self) -> bool:
        """Whether every notice published until now has been heard, but for the bound that the backend states.

        Cheap enough to be asked by each check; what it has not heard yet it may tell to `subscribe`rs before it
        returns. Where it turns from no to yes, `ALL` has been heard in between.
        """
        ...

    def subscribe(self, hear: Hear) -> None: ...

    async def publish(self, notice: Notice) -> None:
        """Tell everybody. This process hears it before anything goes out, whatever comes of the rest.

        Raises `StoreFault`; then nobody else, or not everybody, may have heard it.
        """
        ...

    async def open(self) -> None:
        """Begin, without waiting for anybody: a server may come up later."""
        ...

    async def close(self) -> None: ...
