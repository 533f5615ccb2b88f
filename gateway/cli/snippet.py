"""`gateway snippet`: the configuration of a proxy, printed, or written beside what an operator may have edited."""

from collections.abc import Mapping
from pathlib import Path

import click
from click.core import ParameterSource

from gateway.cli.next_steps import next_steps
from gateway.cli.root import config_file, config_option, faults_are_lines, loaded
from gateway.errors import SettingsFault
from gateway.forward_auth.snippets import caddy, haproxy, nginx, traefik
from gateway.forward_auth.snippets.plan import APPLICATION

SNIPPETS = {
    "nginx": nginx.snippet,
    "traefik": traefik.snippet,
    "caddy": caddy.snippet,
    "haproxy": haproxy.snippet,
}


@click.command()
@config_option
@click.argument("proxy", type=click.Choice(sorted(SNIPPETS)))
@click.option(
    "--application", default=APPLICATION, show_default=True, metavar="URL", help="Where the application is."
)
@click.option("--output", metavar="DIR", help="Write the files there instead of printing them.")
@click.option("--force", is_flag=True, help="With --output, replace files that hold other text.")
@click.pass_context
def snippet(
    context: click.Context,
    config: str | None,
    proxy: str,
    application: str,
    output: str | None,
    *,
    force: bool,
) -> None:
    """Print or write the configuration of a proxy.

    It is exact for the hosts in gateway.yaml. The secrets of that file need not be there.
    """
    if force and not output:
        raise click.UsageError("--force says which files to replace only together with --output DIR.")
    settings = loaded(config_file(context, config), secrets=False).settings
    with faults_are_lines():
        texts = SNIPPETS[proxy](settings, application)
        if output:
            write(Path(output), texts, force=force)
            given = context.get_parameter_source("application") is not ParameterSource.DEFAULT
            click.echo(next_steps(proxy, given=given, secret=settings.server.verify_secret is not None))
            return
    for name, text in texts.items():
        if len(texts) > 1:
            click.echo(f"{'--' if name.endswith('.lua') else '#'} ----- {name} -----")
        click.echo(text)


def write(folder: Path, texts: Mapping[str, str], *, force: bool) -> None:
    """Write what is missing, leave what is the same, and refuse all of it where a file holds other text.

    What an operator filled in, such as certificates, would be lost. Raises `SettingsFault`.
    """
    present = {name: _content(folder / name) for name in texts}
    other = [name for name, text in texts.items() if present[name] not in {None, text.encode()}]
    if other and not force:
        raise SettingsFault(tuple(f"{folder / name} {_KEPT}" for name in other))
    for name, text in texts.items():
        if present[name] == text.encode():
            click.echo(f"{folder / name}: unchanged")
        else:
            _write(folder / name, text)
            click.echo(f"{folder / name}: written")


_KEPT = "holds other text, and nothing was written: write to another folder and compare, or replace it with --force"


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsFault(
            (f"{file} cannot be read ({error.strerror}): check its owner and mode",)
        ) from None


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    except OSError as error:
        said = f"{file} cannot be written ({error.strerror}): check the folder's owner and mode"
        raise SettingsFault((said,)) from None
