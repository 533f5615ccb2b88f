"""Addresses of directories: `ldaps://` with TLS from the first byte, `ldap://` without (RFC 4516, host and port alone).

What RFC 4516 lets stand behind the host (a base, a filter, extensions) has keys of its own in the section; in the
address it would be passed over in silence, and so it is a fault.
"""

import re
from dataclasses import dataclass

from gateway.settings.addresses import as_ip, canonical_host

LDAP_URL = r"^ldaps?://[^\s/?#@]+/?$"

_ADDRESS = re.compile(
    r"(?P<scheme>ldaps?)://(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?"
)
_USUAL_PORTS = {"ldap": 389, "ldaps": 636}


@dataclass(frozen=True, slots=True)
class LdapAddress:
    """One controller. `host` is in lower case and without brackets; `tls` from the first byte."""

    host: str
    port: int
    tls: bool

    @property
    def loopback(self) -> bool:
        """Whether it never leaves the machine."""
        literal = as_ip(self.host)
        return self.host == "localhost" or (literal is not None and literal.is_loopback)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.tls else 'ldap'}://{host}:{self.port}"


def read_ldap_address(text: str) -> LdapAddress | None:
    """The address that the text spells, or `None`."""
    match = _ADDRESS.fullmatch(text)
    host = canonical_host(match["host"]) if match else None
    if match is None or host is None:
        return None
    port = int(match["port"]) if match["port"] else _USUAL_PORTS[match["scheme"]]
    return LdapAddress(host, port, match["scheme"] == "ldaps") if 0 < port <= 65535 else None
