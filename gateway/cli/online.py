"""`gateway check --online`: what the providers say of themselves, beside gateway.yaml."""

import asyncio
import secrets
import time

import click

from gateway.cli.root import faults_are_lines, warn
from gateway.providers.catalog import Catalog, ca_files
from gateway.providers.ldap.provider import Ldap
from gateway.providers.probe import Report, probe
from gateway.providers.provider import Provider
from gateway.providers.transport import Transport
from gateway.settings.load import Loaded
from gateway.settings.model import Settings
from gateway.settings.provider_section import ProviderSection
from gateway.wiring import Chance


def ask_providers(loaded: Loaded) -> bool:
    """Print a report on each provider, and what does not fit. Says whether nobody is kept from signing in by it."""
    with faults_are_lines():
        reports = asyncio.run(_reports(loaded.settings))
    for report in reports:
        _show(loaded, report)
    return not any(finding.breaks for report in reports for finding in report.findings)


async def _reports(settings: Settings) -> list[Report]:
    """All at once, in the order of the file: the slowest provider is what is waited for."""
    transport = Transport(clock=time.time, ca_files=ca_files(settings.providers))
    chance = Chance(clock=time.time, random=secrets.token_bytes)
    try:
        catalog = Catalog(settings.providers, transport, chance=chance)
        return await asyncio.gather(*[_report(catalog, one, settings.providers[one.name]) for one in catalog])
    finally:
        await transport.close()


async def _report(catalog: Catalog, provider: Provider, section: ProviderSection) -> Report:
    if isinstance(provider, Ldap):
        seen = await provider.survey()
        await provider.close()
        return Report(provider.name, "ldap", seen.lines, seen.findings)
    return await catalog.run(probe(provider, section), provider=provider.name)


def _show(loaded: Loaded, report: Report) -> None:
    click.echo(f"providers.{report.name} ({report.kind})")
    for name, value in report.lines:
        click.echo(f"  {name:<10} {_printable(value)}")
    for finding in report.findings:
        line = _printable(loaded.origins.describe(finding.fault))
        if finding.breaks:
            click.echo(line, err=True)
        else:
            warn(line)


def _printable(text: str) -> str:
    """A provider's words may hold anything; a terminal gets letters alone, and not without end."""
    plain = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join([letter if letter.isprintable() else "?" for letter in plain])[:1000]
