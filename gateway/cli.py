"""The command `gateway`: a thin roof over the packages. Exit codes: 0 fine, 1 a fault was found, 2 usage.

A command is a function here; what it does stands in the package that it is about. Results go to standard output;
faults and warnings to standard error, one a line, with nothing in front of file and line.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.demo.run import demo as run_demo
from gateway.errors import GatewayError, KeyFault, SettingsFault
from gateway.forward_auth.snippets import caddy, haproxy, nginx, traefik
from gateway.forward_auth.snippets.plan import APPLICATION
from gateway.keys.keyring import Keyring
from gateway.serve.run import run
from gateway.settings.load import Loaded, load_with_warnings
from gateway.settings.model import Settings
from gateway.settings.schema import schema_text
from gateway.storage.key_file import read_keyring, write_keyring

SNIPPETS = {
    "nginx": nginx.snippet,
    "traefik": traefik.snippet,
    "caddy": caddy.snippet,
    "haproxy": haproxy.snippet,
}

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
    loaded = load_or_exit(config or context.obj)
    try:
        run(loaded.settings)
    except GatewayError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


@main.group()
def keys() -> None:
    """Make, list and rotate the gateway's keys."""


@keys.command("generate")
@config_option
@click.pass_context
def keys_generate(context: click.Context, config: str | None) -> None:
    """Make a new key file where there is none."""
    file = key_file(context, config)
    if file.exists():
        click.echo(
            f"{file}: exists; a new one would end every session. Rotate it instead, or remove it first.",
            err=True,
        )
        sys.exit(1)
    write_or_exit(file, Keyring.generate(secrets.token_bytes, time.time()))
    click.echo(f"{file}: written; give every replica the same file")


@keys.command("list")
@config_option
@click.pass_context
def keys_list(context: click.Context, config: str | None) -> None:
    """Show the keys by id, age and state; never a key itself."""
    ring = read_or_exit(key_file(context, config))
    for entry in ring.entries:
        state = "active" if entry.kid == ring.active else "opens older sessions"
        click.echo(f"secret     {entry.kid:<44} {day(entry.created)}  {state}")
    for key in ring.assertion:
        click.echo(f"assertion  {key.kid:<44} {day(key.created)}  {key.state}")


@keys.command("rotate")
@config_option
@click.pass_context
def keys_rotate(context: click.Context, config: str | None) -> None:
    """Let new keys seal and sign from now on; old ones go on opening and verifying until sessions have ended.

    The key that signs next has been published since the rotation before, so no application meets an unknown one.
    Restart the gateway afterwards.
    """
    settings = load_or_exit(config or root_config(context)).settings
    file, now = Path(settings.keys.file), time.time()
    ring = read_or_exit(file).rotated(secrets.token_bytes, now).pruned(now, settings.sessions.absolute)
    write_or_exit(file, ring)
    click.echo(f"{file}: rotated; restart every replica of the gateway with it")


@main.command()
@config_option
@click.argument("proxy", type=click.Choice(sorted(SNIPPETS)))
@click.option(
    "--application", default=APPLICATION, show_default=True, metavar="URL", help="Where the application is."
)
@click.option("--output", metavar="DIR", help="Write the files there instead of printing them.")
@click.pass_context
def snippet(
    context: click.Context, config: str | None, proxy: str, application: str, output: str | None
) -> None:
    """Print the exact configuration of a proxy for the hosts in gateway.yaml."""
    settings = load_or_exit(config or context.obj).settings
    try:
        texts = SNIPPETS[proxy](settings, application)
    except GatewayError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    for name, text in texts.items():
        if output:
            write_snippet(Path(output) / name, text)
        else:
            click.echo(
                f"{'--' if name.endswith('.lua') else '#'} ----- {name} -----" if len(texts) > 1 else "",
                nl=len(texts) > 1,
            )
            click.echo(text)


def write_snippet(target: Path, text: str) -> None:
    """Write one file of a snippet, or say why it cannot be written."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(
            f"{target} cannot be written ({error.strerror}): check the folder's owner and mode", err=True
        )
        sys.exit(1)
    click.echo(f"{target}: written")


@main.command()
def demo() -> None:
    """Try it: gateway, identity provider, sample application and proxy on this machine; Ctrl-C ends everything."""
    sys.exit(run_demo())


def root_config(context: click.Context) -> str:
    """The file that was named in front of the command."""
    return str(context.find_root().obj)


def key_file(context: click.Context, config: str | None) -> Path:
    """Where gateway.yaml keeps the keys."""
    return Path(load_or_exit(config or root_config(context)).settings.keys.file)


def read_or_exit(file: Path) -> Keyring:
    try:
        return read_keyring(file)
    except KeyFault as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)


def write_or_exit(file: Path, ring: Keyring) -> None:
    try:
        write_keyring(file, ring)
    except KeyFault as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)


def day(seconds: int) -> str:
    """A date, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
