"""The one place that speaks LDAP: ldap3, with none of its defaults that let somebody in.

    certificates   the library checks none unless it is told to. Connecting is ours: one context of the standard library
                   checks chain and name, at ldaps:// and at StartTLS alike, and sends the name along (SNI)
    referrals      are followed, by default, to any host with the same password; here never
    passwords      go as the bytes that were typed (RFC 4513 section 5.1.1), not prepared
    Nagle          is off: a bind takes two small packets, and forty milliseconds with it
    TLS            is up before anything is said

This module is imported by whoever has a section of type ldap, and by nobody else.
"""

import contextlib
import math
import socket
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.errors import ProviderUnavailable
from gateway.providers.ldap.entry import Entry
from gateway.providers.ldap.errand import Errand
from gateway.providers.ldap.refusals import Outcome
from gateway.providers.ldap.wire import Found, Scope, Search
from gateway.providers.unanswered import unanswered
from gateway.settings.ldap_address import LdapAddress

with warnings.catch_warnings():
    # ldap3 asks pyasn1 for names that are to go away, and both are pinned. No other warning is hidden.
    warnings.filterwarnings("ignore", message="(tagMap|typeMap) is deprecated", category=DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import LDAPExceptionError

_START_TLS = "1.3.6.1.4.1.1466.20037"
_WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"


@dataclass(frozen=True, slots=True)
class Terms:
    """How to connect. Times in seconds; `trust` is `None` where there is no TLS."""

    provider: str
    starttls: bool
    trust: ssl.SSLContext | None
    connect_timeout: float
    receive_timeout: float


class Ldap3Link:
    """A `wire.Link`. Making one connects; where there is to be TLS, it is up then."""

    def __init__(self, address: LdapAddress, terms: Terms, errand: Errand) -> None:
        self._address = address
        self._terms = terms
        self._errand = errand
        self._connection = _connection(address, terms)
        errand.attach(self)
        try:
            self._connect()
        except BaseException:
            self._drop()
            raise

    def serve(self, errand: Errand) -> None:
        self._errand = errand
        errand.attach(self)

    def bind(self, name: str, password: str) -> Outcome:
        self._connection.user, self._connection.password = name, password.encode()
        try:
            with self._asking():
                self._connection.bind(read_server_info=False)
                return self._outcome()
        finally:
            self._connection.password = b"-"  # kept no longer than it is needed

    def search(self, search: Search) -> Found:
        with self._asking():
            self._connection.search(
                search.base,
                search.filter,
                search_scope=ldap3.BASE if search.scope is Scope.BASE else ldap3.SUBTREE,
                dereference_aliases=ldap3.DEREF_NEVER,
                attributes=list(search.attributes),
                size_limit=search.limit,
            )
            return Found(self._outcome(), tuple(self._entries()))

    def who_am_i(self) -> str | None:
        with self._asking():
            self._connection.extended(_WHO_AM_I)
            if self._outcome().code:
                return None
            value = self._connection.result.get("responseValue") or b""
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def abandon(self) -> None:
        """Called from another thread than the one that waits: it finds the connection broken."""
        with contextlib.suppress(OSError, TypeError):
            # Not the method of a TLS socket: that one takes TLS off before it shuts down.
            socket.socket.shutdown(self._connection.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(LDAPExceptionError, OSError, AttributeError):
            self._connection.unbind()
        self._drop()

    def _connect(self) -> None:
        address, errand = self._address, self._errand
        with self._reached():
            timeout = errand.patience(self._terms.connect_timeout)
            plain = socket.create_connection((address.host, address.port), timeout)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._take(plain)
            if address.tls:
                self._raise_to_tls(plain)
        if self._terms.starttls and not address.tls:
            with self._asking():
                self._connection.extended(_START_TLS)
                refused = self._outcome().code
            if refused:
                mend = f"switch StartTLS on there, or write ldaps:// (providers.{self._terms.provider})"
                raise ProviderUnavailable(self._terms.provider, f"{address} does not start TLS", remedy=mend)
            with self._reached():
                self._raise_to_tls(self._connection.socket)

    def _take(self, connected: socket.socket) -> None:
        """Give the library a connection that it did not make."""
        connection = self._connection
        connection.socket, connection.closed = connected, False
        connection.strategy._outstanding = {}  # noqa: SLF001 (what its own `open` does beside connecting)
        connection.strategy._start_listen()  # noqa: SLF001

    def _raise_to_tls(self, plain: socket.socket) -> None:
        if self._terms.trust is None:
            raise ssl.SSLError(0, "no context")
        plain.settimeout(self._errand.patience(self._terms.receive_timeout))
        # The handshake comes after: `abandon` must find the socket that waits.
        secured = self._terms.trust.wrap_socket(
            plain, server_hostname=self._address.host, do_handshake_on_connect=False
        )
        self._connection.socket = secured
        secured.do_handshake()

    def _drop(self) -> None:
        self._errand.detach(self)
        left, self._connection.socket = self._connection.socket, None
        if left is not None:
            with contextlib.suppress(OSError):
                left.close()

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        # Of a connection that it takes for closed the library would make a new one, and in the clear.
        if self._connection.socket is None or self._connection.closed:
            raise ProviderUnavailable(self._terms.provider, f"the connection to {self._address} is closed")
        self._connection.socket.settimeout(self._errand.patience(self._terms.receive_timeout))
        try:
            yield
        except (LDAPExceptionError, OSError) as fault:
            # The library's message may hold names of people: its kind is enough.
            kind = "timed out" if isinstance(fault, TimeoutError) else "was broken"
            detail = f"waiting for an answer of {self._address} {kind}"
            raise ProviderUnavailable(self._terms.provider, detail) from None
        except Exception:  # noqa: BLE001 (what is no LDAP makes the library stumble over it, in a dozen ways)
            raise ProviderUnavailable(
                self._terms.provider, f"an answer of {self._address} cannot be read"
            ) from None

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            detail, remedy = unanswered(fault, str(self._address), self._terms.provider)
            raise ProviderUnavailable(self._terms.provider, detail, remedy=remedy) from None

    def _outcome(self) -> Outcome:
        result = self._connection.result or {}
        return Outcome(int(result.get("result", -1)), str(result.get("message") or ""))

    def _entries(self) -> Iterator[Entry]:
        for one in self._connection.response or ():
            if one.get("type") == "searchResEntry":  # and no searchResRef: another server is nobody's word
                raw = one["raw_attributes"]
                yield Entry(str(one["dn"]), {name.lower(): tuple(values) for name, values in raw.items()})


def _connection(address: LdapAddress, terms: Terms) -> Any:
    """Not connected yet. What the library would do by itself is switched off by name, also where we leave it no chance."""
    server = ldap3.Server(
        address.host,
        port=address.port,
        get_info=ldap3.NONE,
        allowed_referral_hosts=[],
        connect_timeout=terms.connect_timeout,
    )
    return ldap3.Connection(
        server,
        user="-",
        password="-",  # noqa: S106 (it wants one here; `bind` brings the real one)
        authentication=ldap3.SIMPLE,
        auto_referrals=False,
        raise_exceptions=False,
        check_names=False,
        auto_escape=False,
        read_only=True,
        return_empty_attributes=False,
        receive_timeout=math.ceil(terms.receive_timeout),
    )
