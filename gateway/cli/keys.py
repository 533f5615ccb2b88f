"""`gateway keys`: make, list and rotate. None of them prints a secret, or needs one of the configuration."""

import json
import os
import secrets
import time
from pathlib import Path

import click

from gateway.cli.days import day
from gateway.cli.root import config_file, config_option, faults_are_lines, loaded
from gateway.errors import KeyFault
from gateway.keys.client_key import ClientKey, new_client_key
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
    settings = _settings(context, config)
    file = Path(settings.keys.file)
    with faults_are_lines():
        if find_keyring(file) is not None:
            raise KeyFault(
                f"{file} exists, and a new one would end every session: run `gateway keys rotate` for new keys beside"
                " the old ones, or move the file away first if everybody may sign in again"
            )
        write_keyring(file, _for_tokens(settings, Keyring.generate(secrets.token_bytes, time.time())))
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
    for token in ring.tokens:
        click.echo(f"token      {token.kid:<44} {day(token.created)}  {token.state}, {token.algorithm}")


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
        write_keyring(file, _for_tokens(settings, ring))
    click.echo(
        f"{file}: rotated; restart every replica of the gateway with it (SIGHUP does where it has several workers)"
    )


@keys.command("client")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--new", is_flag=True, help="Make the key (EC P-256) first; FILE must not be there yet.")
@click.option(
    "--kid", default="", metavar="ID", help="client_key_id of the configuration, if one is written there."
)
def client(file: Path, *, new: bool, kid: str) -> None:
    """Print the public part of a client_key, as the JWK set to register at the provider."""
    with faults_are_lines():
        if new:
            _write_new(file, new_client_key(secrets.token_bytes))
        jwk = _read_client_key(file, kid).public_jwk()
    click.echo(json.dumps({"keys": [jwk]}, indent=2))


def _for_tokens(settings: Settings, ring: Keyring) -> Keyring:
    """The ring, with a key for access tokens where the configuration has them issued: RSA keys take a moment to make."""
    if not settings.tokens.enabled:
        return ring
    return ring.for_tokens(settings.tokens.algorithm, secrets.token_bytes, time.time())


def _write_new(file: Path, pem: str) -> None:
    try:
        # Nobody else may read it at any moment, and a key that is there is not lost.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as target:
            target.write(pem)
    except FileExistsError:
        raise KeyFault(f"{file}: exists already; leave `--new` out to print its public part") from None
    except OSError as error:
        raise KeyFault(f"{file}: cannot be made: {(error.strerror or 'no reason given').lower()}") from None


def _read_client_key(file: Path, kid: str) -> ClientKey:
    try:
        return ClientKey.parse(file.read_text("utf-8"), kid)
    except OSError as error:
        reason = (error.strerror or "it does not open").lower()
        raise KeyFault(f"{file}: cannot be read: {reason}; `--new` makes it") from None
    except ValueError:
        raise KeyFault(f"{file}: is not UTF-8 text") from None
    except KeyFault as fault:
        raise KeyFault(f"{file}: {fault}; RSA of 2048 to 8192 bits, EC P-256 and Ed25519 are taken") from None


def _settings(context: click.Context, config: str | None) -> Settings:
    return loaded(config_file(context, config), secrets=False).settings
