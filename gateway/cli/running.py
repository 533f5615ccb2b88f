"""`gateway serve` and `gateway demo`: the commands that go on until they are told to stop."""

import os
import sys

import click

from gateway.cli.root import config_file, config_option, faults_are_lines, loaded
from gateway.serve.run import run
from gateway.settings.load import load


@click.command()
@config_option
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Processes that answer; server.workers of the configuration, if it is not given.",
)
@click.pass_context
def serve(context: click.Context, config: str | None, workers: int | None) -> None:
    """Run the gateway until it is told to stop."""
    file = config_file(context, config)
    settings = loaded(file).settings
    with faults_are_lines():
        run(settings, lambda: load(file, os.environ), workers)


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="The port for the browser; 8080, or another one if that is taken, if it is not given.",
)
def demo(port: int | None) -> None:
    """Try it on this machine, without any configuration.

    It starts gateway, identity provider, sample application and proxy; Ctrl-C ends everything.
    """
    # A provider, a browser's view and a proxy of its own: `gateway serve` would carry them for nothing.
    from gateway.demo.run import demo as run_demo  # noqa: PLC0415

    sys.exit(run_demo(port))
