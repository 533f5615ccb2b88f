"""The command `gateway`: a thin roof over the packages. Exit codes: 0 fine, 1 a fault was found, 2 usage.

A command is a function here; what it does stands in the package that it is about. Results go to standard output;
faults and warnings to standard error, one a line, with nothing in front of file and line.
"""

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from gateway.errors import GatewayError, SettingsFault
from gateway.settings.load import Loaded, load_with_warnings
from gateway.settings.model import Settings
from gateway.settings.schema import schema_text

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """`--config`, the same in front of a command and behind it."""
    return click.option(
        "--config",
        metavar="FILE",
        help="The configuration; GATEWAY_CONFIG, else gateway.yaml, if it is not given.",
    )(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@config_option
@click.version_option(package_name="auth-gateway", prog_name="gateway")
@click.pass_context
def main(context: click.Context, config: str | None) -> None:
    """Login, sessions, identity and policy in front of any web application."""
    context.obj = config or os.environ.get("GATEWAY_CONFIG") or "gateway.yaml"


@main.command()
@config_option
@click.option(
    "--schema", is_flag=True, help="Print the JSON Schema of the configuration instead, for editors."
)
@click.pass_context
def check(context: click.Context, config: str | None, *, schema: bool) -> None:
    """Check the configuration and say what it sets up."""
    if schema:
        click.echo(schema_text(), nl=False)
        return
    file = config or context.obj
    loaded = load_or_exit(file)
    click.echo(f"{file}: fine")
    for name, value in summary(loaded.settings):
        click.echo(f"  {name:<10} {value}")


def load_or_exit(file: str) -> Loaded:
    """The settings, with warnings printed; or every fault printed, and exit code 1."""
    try:
        loaded = load_with_warnings(file, os.environ)
    except SettingsFault as fault:
        for line in fault.faults:
            click.echo(line, err=True)
        sys.exit(1)
    for line in loaded.warnings:
        click.echo(line, err=True)
    return loaded


def summary(settings: Settings) -> list[tuple[str, str]]:
    """What the configuration sets up, in (name, value) lines. Holds no secret: of the store only its kind."""
    server = settings.server
    proxies = ", ".join(map(str, server.trusted_proxies)) or "none"
    secret = " and X-Gateway-Secret" if server.verify_secret else ""
    return [
        ("public", settings.public_url),
        ("hosts", ", ".join(settings.hosts)),
        ("cookie", cookie_layout(settings)),
        ("pages", str(server.bind)),
        ("verify", f"{server.verify_bind}, trusting {proxies}{secret}"),
        ("metrics", str(server.metrics_bind)),
        ("store", settings.store.kind),
        (
            "providers",
            ", ".join(f"{name} ({one.type})" for name, one in settings.providers.items()) or "none",
        ),
        ("rules", _count(settings)),
    ]


def cookie_layout(settings: Settings) -> str:
    """The session cookie's name, and how far it reaches."""
    name, domain = settings.sessions.cookie_name, settings.sessions.cookie_domain
    reach = f"every host under {domain}" if domain else "this host alone"
    if settings.public_url.startswith("http://"):
        return f"{name}, {reach}, over plain http"
    return f"__Secure-{name}, {reach}" if domain else f"__Host-{name}, {reach}"


def _count(settings: Settings) -> str:
    policies = f", policies: {', '.join(settings.policies)}" if settings.policies else ""
    return f"{len(settings.rules)}{policies}"


@main.command()
@config_option
@click.pass_context
def serve(context: click.Context, config: str | None) -> None:
    """Run the gateway until it is told to stop."""
    from gateway.serve.run import run

    loaded = load_or_exit(config or context.obj)
    try:
        run(loaded.settings)
    except GatewayError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
