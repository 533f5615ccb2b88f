"""First-party tokens, wired: the door at which they are given, and the scheme that takes them at the verify endpoints."""

from gateway.forward_auth.bearer import Bearer
from gateway.guard.proxies import Proxies
from gateway.guard.rate_limit import RateLimit
from gateway.keys.seal import Sealer
from gateway.login.departing import Departing
from gateway.login.routes import LoginDoor
from gateway.login.token_door import TokenDoor
from gateway.sessions.cookie import Ticket
from gateway.sessions.rights import Rights
from gateway.sessions.sealing import session_id
from gateway.settings.addresses import origin_of
from gateway.tokens.access import FIRST_PARTY, Access, AccessTokens
from gateway.tokens.chains import Chains
from gateway.tokens.clients import Clients
from gateway.tokens.codes import Codes
from gateway.tokens.cors import Cors
from gateway.tokens.exchange import Exchange
from gateway.tokens.issuing import Issuing
from gateway.tokens.returning import Returning
from gateway.tokens.signing_in import SigningIn
from gateway.tokens.signing_out import SigningOut
from gateway.wiring import Ground, Paper, People

PACE = 30
"""Refreshes of one session in a minute: a client needs two an hour, and each costs a signature."""


def bearer_of(ground: Ground, people: People) -> Bearer | None:
    """What reads `Authorization: Bearer`; `None` where no tokens are issued. Raises `KeyFault` without a key for them."""
    settings, chance = ground.settings, ground.chance
    if not settings.tokens.enabled:
        return None
    issuers = {provider.name: provider.issuer for provider in people.catalog}
    clients = {FIRST_PARTY, *settings.tokens.clients}

    def stands(access: Access) -> bool:
        identity = access.identity
        known = issuers.get(identity.provider) == identity.issuer and access.client in clients
        return known and people.catalog.admits(identity)

    return Bearer(
        _access(ground).reader(),
        ground.store,
        Rights(
            ground.store,
            ground.ring,
            ground.ring.deployment,
            settings.sessions.absolute,
            chance.clock,
            chance.random,
        ),
        stands,
        ground.bus,
        settings.sessions.cache_ttl,
        chance.clock,
        chance.timer,
    )


def returning_of(ground: Ground, people: People, departing: Departing) -> Returning | None:
    """Redirect logins of registered clients; `None` where none are."""
    tokens = ground.settings.tokens
    if not (tokens.enabled and tokens.clients):
        return None
    return Returning(
        clients=Clients({name: one.return_addresses for name, one in tokens.clients.items()}),
        codes=_codes(ground, people),
        departing=departing,
        sessions=people.sessions,
        issuer=ground.public_url,
    )


def token_door(ground: Ground, people: People, paper: Paper, login: LoginDoor) -> TokenDoor:
    """The door beside the login's, whose logout and departures it shares."""
    settings, clock = ground.settings, ground.chance.clock
    issuing, own = _issuing(ground, people), origin_of(ground.public_url)
    returning = returning_of(ground, people, login.flow.departing)
    signing_in = SigningIn(
        passwords=people.passwords,
        familiar=people.familiar,
        comes_back=settings.login.passwords.comes_back,
        providers=tuple(people.catalog.passwords),
        visitors=people.visitors,
        issuing=issuing,
        emit=ground.emit,
    )
    signing_out = SigningOut(
        issuing=issuing,
        sessions=people.sessions,
        inventory=people.inventory,
        giving_back=login.logout.giving_back,
    )
    return TokenDoor(
        signing_in=signing_in if people.catalog.passwords else None,
        exchange=Exchange(issuing=issuing, codes=returning.codes if returning else None, emit=ground.emit),
        signing_out=signing_out,
        returning=returning,
        logout=login.logout,
        visitors=people.visitors,
        answers=paper.answers,
        proxies=Proxies.at(settings.server, settings.server.bind),
        cors=Cors(own.encode(), frozenset([one.encode() for one in settings.tokens.origins])),
        failures=RateLimit(ground.store, "token-failures", settings.login.per_prefix, 60.0, clock),
        own_origin=own,
        emit=ground.emit,
        new_id=ground.new_id,
    )


def _access(ground: Ground) -> AccessTokens:
    settings = ground.settings
    # Asked for once here, so that a ring without such a key stops the start and not the first login.
    ground.ring.token_signer  # noqa: B018
    return AccessTokens(
        ground.ring,
        ground.public_url,
        settings.tokens.audience or ground.public_url,
        settings.tokens.lifetime,
        settings.sessions.idle,
    )


def _issuing(ground: Ground, people: People) -> Issuing:
    chance, store = ground.chance, ground.store

    def is_over(ticket: Ticket) -> bool:
        return bool(people.deferred) and people.deferred.holds(session_id(ticket))

    return Issuing(
        ring=ground.ring,
        access=_access(ground),
        chains=Chains(store, ground.ring, ground.ring.deployment, chance.clock, chance.random),
        sessions=people.sessions,
        ensure=people.refresher.ensure,
        is_over=is_over,
        pace=RateLimit(store, "token-refresh", PACE, 60.0, chance.clock),
        clients=frozenset(ground.settings.tokens.clients),
        lifetime=ground.settings.tokens.refresh_lifetime,
        idle=ground.settings.sessions.idle,
        clock=chance.clock,
    )


def _codes(ground: Ground, people: People) -> Codes:
    chance = ground.chance
    return Codes(
        store=ground.store,
        sealer=Sealer(ground.ring, "token-code/v1", chance.random),
        end=people.inventory.end,
        clock=chance.clock,
        random=chance.random,
    )
