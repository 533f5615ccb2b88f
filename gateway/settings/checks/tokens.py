"""First-party tokens: how long they live, who may ask for them, and where logins of clients return to."""

from collections.abc import Iterator
from ipaddress import ip_address

from gateway.settings.addresses import read_address
from gateway.settings.checks.naming import all_rules, whose
from gateway.settings.fault import Fault
from gateway.settings.model import Settings
from gateway.settings.units import format_duration

LONGEST = 86_400.0
SHORTEST = 60.0


def token_lifetimes_fit(settings: Settings) -> Iterator[Fault]:
    tokens, idle = settings.tokens, settings.sessions.idle
    if not SHORTEST <= tokens.lifetime <= LONGEST:
        yield Fault(
            ("tokens", "lifetime"),
            "is how long a token is taken by whoever verifies it without asking the gateway",
            "write 1m to 1d, as in 30m",
        )
    if tokens.enabled and tokens.lifetime >= idle:
        yield Fault(
            ("tokens", "lifetime"),
            f"is no shorter than sessions.idle, {format_duration(idle)}: only a refresh is an activity",
            "write a shorter one",
        )
    if tokens.refresh_lifetime <= tokens.lifetime:
        yield Fault(
            ("tokens", "refresh_lifetime"),
            f"is no longer than tokens.lifetime, {format_duration(tokens.lifetime)}",
            "write a longer one, as in 7d",
        )


def bearers_are_issued(settings: Settings) -> Iterator[Fault]:
    for path, rule in all_rules(settings):
        if "bearer" in rule.accept and not settings.tokens.enabled:
            yield Fault(
                (*path, "accept"),
                f"{whose(rule)}takes tokens, and none are issued",
                "write tokens: {enabled: true}, or leave bearer out",
            )


def token_origins_are_written_out(settings: Settings) -> Iterator[Fault]:
    for index, origin in enumerate(settings.tokens.origins):
        address = read_address(origin)
        path = ("tokens", "origins", index)
        if address is None or address.wild:
            yield Fault(path, "stands for more than one origin", "write each origin out")
        elif address.scheme == "http" and not address.loopback:
            yield Fault(path, "is a page that anybody on its way may change", "write https://")


def return_addresses_are_safe(settings: Settings) -> Iterator[Fault]:
    for name, client in settings.tokens.clients.items():
        for index, address in enumerate(client.return_addresses):
            if what := _unsafe(address):
                yield Fault(
                    ("tokens", "clients", name, "return_addresses", index),
                    what,
                    "write https, http on 127.0.0.1 or [::1], or a scheme of your own with a dot in it",
                )


def _unsafe(address: str) -> str:
    """What is wrong with a return address; "" where nothing is."""
    if "#" in address or "\\" in address:
        return "has a fragment or a backslash"
    scheme = address.partition(":")[0].lower()
    if scheme not in {"http", "https"}:
        # RFC 8252 section 7.1: a reversed domain name. A bare word is somebody else's, as javascript and data are.
        return "" if "." in scheme else "has a scheme that anything could answer to"
    found = read_address(address.partition("?")[0])
    if found is None or found.wild:
        return "is no address"
    if scheme == "http" and not _is_loopback(found.host):
        # RFC 8252 section 8.3: a name, `localhost` too, may lead elsewhere.
        return "carries the code in the clear"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
