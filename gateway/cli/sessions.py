"""`gateway sessions`: list and end the sessions of people. None of them needs, or prints, what opens a session."""

import asyncio
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.root import config_file, config_option, faults_are_lines, loaded
from gateway.errors import StoreFault
from gateway.sessions.inventory import Inventory, Listed
from gateway.sessions.session import log_name
from gateway.settings.model import Settings
from gateway.storage.buses import open_bus
from gateway.storage.key_file import read_keyring
from gateway.storage.opened import open_store

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

PATIENCE = 600.0
"""Seconds that the records of a person's ended sessions may take to go; over they are before."""


def person_options(command: F) -> F:
    """Who: the section of `providers:`, and what it calls the person."""
    subject = click.option(
        "--subject", metavar="SUB", help="What follows the provider in X-Auth-Subject: `sub`, or TENANT:ID."
    )
    provider = click.option("--provider", metavar="NAME", help="A section of `providers:`.")
    return provider(subject(command))


def session_option(command: F) -> F:
    return click.option("--session", metavar="ID", help="One session, by the id that `list` shows.")(command)


@click.group()
def sessions() -> None:
    """List and end sessions."""


@sessions.command("list")
@config_option
@person_options
@session_option
@click.option("--json", "as_json", is_flag=True, help="One JSON array, times in Unix seconds.")
@click.pass_context
def list_(
    context: click.Context,
    config: str | None,
    provider: str | None,
    subject: str | None,
    session: str | None,
    *,
    as_json: bool,
) -> None:
    """Show the living sessions of a person, oldest first, or one session."""
    settings = _settings(context, config)
    who = _who(settings, provider, subject, session)

    async def ask(inventory: Inventory) -> tuple[Listed, ...]:
        if who:
            return await inventory.of_person(*who)
        found = await inventory.get(session or "")
        return (found,) if found else ()

    found = _run(settings, ask)
    click.echo(json.dumps([_document(one) for one in found], indent=2) if as_json else _table(found))


@sessions.command("end")
@config_option
@person_options
@session_option
@click.pass_context
def end(
    context: click.Context, config: str | None, provider: str | None, subject: str | None, session: str | None
) -> None:
    """End one session, or all sessions of a person, on every replica."""
    settings = _settings(context, config)
    who = _who(settings, provider, subject, session)
    if who:
        _run(settings, lambda inventory: inventory.end_all(*who, "operator"))
        click.echo(f"every session of {provider}:{subject} is over")
    elif _run(settings, lambda inventory: inventory.end(session or "", "operator")):
        click.echo(f"session {session} is over")
    else:
        click.echo(f"there is no session {session}", err=True)
        sys.exit(1)


@sessions.command("disable")
@config_option
@person_options
@click.pass_context
def disable(context: click.Context, config: str | None, provider: str | None, subject: str | None) -> None:
    """End all sessions of a person, and let them begin none for a year.

    For good, take the person off the provider, or off its `allow:`.
    """
    settings = _settings(context, config)
    who = _person(settings, provider, subject)
    _run(settings, lambda inventory: inventory.disable(*who))
    click.echo(f"{provider}:{subject} is signed out, and can sign in no more")


@sessions.command("enable")
@config_option
@person_options
@click.pass_context
def enable(context: click.Context, config: str | None, provider: str | None, subject: str | None) -> None:
    """Let a disabled person sign in again."""
    settings = _settings(context, config)
    who = _person(settings, provider, subject)
    _run(settings, lambda inventory: inventory.enable(*who))
    click.echo(f"{provider}:{subject} can sign in")


def _settings(context: click.Context, config: str | None) -> Settings:
    return loaded(config_file(context, config)).settings


def _who(
    settings: Settings, provider: str | None, subject: str | None, session: str | None
) -> tuple[str, str] | None:
    """The person that is meant, or `None` for a session; a usage error where it is neither, or both."""
    if session is None:
        return _person(settings, provider, subject)
    if provider is not None or subject is not None:
        raise click.UsageError("write --session, or --provider and --subject")
    return None


def _person(settings: Settings, provider: str | None, subject: str | None) -> tuple[str, str]:
    """Issuer and subject."""
    if not provider or not subject:
        raise click.UsageError("write --provider and --subject")
    section = settings.providers.get(provider)
    if section is None:
        known = ", ".join(settings.providers) or "none"
        raise click.UsageError(f"providers: has no section {provider}; there are: {known}")
    return section.home, subject


def _run(settings: Settings, ask: Callable[[Inventory], Awaitable[T]]) -> T:
    file = settings.store.file

    async def asked() -> T:
        async with _inventory(settings) as inventory:
            return await ask(inventory)

    with faults_are_lines():
        if file and not Path(file).exists():
            raise StoreFault(f"{file} does not exist: no gateway has kept a session there yet")
        return asyncio.run(asked())


@asynccontextmanager
async def _inventory(settings: Settings) -> AsyncIterator[Inventory]:
    """The inventory of the deployment that the settings name, beside the gateways that run."""
    ring = read_keyring(Path(settings.keys.file))
    url, deployment = settings.store.get_secret_value(), ring.deployment
    bus = open_bus(url, deployment, time.time, _ignore, secrets.token_bytes)
    store = open_store(url, deployment, time.time, _ignore)
    absolute = settings.sessions.absolute
    lifetime = settings.tokens.lifetime if settings.tokens.enabled else 0.0
    inventory = Inventory(
        store,
        ring,
        absolute,
        deployment,
        _ignore,
        time.time,
        secrets.token_bytes,
        bus,
        token_lifetime=lifetime,
    )
    try:
        yield inventory
        await inventory.close(PATIENCE)
    finally:
        await bus.close()
        await store.close()


def _ignore(_event: object) -> None:
    """Events go into the gateway's log; a command says what it did."""


def _document(listed: Listed) -> dict[str, Any]:
    entry = listed.entry
    return {
        "id": listed.id,
        "log_name": log_name(listed.id),
        "subject": entry.subject,
        "provider": entry.provider,
        "device": entry.device,
        "network": entry.network,
        "created": entry.created,
        "seen": listed.seen,
        "ends": entry.absolute_end,
    }


def _table(found: tuple[Listed, ...]) -> str:
    if not found:
        return "no session"
    rows = [("SESSION", "SUBJECT", "SINCE", "SEEN", "DEVICE", "NETWORK")]
    rows += [
        (
            one.id,
            one.entry.subject,
            _moment(one.entry.created),
            _moment(one.seen),
            one.entry.device or "-",
            one.entry.network or "-",
        )
        for one in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]) for row in rows]
    return "\n".join([line.rstrip() for line in lines])


def _moment(seconds: int) -> str:
    """A minute, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else "-"
