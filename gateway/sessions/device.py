"""Where a session was begun: the kind of browser, in two words, and the network. Enough to recognise one's own.

A browser's name and a network are written down, no version and no address: a person can tell the laptop from the
phone, and a stolen list of sessions tells little more.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from gateway.identity.presented import Head

LONGEST = 512
"""Bytes of a User-Agent that are looked at."""

# Browsers name those whom they imitate: the first that fits is the one.
_BROWSERS = (
    (b"Edg", "Edge"),
    (b"OPR/", "Opera"),
    (b"SamsungBrowser/", "Samsung Internet"),
    (b"Firefox/", "Firefox"),
    (b"FxiOS/", "Firefox"),
    (b"Chrome/", "Chrome"),
    (b"CriOS/", "Chrome"),
    (b"Safari/", "Safari"),
    (b"curl/", "curl"),
)
_SYSTEMS = (
    (b"iPhone", "iOS"),
    (b"iPad", "iOS"),
    (b"Android", "Android"),
    (b"Windows", "Windows"),
    (b"CrOS", "ChromeOS"),
    (b"Macintosh", "macOS"),
    (b"Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """`family` is words of ours such as "Firefox on Linux", `network` a /24 or /48; "" where unknown."""

    family: str = ""
    network: str = ""


def device_of(head: Head, address: str) -> Device:
    """The device of a request; `address` is the client's, or no address at all."""
    agents = head.all(b"user-agent")
    return Device(_family(agents[0][:LONGEST]) if len(agents) == 1 else "", _network(address))


def _family(agent: bytes) -> str:
    browser, system = _first(_BROWSERS, agent), _first(_SYSTEMS, agent)
    return f"{browser} on {system}" if browser and system else browser or system


def _first(table: tuple[tuple[bytes, str], ...], agent: bytes) -> str:
    return next((word for mark, word in table if mark in agent), "")


def _network(address: str) -> str:
    try:
        client = ip_address(address)
    except ValueError:
        return ""
    if isinstance(client, IPv6Address):
        if client.ipv4_mapped is None:
            return str(ip_network((int(client).to_bytes(16), 48), strict=False))
        client = client.ipv4_mapped
    return str(ip_network((int(client), 24), strict=False))
