"""`gateway keys`: make, list and rotate. None of them prints a key, or needs a secret of the configuration."""

import secrets
import time
from pathlib import Path

import click

from gateway.cli.days import day
from gateway.cli.root import config_file, config_option, faults_are_lines, loaded
from gateway.errors import KeyFault
from gateway.keys.keyring import Keyring
from gateway.settings.model import Settings
from gateway.storage.key_file import find_keyring, read_keyring, write_keyring


@click.group()
def keys() -> None:
    """Make, list and rotate the gateway's keys."""


@keys.command("generate")
@config_option
@click.pass_context
def generate(context: click.Context, config: str | None) -> None:
    """Make a new key file where there is none."""
    file = Path(_settings(context, config).keys.file)
    with faults_are_lines():
        if find_keyring(file) is not None:
            raise KeyFault(
                f"{file} exists, and a new one would end every session: run `gateway keys rotate` for new keys beside"
                " the old ones, or move the file away first if everybody may sign in again"
            )
        write_keyring(file, Keyring.generate(secrets.token_bytes, time.time()))
    click.echo(f"{file}: written; give every replica the same file")


@keys.command("list")
@config_option
@click.pass_context
def list_(context: click.Context, config: str | None) -> None:
    """Show the keys by id, age and state; never a key itself."""
    file = Path(_settings(context, config).keys.file)
    with faults_are_lines():
        ring = read_keyring(file)
    for entry in ring.entries:
        state = "active" if entry.kid == ring.active else "opens older sessions"
        click.echo(f"secret     {entry.kid:<44} {day(entry.created)}  {state}")
    for key in ring.assertion:
        click.echo(f"assertion  {key.kid:<44} {day(key.created)}  {key.state}")


@keys.command("rotate")
@config_option
@click.pass_context
def rotate(context: click.Context, config: str | None) -> None:
    """Let new keys seal and sign from now on; old ones go on opening and verifying until sessions have ended.

    The key that signs next has been published since the rotation before, so no application meets an unknown one.
    Restart the gateway afterwards, or send SIGHUP to one with several workers.
    """
    settings = _settings(context, config)
    file, now = Path(settings.keys.file), time.time()
    with faults_are_lines():
        ring = read_keyring(file).rotated(secrets.token_bytes, now).pruned(now, settings.sessions.absolute)
        write_keyring(file, ring)
    click.echo(
        f"{file}: rotated; restart every replica of the gateway with it (SIGHUP does where it has several workers)"
    )


def _settings(context: click.Context, config: str | None) -> Settings:
    return loaded(config_file(context, config), secrets=False).settings
