"""Whom we believe: which peers may pass on what a client said, and which client stands behind them.

Laws:

1. Nobody is trusted by default (CVE-2026-76835). A peer is trusted by its address, as a Unix socket (whose file
   permissions say who may connect), or by the shared secret. Where a secret is configured, it alone counts on TCP.
2. The client is found by walking X-Forwarded-For from the right, past our proxies. What stands further left was
   written by the client.
3. An address that does not parse is nobody's. It is never read as "no proxy was there", and never skipped to reach
   a better one (CVE-2024-47070).
"""

import re
from collections.abc import Sequence
from hmac import compare_digest
from ipaddress import ip_address
from typing import TypeAlias

from gateway.errors import SettingsFault, UntrustedPeer
from gateway.identity.presented import Head
from gateway.policy.networks import Address, Network, plain_address, plain_network
from gateway.settings.model import Server
from gateway.settings.units import Bind

SECRET = b"x-gateway-secret"
_FORWARDED_FOR = b"x-forwarded-for"

# Most calls come from one peer for few clients; a flood of others only makes them parsed again.
_KNOWN_LIMIT = 1024
_LONGEST_ADDRESS = 64

_PORTED = re.compile(
    r"\[(?P<six>[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\](?::[0-9]{1,5})?|(?P<four>[0-9.]+):[0-9]{1,5}"
)

_Known: TypeAlias = tuple[Address | None, bool]


class Proxies:
    """Trusted peers, and the way back to a client."""

    def __init__(self, networks: tuple[Network, ...], secret: bytes | None, unix_trusted: bool) -> None:
        self._networks = networks
        self._secret = secret
        self._unix_trusted = unix_trusted
        self._known: dict[str, _Known] = {}
        self._lines: dict[bytes, _Known] = {}

    @classmethod
    def of(
        cls, trusted_proxies: Sequence[Network], verify_secret: str | None, unix_trusted: bool
    ) -> "Proxies":
        """From the configuration. Raises `SettingsFault` for an empty secret, which every peer would know."""
        if verify_secret == "":
            raise SettingsFault(("server.verify_secret: is empty; write at least 32 random characters",))
        secret = verify_secret.encode() if verify_secret is not None else None
        return cls(tuple([plain_network(network) for network in trusted_proxies]), secret, unix_trusted)

    @classmethod
    def at(cls, server: Server, bind: Bind) -> "Proxies":
        """Those that the configuration trusts on the listener at `bind`.

        Who can open a Unix socket of ours was let in by its file permissions. Where we listen decides, and not that
        the peer has no address: one on TCP that hung up behind its request has none either.
        """
        secret = server.verify_secret.get_secret_value() if server.verify_secret else None
        return cls.of(server.trusted_proxies, secret, unix_trusted=bool(bind.path))

    def trusts(self, head: Head) -> None:
        """Return if forwarded headers of this call count; else raise `UntrustedPeer` (peer, unix_socket, secret)."""
        if not head.peer:
            if not self._unix_trusted:
                raise UntrustedPeer("unix_socket")
        elif self._secret is not None:
            if not self._shows_secret(head):
                raise UntrustedPeer("secret")
        elif not self._read(head.peer)[1]:
            raise UntrustedPeer("peer", head.peer)

    def client(self, head: Head) -> Address | None:
        """Who is behind this call, on any listener; `None` where nobody trustworthy told.

        A peer that is no proxy of ours is itself the client, whatever it claims. Behind a proxy it is the first
        address from the right that is not one of `trusted_proxies`. `None` comes of a proxy that sends no
        X-Forwarded-For, of an address that does not parse, and of a chain that holds nothing but our proxies: the
        address of a proxy is never taken for a client's.
        """
        if not self._is_proxy(head):
            return self._read(head.peer)[0] if head.peer else None
        line = head.only(_FORWARDED_FOR)
        if line is not None:
            return self._last_stranger(line)[0]
        for line in reversed(head.all(_FORWARDED_FOR)):
            address, found = self._last_stranger(line)
            if found:
                return address
        return None

    def _last_stranger(self, line: bytes) -> _Known:
        """The first address from the right that is none of our proxies, and whether there is one."""
        known = self._lines.get(line)
        if known is None:
            known = self._walked(line)
            if len(line) <= _LONGEST_ADDRESS:
                if len(self._lines) >= _KNOWN_LIMIT:
                    self._lines.clear()
                self._lines[line] = known
        return known

    def _walked(self, line: bytes) -> _Known:
        for element in reversed(line.split(b",")):
            address, ours = self._read(element.strip(b" \t").decode("latin-1"))
            if not ours:
                return address, True
        return None, False

    def _is_proxy(self, head: Head) -> bool:
        if not head.peer:
            return self._unix_trusted
        return self._read(head.peer)[1] or self._shows_secret(head)

    def _shows_secret(self, head: Head) -> bool:
        if self._secret is None:
            return False
        shown = head.all(SECRET)
        # A second line is a client's beside the proxy's: whose it is cannot be told.
        return len(shown) == 1 and compare_digest(shown[0], self._secret)

    def _read(self, text: str) -> _Known:
        """An address, `None` if it is none, and whether it is one of our proxies."""
        known = self._known.get(text)
        if known is None:
            address = read_address(text)
            known = address, address is not None and any(address in network for network in self._networks)
            if len(text) <= _LONGEST_ADDRESS:
                if len(self._known) >= _KNOWN_LIMIT:
                    self._known.clear()
                self._known[text] = known
        return known


def shown(client: Address | None, head: Head) -> str:
    """The client of a call for the log: its address, or where nobody trustworthy told one, the peer that sent it."""
    return str(client) if client else f"peer {head.peer or 'unix'}"


def read_address(text: str) -> Address | None:
    """`192.0.2.1`, `192.0.2.1:567`, `2001:db8::1` or `[2001:db8::1]:567`; `None` for everything else.

    An IPv4-mapped address is the IPv4 address. A zone id means something on one machine only, so it is no address.
    """
    ported = _PORTED.fullmatch(text)
    bare = (ported["six"] or ported["four"]) if ported else text
    try:
        return None if "%" in bare else plain_address(ip_address(bare))
    except ValueError:
        return None
