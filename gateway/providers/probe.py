"""A look at a provider before anybody depends on it: `gateway check --online`.

Only what stands open is read: discovery documents and keys, by the flow that a login reads them with, and of other
endpoints whether anybody is there. Nothing that is secret is sent, and nobody is signed in.
"""

from dataclasses import dataclass

from gateway.errors import ProviderFault, ProviderUnavailable
from gateway.providers.comparison import Compared, Finding, findings
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Ask, Flow, Provider
from gateway.providers.strongest import Lines, offered
from gateway.settings.fault import Fault
from gateway.settings.provider_section import ProviderSection
from gateway.settings.providers import OidcSection

_LATER = "look whether it is up, and whether this machine may reach it"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found at one provider: (name, value) lines of what it offers, and what does not fit."""

    name: str
    kind: str
    lines: Lines
    findings: tuple[Finding, ...]


def probe(provider: Provider, section: ProviderSection) -> Flow[Report]:
    """Raises nothing: a provider that is down is a finding."""
    kind = str(getattr(section, "type", ""))
    if not isinstance(provider, Oidc) or not isinstance(section, OidcSection):
        lines, found = yield from _answering(provider.name, section)
        return Report(provider.name, kind, lines, found)
    try:
        metadata, keys = yield from provider.published()
    except ProviderFault as fault:
        return Report(provider.name, kind, (), (_finding(provider.name, "issuer", fault),))
    compared = Compared(provider.name, section, metadata, keys)
    return Report(provider.name, kind, offered(compared), tuple(findings(compared)))


def _answering(name: str, section: ProviderSection) -> Flow[tuple[Lines, tuple[Finding, ...]]]:
    """Whether somebody answers at each endpoint; what is answered to a question without credentials says nothing."""
    lines, found = [], []
    for key, url in section.endpoints.items():
        if key == "issuer":  # a name, under which nothing needs to stand
            continue
        try:
            yield Ask(url, method="HEAD")
        except ProviderUnavailable as fault:
            found.append(_finding(name, key, fault))
        else:
            lines.append((key.removesuffix("_endpoint"), f"{url} answers"))
    return tuple(lines), tuple(found)


def _finding(name: str, key: str, fault: ProviderFault) -> Finding:
    return Finding(Fault(("providers", name, key), fault.detail, fault.remedy or _LATER))
