"""The parts of the gateway, each made of those before it; `app.py` puts the doors over them.

Ground   settings, keys, time and chance, events, the store and its bus: what everything stands on
People   providers, sessions, refresh, memory: who somebody is
Law      hosts, rules, policies: who may pass where
Paper    pages and other answers
"""

import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.forward_auth.basic import Basic
from gateway.keys.keyring import Keyring
from gateway.login.familiar import Familiar
from gateway.login.passwords import Passwords
from gateway.login.visitors import Visitors
from gateway.observe.events import Decided, Emit, every_decision
from gateway.pages.answers import Answers
from gateway.pages.editions import Editions
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rules, compile_policies
from gateway.providers.catalog import Catalog, ca_files
from gateway.providers.provider import EndsSession
from gateway.providers.transport import Transport
from gateway.sessions.cookie import Ticket, attempt_cookie, device_cookie, session_cookie
from gateway.sessions.deferred import DeferredEnds
from gateway.sessions.hand_through import HandThrough
from gateway.sessions.inventory import Inventory
from gateway.sessions.lease import Leases
from gateway.sessions.notices import Notices
from gateway.sessions.reader import Reader
from gateway.sessions.refresher import Refresher
from gateway.sessions.rights import Rights
from gateway.sessions.sealing import session_id
from gateway.sessions.session import Session
from gateway.sessions.sessions import Opened, Sessions
from gateway.sessions.shared_look import SharedLook
from gateway.settings.addresses import origin_of
from gateway.settings.credentials import password_providers, reads_basic
from gateway.settings.hand_through import kept_tokens
from gateway.settings.model import Settings
from gateway.storage.bus import Bus
from gateway.storage.buses import open_bus
from gateway.storage.opened import Observed, open_store


@dataclass(frozen=True, slots=True)
class Chance:
    """Time and randomness of the process, handed to whatever needs them. `timer` never goes back."""

    clock: Callable[[], float]
    random: Callable[[int], bytes] = field(repr=False)
    timer: Callable[[], float] = time.perf_counter


@dataclass(frozen=True, slots=True)
class Ground:
    """What everything stands on. `public_url` has no slash at its end; `new_id` names decisions.

    `emit` takes events; `decided` is told of each answer, and says of which an event is wanted.
    """

    settings: Settings
    ring: Keyring
    chance: Chance
    public_url: str
    emit: Emit
    decided: Decided
    store: Observed
    bus: Bus
    new_id: Callable[[], str]


def ground_of(
    settings: Settings, ring: Keyring, chance: Chance, emit: Emit, decided: Decided = every_decision
) -> Ground:
    """Raises `StoreFault` where the store's file cannot be used."""
    url, deployment, clock = settings.store.get_secret_value(), ring.deployment, chance.clock
    return Ground(
        settings=settings,
        ring=ring,
        chance=chance,
        public_url=settings.public_url.rstrip("/"),
        emit=emit,
        decided=decided,
        store=open_store(url, deployment, clock, emit),
        bus=open_bus(url, deployment, clock, emit, chance.random),
        new_id=decision_ids(chance.random),
    )


def decision_ids(random: Callable[[int], bytes]) -> Callable[[], str]:
    """Ids that are short, unique over restarts and replicas, and cost one addition."""
    process, numbers = random(5).hex(), itertools.count(1)
    return lambda: f"{process}-{next(numbers):x}"


@dataclass(frozen=True, slots=True)
class People:
    """Who somebody is."""

    transport: Transport
    catalog: Catalog
    sessions: Sessions
    inventory: Inventory
    deferred: DeferredEnds
    refresher: Refresher
    reader: Reader
    visitors: Visitors
    passwords: Passwords
    familiar: Familiar
    basic: Basic | None


def people_of(ground: Ground) -> People:
    settings, chance, emit = ground.settings, ground.chance, ground.emit
    transport = Transport(clock=chance.clock, ca_files=ca_files(settings.providers))
    catalog = Catalog(settings.providers, transport, kept_tokens(settings), ground.public_url, chance, emit)
    cookie = session_cookie(settings)
    token_lifetime = settings.tokens.lifetime if settings.tokens.enabled else 0.0
    sessions = Sessions(
        ground.store,
        ground.ring,
        cookie,
        settings.sessions,
        ground.ring.deployment,
        emit,
        chance.clock,
        chance.random,
        {provider.name: provider.issuer for provider in catalog},
        catalog.admits,
        ground.bus,
        token_lifetime=token_lifetime,
    )
    inventory = Inventory(
        ground.store,
        ground.ring,
        settings.sessions.absolute,
        ground.ring.deployment,
        emit,
        chance.clock,
        chance.random,
        ground.bus,
        token_lifetime=token_lifetime,
    )
    notices = Notices(ground.bus, chance.clock)
    deferred = DeferredEnds(inventory.end, notices, settings.sessions.absolute, chance.clock)
    leases = Leases(ground.store, chance.clock, chance.random)
    refresher = Refresher(sessions, leases, catalog, settings.sessions, emit, chance.clock)
    reader = _reader_of(ground, sessions, refresher, deferred)
    visitors = Visitors(sessions, ground.ring, cookie, attempt_cookie(settings), chance.clock, chance.random)
    passwords = Passwords(
        providers=catalog.passwords,
        limits=settings.login.passwords,
        store=ground.store,
        admits=catalog.admits,
        clock=chance.clock,
        key=ground.ring.derive("password-account/v1"),
    )
    return People(
        transport,
        catalog,
        sessions,
        inventory,
        deferred,
        refresher,
        reader,
        visitors,
        passwords,
        Familiar(device_cookie(settings), ground.ring, chance.clock),
        _basic_of(ground, passwords),
    )


def _basic_of(ground: Ground, passwords: Passwords) -> Basic | None:
    """What reads `Authorization: Basic`; `None` where no rule does."""
    settings, chance = ground.settings, ground.chance
    if not reads_basic(settings):
        return None
    deployment, longest = ground.ring.deployment, settings.sessions.absolute
    return Basic(
        passwords,
        Rights(ground.store, ground.ring, deployment, longest, chance.clock, chance.random),
        ground.bus,
        ground.emit,
        next(iter(password_providers(settings)), ""),
        chance.clock,
        chance.timer,
        chance.random,
    )


def _reader_of(ground: Ground, sessions: Sessions, refresher: Refresher, deferred: DeferredEnds) -> Reader:
    settings, chance = ground.settings, ground.chance
    looks: SharedLook[Session | None] = SharedLook()
    token_looks: SharedLook[Opened | None] = SharedLook()

    def is_over(ticket: Ticket) -> bool:
        # Signed out here while the store was away: back again, it has the record until `deferred` gets through.
        return bool(deferred) and deferred.holds(session_id(ticket))

    def opened(ticket: Ticket) -> Awaitable[Session | None]:
        return _nobody() if is_over(ticket) else looks.at(ticket, lambda: sessions.open(ticket))

    def opened_with_grants(ticket: Ticket) -> Awaitable[Opened | None]:
        if is_over(ticket):
            return _nobody()
        return token_looks.at(ticket, lambda: sessions.open_with_grants(ticket))

    return Reader(
        opened,
        refresher.ensure,
        HandThrough(opened_with_grants, refresher.ensure, refresher.waiting, kept_tokens(settings)),
        sessions.touch_every,
        ground.bus,
        settings.sessions,
        ground.emit,
        chance.clock,
        chance.timer,
    )


async def _nobody() -> None:
    """A look that finds no session."""


@dataclass(frozen=True, slots=True)
class Law:
    """Who may pass where."""

    hosts: Hosts
    rules: Rules
    policies: dict[str, Rules]


def law_of(settings: Settings) -> Law:
    rules = Rules.of(settings.rules, case_sensitive=settings.case_sensitive_paths)
    return Law(Hosts.of(settings.hosts), rules, compile_policies(settings.policies))


@dataclass(frozen=True, slots=True)
class Paper:
    """What people and programs are told."""

    editions: Editions
    answers: Answers


def paper_of(ground: Ground, catalog: Catalog) -> Paper:
    # A logout form may end at a provider; browsers hold the redirect against `form-action` too.
    targets = sorted(
        {origin_of(provider.issuer) for provider in catalog if isinstance(provider, EndsSession)}
    )
    editions = Editions(ground.settings, targets)
    return Paper(editions, Answers(editions, https=ground.public_url.startswith("https:")))
