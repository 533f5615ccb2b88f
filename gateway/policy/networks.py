"""Addresses and networks in one form: an IPv4 address is an IPv4 address, however IPv6 writes it."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


def plain_address(address: Address) -> Address:
    """An IPv4-mapped address (RFC 4291 section 2.5.5.2) as the IPv4 address that it is."""
    return getattr(address, "ipv4_mapped", None) or address


def plain_network(network: Network) -> Network:
    """A network of IPv4-mapped addresses as the IPv4 network that it is."""
    first = plain_address(network.network_address)
    if first is network.network_address or network.prefixlen < 96:
        return network
    return ip_network(f"{first}/{network.prefixlen - 96}")
