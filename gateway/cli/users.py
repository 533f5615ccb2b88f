"""`gateway users`: hashes for the file of a `users-file` provider, and a look at such a file."""

import secrets
import sys
from pathlib import Path

import click

from gateway.cli.root import faults_are_lines, warn
from gateway.errors import SettingsFault
from gateway.keys.password_hash import SALT, hash_password
from gateway.providers.account import LONGEST
from gateway.providers.users_source import read_file


@click.group()
def users() -> None:
    """Make hashes for a users-file, and check such a file."""


@users.command("hash")
@click.option("--stdin", is_flag=True, help="Read the password from standard input: one line.")
def hash_(*, stdin: bool) -> None:
    """Ask for a password twice and print its argon2id hash.

    A password is never an argument: those are seen by everybody on the machine, and stay in the shell's history.
    """
    password = _piped() if stdin else _typed()
    with faults_are_lines():
        _usable(password)
    click.echo(hash_password(password, secrets.token_bytes(SALT)))


@users.command("check")
@click.argument("file", type=click.Path(path_type=Path))
def check_(file: Path) -> None:
    """Say what is wrong with a users-file, every fault at once, or how many people are in it."""
    with faults_are_lines():
        found, _ = read_file(file)
        if found.faults:
            raise SettingsFault(found.faults)
    for line in found.notes:
        warn(line)
    number = len(found.people)
    click.echo(f"{file}: fine, {number} {'person' if number == 1 else 'people'}")


def _typed() -> str:
    # Asked on standard error, so that `gateway users hash >> file` writes the hash alone.
    return str(
        click.prompt(
            "Password",
            hide_input=True,
            confirmation_prompt="The same again",
            err=True,
            default="",
            show_default=False,
        )
    )


def _piped() -> str:
    try:
        return sys.stdin.buffer.read(8 * LONGEST).decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        return "\0"


def _usable(password: str) -> None:
    if not password:
        raise SettingsFault(("the password is empty: write one",))
    if len(password) > LONGEST:
        raise SettingsFault((f"the password is longer than {LONGEST} characters: no sign-in takes it",))
    if not password.isprintable():
        # One line was meant; and nobody can type the rest into a form.
        raise SettingsFault(("the password holds a line break or another control character: write one line",))
