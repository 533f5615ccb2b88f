"""Several controllers of one directory, in the operator's order, with a mark on those that did not answer.

A controller that is silent costs its timeout once: for half a minute after that the others are asked. Where all are
marked the marks mean nothing, and all are asked as if there were none.
"""

import threading
from collections.abc import Callable, Sequence

from gateway.errors import ProviderUnavailable
from gateway.settings.ldap_address import LdapAddress

MARKED = 30.0
"""Seconds."""


class Controllers:
    """`timer` never goes back. Used by several threads."""

    def __init__(self, addresses: Sequence[LdapAddress], timer: Callable[[], float]) -> None:
        self._addresses = tuple(addresses)
        self._timer = timer
        self._until: dict[LdapAddress, float] = {}
        self._lock = threading.Lock()

    def in_order(self) -> tuple[LdapAddress, ...]:
        """Whom to ask, first to last."""
        now = self._timer()
        with self._lock:
            marked = {address for address, until in self._until.items() if until > now}
        return tuple([one for one in self._addresses if one not in marked]) or self._addresses

    def failed(self, address: LdapAddress) -> None:
        with self._lock:
            self._until[address] = self._timer() + MARKED

    def answered(self, address: LdapAddress) -> None:
        with self._lock:
            self._until.pop(address, None)


def worst(faults: Sequence[ProviderUnavailable]) -> ProviderUnavailable:
    """The one to raise where no controller answered: what the operator can mend says more than what may pass."""
    return next((fault for fault in faults if fault.remedy), faults[0])
