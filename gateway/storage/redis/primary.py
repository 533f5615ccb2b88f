"""The Redis server that takes our writes: whether it still is the one we knew, and whether others copy it.

Replication is asynchronous. A server that takes over, or one that was started again, may never have heard of what its
predecessor confirmed a moment before: a lease, a commit, an end. Every server has a `run_id` of its own, which changes
with each start; it is asked for on every new connection, and two different ones are a change of server.
"""

from collections.abc import Callable

ASK_EVERY = 10.0
"""Seconds for which it is taken as known whether there are replicas."""


class Primary:
    """`ticks` is a monotonic clock."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._run_id = b""
        self._changed = float("-inf")
        self._replicas = False
        self._asked = float("-inf")

    def met(self, server: bytes) -> None:
        """A new connection is made; `server` is that section of INFO, or empty where we may not ask."""
        run_id = field_of(server, b"run_id")
        if self._run_id and run_id and run_id != self._run_id:
            self.changed()
        self._run_id = run_id or self._run_id

    def changed(self) -> None:
        """Another server is, or will be, in its place."""
        self._changed = self._ticks()
        self._asked = float("-inf")

    def same_for(self, seconds: float) -> bool:
        """Whether it has been the same server for so long."""
        return self._ticks() - self._changed >= seconds

    @property
    def has_replicas(self) -> bool | None:
        """`None` where it has to be asked again: replicas come and go."""
        return None if self._ticks() - self._asked > ASK_EVERY else self._replicas

    def told(self, replicas: int) -> None:
        """How many there are; 0 where we may not ask."""
        self._replicas = replicas > 0
        self._asked = self._ticks()


def field_of(section: bytes, name: bytes) -> bytes:
    """A field of the reply to INFO; empty where it is not there."""
    for line in section.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key == name:
            return value
    return b""
