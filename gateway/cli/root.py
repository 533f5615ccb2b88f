"""What every command stands on: the group, `--config`, and faults as lines on standard error."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from gateway.errors import GatewayError
from gateway.settings.load import Loaded, load_with_warnings

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


def config_file(context: click.Context, config: str | None) -> str:
    """The file: named behind the command, else in front of it, else by the environment."""
    return config or str(context.find_root().obj)


@contextmanager
def faults_are_lines() -> Iterator[None]:
    """Every fault of the gateway's own is printed, and ends the command with exit code 1."""
    try:
        yield
    except GatewayError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)


def loaded(file: str, *, secrets: bool = True) -> Loaded:
    """The settings, with warnings printed; or every fault printed, and exit code 1.

    `secrets` is false for a command that uses none, so that it runs where they are not.
    """
    with faults_are_lines():
        found = load_with_warnings(file, os.environ, secrets=secrets)
    for line in found.warnings:
        warn(line)
    return found


def warn(line: str) -> None:
    click.echo(f"warning: {line}", err=True)
