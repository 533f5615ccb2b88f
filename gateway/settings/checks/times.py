"""How long things last."""

from collections.abc import Iterator

from gateway.settings.fault import Fault, YamlPath
from gateway.settings.model import Settings
from gateway.settings.password_sections import UsersFileProvider
from gateway.settings.units import format_duration

LONGEST_MEMORY = 30.0


def times_are_positive(settings: Settings) -> Iterator[Fault]:
    spans: list[tuple[YamlPath, float]] = [
        (("sessions", "idle"), settings.sessions.idle),
        (("sessions", "absolute"), settings.sessions.absolute),
        (("login", "attempt_lifetime"), settings.login.attempt_lifetime),
        (("assertion", "lifetime"), settings.assertion.lifetime),
    ]
    spans += [(("providers", name, "timeout"), one.timeout) for name, one in settings.providers.items()]
    spans += [
        (("providers", name, "recheck"), one.recheck)
        for name, one in settings.providers.items()
        if isinstance(one, UsersFileProvider)
    ]
    for path, seconds in spans:
        if seconds <= 0:
            yield Fault(path, "is no time at all", "write a duration above 0, as in 10m")


def idle_ends_before_absolute(settings: Settings) -> Iterator[Fault]:
    limits = settings.sessions
    if limits.idle > limits.absolute:
        yield Fault(
            ("sessions", "idle"),
            f"is longer than sessions.absolute, {format_duration(limits.absolute)}, and could never be reached",
            "write a shorter idle, or a longer absolute",
        )


def memory_is_short(settings: Settings) -> Iterator[Fault]:
    limits = settings.sessions
    if limits.cache_ttl > LONGEST_MEMORY:
        yield Fault(
            ("sessions", "cache_ttl"),
            "is how long somebody who has signed out may still get in where a notice is lost",
            f"write at most {format_duration(LONGEST_MEMORY)}, as in 5s",
        )
    if limits.grace > LONGEST_MEMORY:
        yield Fault(
            ("sessions", "on_store_failure", "grace"),
            "is how long somebody who has signed out may still get in while the store does not answer",
            f"write at most {format_duration(LONGEST_MEMORY)}",
        )
    if limits.on_store_failure != "closed" and not limits.grace:
        yield Fault(
            ("sessions", "on_store_failure", "grace"), "is no time at all", "write closed, or {grace: 30s}"
        )
