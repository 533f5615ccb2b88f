"""The service account: connections that are bound as it and kept, each for one question at a time.

Where its password is refused nobody asks again for a minute, and then ever less often: each try counts, and the account
would be locked for everybody who uses it. For the same reason one thread at a time signs in: a password that has just
been changed is refused once, and not once for each thread.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from gateway.errors import ProviderRefused, ProviderUnavailable
from gateway.providers.ldap.controllers import Controllers, worst
from gateway.providers.ldap.errand import Errand, OutOfTime
from gateway.providers.ldap.refusals import SUCCESS, Outcome, refused_service
from gateway.providers.ldap.wire import Link
from gateway.settings.ldap_address import LdapAddress

T = TypeVar("T")

Dial: TypeAlias = Callable[[LdapAddress, Errand], Link]
"""Connects, or raises `ProviderUnavailable`."""

KEPT = 240.0
"""Seconds without use after which a connection is not trusted to be there any more; directories close theirs at 900."""

HELD_OFF, HELD_OFF_MOST = 60.0, 900.0


@dataclass(frozen=True, slots=True)
class Login:
    """Name and password of the service account."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Kept:
    link: Link
    since: float


class Service:
    """`most` connections are kept for each controller. Used by several threads."""

    def __init__(
        self,
        provider: str,
        login: Login,
        controllers: Controllers,
        dial: Dial,
        timer: Callable[[], float],
        most: int,
    ) -> None:
        self._provider = provider
        self._login = login
        self._controllers = controllers
        self._dial = dial
        self._timer = timer
        self._most = most
        self._kept: defaultdict[LdapAddress, list[_Kept]] = defaultdict(list)
        self._held_off: tuple[float, Outcome] | None = None
        self._refusals = 0
        self._closed = False
        self._lock = threading.Lock()
        self._signing_in = threading.Lock()

    def ask(self, errand: Errand, question: Callable[[Link], T]) -> T:
        """The answer of the first controller that gives one. The question only reads, so it may be put twice."""
        self._not_held_off()
        seen: list[ProviderUnavailable] = []
        for address in self._controllers.in_order():
            try:
                answer = self._ask_at(address, errand, question)
            except OutOfTime:
                raise  # nothing is known of this one
            except ProviderUnavailable as fault:
                self._controllers.failed(address)
                seen.append(fault)
            else:
                self._controllers.answered(address)
                return answer
        raise worst(seen)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            links = [one.link for kept in self._kept.values() for one in kept]
            self._kept.clear()
        for link in links:
            link.close()

    def _ask_at(self, address: LdapAddress, errand: Errand, question: Callable[[Link], T]) -> T:
        kept = self._taken(address)
        if kept is not None:
            try:
                return self._put(address, kept, errand, question)
            except ProviderUnavailable:
                errand.patience(0.0)  # a kept connection may have died meanwhile: a new one tells
        return self._put(address, self._bound(address, errand), errand, question)

    def _put(self, address: LdapAddress, link: Link, errand: Errand, question: Callable[[Link], T]) -> T:
        try:
            link.serve(errand)
            answer = question(link)
        except BaseException:
            link.close()
            raise
        self._give_back(address, link, errand)
        return answer

    def _bound(self, address: LdapAddress, errand: Errand) -> Link:
        link = self._dial(address, errand)
        try:
            with self._turn(address, errand):
                self._sign_in(link)
        except BaseException:
            link.close()
            raise
        return link

    @contextmanager
    def _turn(self, address: LdapAddress, errand: Errand) -> Iterator[None]:
        if not self._signing_in.acquire(timeout=errand.patience(threading.TIMEOUT_MAX)):
            raise OutOfTime(self._provider, "no time left to sign the service account in")
        try:
            # Whoever was before us may have learnt something.
            self._not_held_off()
            if address not in self._controllers.in_order():
                raise ProviderUnavailable(self._provider, f"{address} did not answer a moment ago")
            yield
        finally:
            self._signing_in.release()

    def _sign_in(self, link: Link) -> None:
        outcome = link.bind(self._login.name, self._login.password)
        if outcome.code == SUCCESS:
            self._refusals = 0
            return
        fault = refused_service(self._provider, outcome)
        if isinstance(fault, ProviderRefused):
            wait = min(HELD_OFF * 2.0 ** min(self._refusals, 10), HELD_OFF_MOST)
            self._held_off, self._refusals = (self._timer() + wait, outcome), self._refusals + 1
        raise fault

    def _not_held_off(self) -> None:
        held = self._held_off
        if held is not None and self._timer() < held[0]:
            raise refused_service(self._provider, held[1])

    def _taken(self, address: LdapAddress) -> Link | None:
        with self._lock:
            kept = self._kept[address]
            found = kept.pop() if kept else None
        if found is None or self._timer() - found.since < KEPT:
            return found.link if found else None
        found.link.close()
        return self._taken(address)

    def _give_back(self, address: LdapAddress, link: Link, errand: Errand) -> None:
        errand.detach(link)
        with self._lock:
            keeps = not self._closed and len(self._kept[address]) < self._most
            if keeps:
                self._kept[address].append(_Kept(link, self._timer()))
        if not keeps:
            link.close()
