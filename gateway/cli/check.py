"""`gateway check`: whether the configuration and the keys are fine, and what they set up."""

import asyncio
import sys
from pathlib import Path

import click

from gateway.cli.days import day
from gateway.cli.online import ask_providers
from gateway.cli.root import config_file, config_option, faults_are_lines, loaded, warn
from gateway.errors import SettingsFault
from gateway.keys.keyring import Keyring
from gateway.providers.catalog import ca_files
from gateway.providers.trust import trust_faults
from gateway.providers.users_source import read_file
from gateway.serve.start_keys import look_at_keys
from gateway.settings.load import Loaded
from gateway.settings.model import Settings
from gateway.settings.password_sections import UsersFileProvider
from gateway.settings.schema import schema_text
from gateway.storage.inspection import inspect_store


@click.command()
@config_option
@click.option(
    "--schema", is_flag=True, help="Print the JSON Schema of the configuration instead, for editors."
)
@click.option(
    "--online",
    is_flag=True,
    help="Ask the store and the providers too: whether they answer, and what does not fit the configuration.",
)
@click.pass_context
def check(context: click.Context, config: str | None, *, schema: bool, online: bool) -> None:
    """Check the configuration and the key file. Say what they set up, or every fault at once."""
    if schema:
        click.echo(schema_text(), nl=False)
        return
    file = config_file(context, config)
    found = loaded(file)
    settings = found.settings
    with faults_are_lines():
        ring, warning = look_at_keys(settings)
        look_at_people(settings)
        look_at_trust(found)
    if warning:
        warn(f"keys.file: {warning}")
    if online:
        ask_store(settings)
        if not ask_providers(found):
            sys.exit(1)
    click.echo(f"{file}: fine")
    for name, value in summary(settings, ring):
        click.echo(f"  {name:<10} {value}")


def ask_store(settings: Settings) -> None:
    """Print a warning for each thing that would lose sessions; a store that does not answer ends the command."""
    with faults_are_lines():
        found = asyncio.run(inspect_store(settings.store))
    for sentence in found:
        warn(f"store: {sentence}")


def look_at_people(settings: Settings) -> None:
    """Print a warning for each thing worth a look in the files of people; raises `SettingsFault` for what is wrong."""
    files = [one.file for one in settings.providers.values() if isinstance(one, UsersFileProvider)]
    found = [read_file(Path(file))[0] for file in files]
    for line in [line for users in found for line in users.notes]:
        warn(line)
    if faults := tuple([line for users in found for line in users.faults]):
        raise SettingsFault(faults)


def look_at_trust(found: Loaded) -> None:
    """Raises `SettingsFault` for CA bundles by which no certificate could be checked."""
    if faults := list(trust_faults(ca_files(found.settings.providers))):
        raise SettingsFault(tuple([found.origins.describe(fault) for fault in faults]))


def summary(settings: Settings, ring: Keyring | None) -> list[tuple[str, str]]:
    """What the configuration sets up, in (name, value) lines. Holds no secret: of a shared store only its kind."""
    server, store = settings.server, settings.store
    proxies = ", ".join(map(str, server.trusted_proxies)) or "none"
    secret = " and X-Gateway-Secret" if server.verify_secret else ""
    providers = [f"{name} ({one.type})" for name, one in settings.providers.items()]
    return [
        ("public", settings.public_url),
        ("hosts", ", ".join(settings.hosts)),
        ("cookie", cookie_layout(settings)),
        ("pages", str(server.bind)),
        ("verify", f"{server.verify_bind}, trusting {proxies}{secret}"),
        ("metrics", str(server.metrics_bind)),
        ("keys", f"{settings.keys.file}, {_age(settings, ring)}"),
        ("store", f"{store.kind}:{store.file}" if store.file else store.kind),
        ("providers", ", ".join(providers) or "none"),
        ("rules", _count(settings)),
    ]


def cookie_layout(settings: Settings) -> str:
    """The session cookie's name, and how far it reaches."""
    name, domain = settings.sessions.cookie_name, settings.sessions.cookie_domain
    reach = f"every host under {domain}" if domain else "this host alone"
    if settings.public_url.startswith("http://"):
        return f"{name}, {reach}, over plain http"
    return f"__Secure-{name}, {reach}" if domain else f"__Host-{name}, {reach}"


def _age(settings: Settings, ring: Keyring | None) -> str:
    if ring is not None:
        return f"the newest of {day(ring.entries[-1].created)}"
    return "made at the next start" if settings.store.file else "missing"


def _count(settings: Settings) -> str:
    policies = f", policies: {', '.join(settings.policies)}" if settings.policies else ""
    return f"{len(settings.rules)}{policies}"
