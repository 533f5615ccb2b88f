"""Web addresses of the configuration: `public_url`, the protected hosts, the hosts of a rule.

Each is read once and written back in one canonical form (scheme and host in lower case, no default port, no slash
at the end), so that the rest of the program may compare strings. Never `urlsplit` here: it repairs what should be
refused.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<wild>\*\.)?(?P<host>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<path>/.*)?",
    re.IGNORECASE | re.ASCII,  # ASCII: else K (Kelvin sign) counts as a k
)
_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = {"type": "string", "examples": ["app.example.com", "*.example.com"]}


@dataclass(frozen=True, slots=True)
class Address:
    """A web address in parts. `host` is lower-case and without brackets; with `wild` it stands for its subdomains."""

    scheme: str
    host: str
    port: int
    path: str = ""
    wild: bool = False

    @property
    def shown_host(self) -> str:
        """The host as in a URL, with its star or its brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"*.{host}" if self.wild else host

    @property
    def loopback(self) -> bool:
        """Whether it never leaves the machine: 127.0.0.0/8, ::1, localhost and its subdomains (RFC 6761, 6.3)."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        literal = as_ip(self.host)
        return literal is not None and literal.is_loopback

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.shown_host}{port}{self.path}"


def origin_of(url: str) -> str:
    """Scheme, host and port of an address that has been checked already, as a browser's `Origin` writes them."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def as_ip(host: str) -> IPv4Address | IPv6Address | None:
    """The address that `host` spells, or `None` where it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def read_address(text: str) -> Address | None:
    """Any address of the kinds above, or `None` where the text is not one."""
    match = _ADDRESS.fullmatch(text)
    host = canonical_host(match["host"]) if match else None
    if match is None or host is None or (match["wild"] and as_ip(host)):
        return None
    scheme = match["scheme"].lower()
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS[scheme]
    if not 0 < port <= 65535:
        return None
    return Address(scheme, host, port, match["path"] or "", wild=bool(match["wild"]))


def canonical_host(text: str) -> str | None:
    """Lower case, without brackets and trailing dot; `None` where no host can be called this."""
    if not text.isascii():  # browsers send punycode; and lower() would fold some foreign letters into ASCII
        return None
    if text.startswith("["):
        literal = as_ip(text[1:-1])
        return literal.compressed if isinstance(literal, IPv6Address) else None
    host = text.lower().removesuffix(".")
    labels = host.split(".")
    fits = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    # A last label of digits is an IPv4 address or nothing: browsers read 127.1 and 0x7f.1 as addresses (WHATWG URL).
    numeric = labels[-1][:1].isdigit() and (labels[-1].isdigit() or labels[-1].startswith("0x"))
    return host if fits and (not numeric or isinstance(as_ip(host), IPv4Address)) else None


def parse_public_url(value: Any) -> str:
    """`https://auth.example.com`, or with a path beneath it; no query, fragment, user or star."""
    address = read_address(value) if isinstance(value, str) else None
    if address is None or address.wild or not _PATH.fullmatch(address.path.rstrip("/")):
        raise ValueError(
            "write scheme, host and at most a plain path, as in https://auth.example.com or https://app.example.com/_gateway"
        )
    parts = (address.scheme, address.host, address.port, address.path.rstrip("/"))
    return str(Address(*parts))


def parse_origin(value: Any) -> str:
    """`https://app.example.com`, `https://*.example.com` or `https://app.example.com:8443`; nothing after it."""
    address = read_address(value) if isinstance(value, str) else None
    if address is None or address.path not in {"", "/"}:
        raise ValueError(
            "write scheme, host and no path, as in https://app.example.com, https://*.example.com or https://app.example.com:8443"
        )
    return str(Address(address.scheme, address.host, address.port, wild=address.wild))


def parse_host_pattern(value: Any) -> str:
    """`app.example.com` or `*.example.com`: a host without scheme and port."""
    text = value if isinstance(value, str) else ""
    bare = text.removeprefix("*.")
    host = canonical_host(bare)
    if host is None or (bare != text and as_ip(host)):
        raise ValueError("write a host without scheme, port and path, as in app.example.com or *.example.com")
    shown = f"[{host}]" if ":" in host else host
    return f"*.{shown}" if bare != text else shown


PublicUrl = Annotated[
    str,
    BeforeValidator(parse_public_url),
    WithJsonSchema({"type": "string", "examples": ["https://auth.example.com"]}),
]
Origin = Annotated[
    str,
    BeforeValidator(parse_origin),
    WithJsonSchema(
        {"type": "string", "examples": ["https://app.example.com", "https://*.example.com"]},
    ),
]
HostPattern = Annotated[str, BeforeValidator(parse_host_pattern), WithJsonSchema(_HOST)]
