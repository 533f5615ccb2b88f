"""Which provider is offered where: hosts that are protected, providers that there are."""

from collections.abc import Iterator

from gateway.settings.checks.coverage import hosts_around
from gateway.settings.checks.origins import listed
from gateway.settings.fault import Fault, YamlPath, did_you_mean
from gateway.settings.model import Settings

_HOSTS: YamlPath = ("login", "hosts")
_DOMAINS: YamlPath = ("login", "domains")


def login_hosts_are_protected(settings: Settings) -> Iterator[Fault]:
    """A host that no return address can have narrows no choice, and whoever wrote it thinks that it does."""
    protected = {host.shown_host for host in listed(settings)}
    # A suffix that is wider than a protected one fits its hosts as well.
    around = {pattern for host in protected for pattern in hosts_around(host)}
    for host in settings.login.hosts:
        if host not in around and protected.isdisjoint(hosts_around(host)):
            yield Fault(
                (*_HOSTS, host),
                "is not among the hosts, so that nobody is ever sent back there",
                "add it to hosts:, or write one that stands there",
            )


def offered_providers_exist(settings: Settings) -> Iterator[Fault]:
    """Neither a host nor a domain leads to a provider that is not there."""
    known = tuple(sorted(settings.providers))
    places = [
        ((*_HOSTS, host, index), name)
        for host, names in settings.login.hosts.items()
        for index, name in enumerate(names)
    ]
    places += [((*_DOMAINS, domain), name) for domain, name in settings.login.domains.items()]
    for path, name in places:
        if name not in settings.providers:
            hint = did_you_mean(name, known) if known else "add it to providers:"
            yield Fault(path, "no provider has this name", hint)
