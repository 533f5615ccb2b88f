"""Limits by address: how often a network may do something that costs us.

The key is a prefix and not an address: one person owns a whole /64 of IPv6 addresses, and often a /24. A limit fails
closed: where the store does not answer, nobody can count, and `StoreFault` says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network

from gateway.errors import Limited
from gateway.storage.store import Bucket, Store


def prefix_of(client: IPv4Address | IPv6Address | None) -> str:
    """The /24 or /64 of a client. All whose address is unknown share one prefix: no address is no way out."""
    if client is None:
        return "unknown"
    if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
        client = client.ipv4_mapped
    # By number: an IPv6 address may carry a zone, which no network has and a client could vary.
    bits = 24 if client.version == 4 else 64
    return str(
        ip_network((int(client), bits) if client.version == 4 else (int(client).to_bytes(16), bits), False)
    )


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`burst` at once and then one each `period / burst` seconds, for each holder, under one purpose."""

    store: Store
    purpose: str
    burst: int
    period: float
    clock: Callable[[], float]

    async def take(self, holder: str) -> None:
        """Count one; `Limited` with the seconds to wait where there is none left."""
        # The braces keep all buckets of a purpose on one node of a cluster.
        bucket = Bucket(f"limit:{{{self.purpose}}}:{holder}", self.burst, self.period)
        wait = await self.store.count((bucket,), self.clock())
        if wait > 0:
            raise Limited(wait)
