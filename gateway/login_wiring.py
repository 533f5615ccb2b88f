"""The login, wired: the flow, the form for names and passwords, the logout, and what providers tell of logouts."""

import asyncio

from gateway.guard.proxies import Proxies
from gateway.guard.rate_limit import RateLimit
from gateway.keys.seal import Sealer
from gateway.login.attempts import Attempts
from gateway.login.backchannel import BackChannel
from gateway.login.concluding import Conclusion
from gateway.login.confirming import Confirming
from gateway.login.departing import Departing
from gateway.login.flow import Flow
from gateway.login.frontchannel import FrontChannel
from gateway.login.giving_back import GivingBack
from gateway.login.last_used import LastUsed
from gateway.login.logout import Logout
from gateway.login.password_door import PasswordDoor
from gateway.login.password_login import PasswordLogin
from gateway.login.recent_logout import RecentLogout
from gateway.login.return_to import ReturnTo
from gateway.login.routes import LoginDoor
from gateway.login.selection import Selection
from gateway.providers.provider import EndsSession, Revokes, TellsLogout
from gateway.sessions.cookie import last_used_cookie
from gateway.settings.model import OidcSection
from gateway.token_wiring import returning_of
from gateway.wiring import Ground, Paper, People


def giving_back_of(ground: Ground, people: People) -> GivingBack:
    """The tokens of ended sessions on their way back; `close` waits for those."""
    wanted = ground.settings.login.revoke_at_logout
    takers = {one.name: one for one in people.catalog if wanted and isinstance(one, Revokes)}
    return GivingBack(takers, people.catalog.run, ground.emit)


def login_door(ground: Ground, people: People, paper: Paper, giving_back: GivingBack) -> LoginDoor:
    """The door of the login's pages, logout included."""
    logout = Logout(
        providers={one.name: one for one in people.catalog if isinstance(one, EndsSession)},
        visitors=people.visitors,
        recent_logout=RecentLogout(ground.store),
        deferred=people.deferred,
        giving_back=giving_back,
        run=people.catalog.run,
        emit=ground.emit,
        public_url=ground.public_url,
    )
    flow, form_key = _flow(ground, people), ground.ring.derive("form-token/v1")
    return LoginDoor(
        flow=flow,
        logout=logout,
        passwords=_password_door(ground, people, paper, flow, form_key),
        visitors=people.visitors,
        answers=paper.answers,
        proxies=Proxies.at(ground.settings.server, ground.settings.server.bind),
        public_url=ground.public_url,
        form_key=form_key,
        emit=ground.emit,
        new_id=ground.new_id,
    )


def channels_of(ground: Ground, people: People) -> tuple[BackChannel, FrontChannel]:
    """The two ways by which a provider tells of a logout that was made elsewhere."""
    settings, clock = ground.settings, ground.chance.clock
    per_prefix, store = settings.login.per_prefix, ground.store
    back_channel = BackChannel(
        providers={one.name: one for one in people.catalog if isinstance(one, TellsLogout)},
        inventory=people.inventory,
        store=store,
        failures=RateLimit(store, "backchannel-logout", per_prefix, 60.0, clock),
        run=people.catalog.run,
        emit=ground.emit,
        clock=clock,
    )
    front_channel = FrontChannel(
        issuers={
            name: one.issuer
            for name, one in settings.providers.items()
            if isinstance(one, OidcSection) and one.frontchannel_logout
        },
        inventory=people.inventory,
        limit=RateLimit(store, "frontchannel-logout", per_prefix, 60.0, clock),
        emit=ground.emit,
    )
    return back_channel, front_channel


def _flow(ground: Ground, people: People) -> Flow:
    settings, chance, store = ground.settings, ground.chance, ground.store
    providers, return_to = people.catalog.redirects, ReturnTo.of(settings)
    attempts = Attempts(store, Sealer(ground.ring, "attempt", chance.random), settings.login, chance.clock)
    departing = Departing(
        providers=providers,
        attempts=attempts,
        visitors=people.visitors,
        return_to=return_to,
        run=people.catalog.run,
        clock=chance.clock,
        random=chance.random,
    )
    confirming = Confirming(
        attempts=attempts,
        visitors=people.visitors,
        return_to=return_to,
        clock=chance.clock,
        random=chance.random,
    )
    conclusion = Conclusion(
        admits=people.catalog.admits,
        visitors=people.visitors,
        last_used=LastUsed(last_used_cookie(settings), tuple(settings.providers)),
        return_to=return_to,
        loops=RateLimit(store, "login-loop", 4, 60.0, chance.clock),
    )
    returning = returning_of(ground, people, departing)
    return Flow(
        providers=providers,
        passwords=people.catalog.passwords,
        selection=Selection.of(settings, settings.providers),
        conclusion=conclusion,
        attempts=attempts,
        departing=departing,
        confirming=confirming,
        visitors=people.visitors,
        return_to=return_to,
        recent_logout=RecentLogout(store),
        run=people.catalog.run,
        emit=ground.emit,
        clock=chance.clock,
        sleep=asyncio.sleep,
        clients=returning,
    )


def _password_door(ground: Ground, people: People, paper: Paper, flow: Flow, form_key: bytes) -> PasswordDoor:
    login = PasswordLogin(
        passwords=people.passwords,
        familiar=people.familiar,
        confirming=flow.confirming,
        conclusion=flow.conclusion,
        return_to=flow.return_to,
        emit=ground.emit,
        comes_back=ground.settings.login.passwords.comes_back,
    )
    return PasswordDoor(
        flow=flow,
        login=login,
        visitors=people.visitors,
        answers=paper.answers,
        public_url=ground.public_url,
        form_key=form_key,
    )
