"""The hosts that are protected, and which of them a request names.

Laws:

1. A host is compared in one canonical form: lower case, no trailing dot, no port. A twin in other letters must meet
   the same rules (CVE-2026-48794, CVE-2026-77560).
2. What has no single canonical form is refused and never repaired: proxies pass on an empty host, userinfo, and two
   Host lines joined by a comma.
3. The port of a request counts for nothing: behind a proxy it may be anybody's. Scheme and port of an origin come
   from the configured entry.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.errors import Malformed, SettingsFault, UnknownHost
from gateway.settings import addresses

# uri-host [":" port] (RFC 9110 section 7.2) without userinfo; a port that is announced must be there.
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One entry of `hosts:`. `pattern` is a canonical host or `*.suffix`; `port` is `None` for the scheme's own."""

    pattern: str
    scheme: str
    port: int | None

    def origin_for(self, host: str) -> str:
        """The origin as a browser writes it (RFC 6454 section 6.2), for a canonical host that this entry matched."""
        authority = f"[{host}]" if ":" in host else host
        return f"{self.scheme}://{authority}" + (f":{self.port}" if self.port else "")


@dataclass(frozen=True, slots=True)
class Hosts:
    """All entries, indexed: the cost of a match grows with the labels of the host, not with the entries."""

    exact: dict[str, HostEntry]
    below: dict[str, HostEntry]  # key: the suffix with its leading dot
    verbatim: dict[bytes, tuple[str, HostEntry]]  # exact hosts as well-behaved clients spell them

    @classmethod
    def of(cls, entries: Sequence[str]) -> "Hosts":
        """From origins like `https://app.example.com` and `https://*.apps.example.com:8443`.

        Raises `SettingsFault` where an entry is none, or where two give one host two origins.
        """
        hosts = cls({}, {}, {})
        for entry in entries:
            hosts._add(entry)
        return hosts

    def _add(self, text: str) -> None:
        address = addresses.read_address(text)
        if address is None or address.path not in {"", "/"}:
            raise SettingsFault((f"hosts: {text!r} is not an origin, as in https://app.example.com",))
        port = None if address.port == _DEFAULT_PORTS[address.scheme] else address.port
        entry = HostEntry(f"*.{address.host}" if address.wild else address.host, address.scheme, port)
        table, key = (self.below, f".{address.host}") if address.wild else (self.exact, address.host)
        # Two origins for one host would make the way back after a login a matter of order.
        if table.setdefault(key, entry) != entry:
            raise SettingsFault((f"hosts: {entry.pattern} stands twice, with different schemes or ports",))
        if not address.wild:
            spelling = entry.origin_for(address.host).partition("://")[2].encode("ascii")
            self.verbatim[spelling] = (address.host, entry)

    def match(self, host: str) -> HostEntry | None:
        """The entry of a canonical host: exact before wildcard, the longest suffix first.

        A wildcard stands for one or more labels below its suffix, never for the suffix itself.
        """
        entry = self.exact.get(host)
        return entry or next((self.below[suffix] for suffix in suffixes(host) if suffix in self.below), None)

    def resolve(self, raw: bytes) -> tuple[str, HostEntry]:
        """Canonical host and entry of a host as a proxy passes it on. Raises `Malformed` or `UnknownHost`."""
        known = self.verbatim.get(raw)
        if known is not None:
            return known
        host = canonical_host(raw)
        entry = self.match(host)
        if entry is None:
            raise UnknownHost("unknown_host", host)
        return host, entry


def suffixes(host: str) -> Iterator[str]:
    """What the host stands below, each with its leading dot, the longest first."""
    # The dot belongs to the suffix, so `evilexample.com` is not below `example.com` (CVE-2021-21291).
    dot = host.find(".", 1)
    while dot != -1:
        yield host[dot:]
        dot = host.find(".", dot + 1)


def canonical_host(raw: bytes) -> str:
    """The canonical host of a Host field value, without its port. Raises `Malformed` where it has none.

    Any port from 1 to 65535 is dropped, also one that is not the configured one: it takes no part in the match, and
    the origin that a browser is sent to is built from the configuration.
    """
    if not raw:
        raise Malformed("host_empty")
    try:
        match = _AUTHORITY.fullmatch(raw.decode("ascii"))
    except UnicodeDecodeError:  # a browser sends punycode; what else arrives has no single ASCII twin
        match = None
    host = addresses.canonical_host(match[1]) if match else None
    if match is None or host is None:
        raise Malformed("host")
    if match[2] is not None and not 0 < int(match[2]) <= 65535:
        raise Malformed("host_port")
    return host
