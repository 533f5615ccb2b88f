"""Who may ask, and where: the three listeners and the proxies that they believe."""

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from gateway.settings.fault import Fault, YamlPath
from gateway.settings.model import Settings
from gateway.settings.units import Bind, Network

_PROXIES: YamlPath = ("server", "trusted_proxies")
_SHORTEST_SECRET = 16


def somebody_is_trusted(settings: Settings) -> Iterator[Fault]:
    # CVE-2026-76835: a forward-auth service that trusts everybody until told otherwise believes the client's headers.
    server = settings.server
    on_socket = isinstance(server.verify_bind, Bind) and bool(server.verify_bind.path)
    if not (server.trusted_proxies or server.verify_secret or on_socket):
        yield Fault(
            _PROXIES,
            "is empty, so that no proxy may ask",
            "write the networks of your proxy, as in [127.0.0.1/32, ::1/128], or set verify_bind to a Unix socket",
        )


def nobody_trusts_everybody(settings: Settings) -> Iterator[Fault]:
    networks = settings.server.trusted_proxies
    for index, network in enumerate(networks):
        if network.prefixlen == 0:
            yield Fault(
                (*_PROXIES, index), f"{network} trusts everybody", "write the networks of your proxy alone"
            )
    if all(network.prefixlen for network in networks) and any(n.prefixlen == 0 for n in _merged(networks)):
        yield Fault(
            _PROXIES, "together these networks trust everybody", "write the networks of your proxy alone"
        )


def _merged(networks: tuple[Network, ...]) -> list[Network]:
    four = collapse_addresses(n for n in networks if isinstance(n, IPv4Network))
    six = collapse_addresses(n for n in networks if isinstance(n, IPv6Network))
    return [*four, *six]


def shared_port_has_a_secret(settings: Settings) -> Iterator[Fault]:
    if settings.server.verify_bind == "same" and settings.server.verify_secret is None:
        yield Fault(
            ("server", "verify_bind"),
            "`same` lets browsers ask what only the proxy may ask",
            "set server.verify_secret to ${NAME}, or give verify_bind an address of its own",
        )


def secret_fits_a_header(settings: Settings) -> Iterator[Fault]:
    if settings.server.verify_secret is None:
        return
    secret = settings.server.verify_secret.get_secret_value()
    path: YamlPath = ("server", "verify_secret")
    if not all("!" <= char <= "~" for char in secret):
        yield Fault(path, "holds what no header can carry", "use visible ASCII without spaces")
    if len(secret) < _SHORTEST_SECRET:
        yield Fault(path, "can be guessed", f"use at least {_SHORTEST_SECRET} random characters")


def listeners_stand_apart(settings: Settings) -> Iterator[Fault]:
    server = settings.server
    places: dict[str, list[str]] = defaultdict(list)
    for key in ("bind", "verify_bind", "metrics_bind"):
        place = getattr(server, key)
        if isinstance(place, Bind) and (
            place.path or place.port
        ):  # port 0 is a free one, never the same twice
            places[str(place)].append(key)
    for first, *others in places.values():
        for key in others:
            yield Fault(
                ("server", key),
                f"stands on the address of server.{first}",
                "write an address of its own" + (", or `same`" if key == "verify_bind" else ""),
            )


def addresses_behind_the_proxy_are_seen(settings: Settings) -> Iterator[Fault]:
    if not settings.server.trusted_proxies:
        yield Fault(
            _PROXIES,
            "is empty: on the pages every client seems to come from the address of the proxy",
            "write the proxy's networks, so that limits count people and not the proxy",
        )


def trust_is_narrow(settings: Settings) -> Iterator[Fault]:
    for index, network in enumerate(settings.server.trusted_proxies):
        if 0 < network.prefixlen < (8 if network.version == 4 else 16):
            yield Fault(
                (*_PROXIES, index),
                f"{network} is a large part of the internet",
                "write the proxy's networks alone",
            )
