"""The door for providers: logouts that they tell of. Neither path reads a cookie, or sets one.

Neither asks where the request was sent from, as forms of ours do: a logout token is its own proof, and a frame of the
provider is what the front channel is.
"""

import json
from dataclasses import dataclass

from starlette.routing import Route

from gateway.errors import ProviderLied
from gateway.identity.presented import Reply
from gateway.login.backchannel import BackChannel
from gateway.login.call import Call
from gateway.login.frontchannel import FrontChannel
from gateway.login.routes import Endpoint, LoginDoor
from gateway.pages import faults
from gateway.settings.addresses import origin_of

_NO_STORE = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_FRAMED = b"<!doctype html><title></title>"


@dataclass(frozen=True, slots=True)
class ProviderLogoutDoor:
    """Handlers of both channels; `door` reads requests and answers faults."""

    door: LoginDoor
    back_channel: BackChannel
    front_channel: FrontChannel

    async def back(self, call: Call) -> Reply:
        """POST /auth/{provider}/backchannel-logout."""
        provider = call.path["provider"]
        if provider not in self.back_channel.providers:
            return self._not_found(call)
        token = call.form.get("logout_token", "")
        if not token:
            return _refused("logout_token is missing")
        try:
            await self.back_channel.receive(provider, token, call.client, call.decision_id)
        except ProviderLied as lie:
            return _refused(lie.check)
        return Reply(200, ((b"content-length", b"0"), *_NO_STORE))

    async def front(self, call: Call) -> Reply:
        """GET /auth/{provider}/frontchannel-logout."""
        provider = call.path["provider"]
        issuer = self.front_channel.issuers.get(provider)
        if issuer is None:
            return self._not_found(call)
        await self.front_channel.receive(provider, call.query, call.client, call.decision_id)
        policy = f"default-src 'none'; frame-ancestors {origin_of(issuer)}"
        lines = (
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(_FRAMED)).encode("ascii")),
            # In the place of X-Frame-Options, which cannot name an origin.
            (b"content-security-policy", policy.encode("ascii")),
            (b"referrer-policy", b"no-referrer"),
            *_NO_STORE,
        )
        return Reply(200, lines, _FRAMED)

    def _not_found(self, call: Call) -> Reply:
        return self.door.answers.fault(call.head, faults.NOT_FOUND, "not_found", call.decision_id)


def provider_logout_routes(
    door: LoginDoor, back_channel: BackChannel, front_channel: FrontChannel
) -> list[Route]:
    """The routes of both channels, to be mounted under the path of `public_url`."""
    handlers = ProviderLogoutDoor(door, back_channel, front_channel)
    return [
        Route("/auth/{provider}/backchannel-logout", Endpoint(door, {"POST": handlers.back})),
        Route("/auth/{provider}/frontchannel-logout", Endpoint(door, {"GET": handlers.front})),
    ]


def _refused(check: str) -> Reply:
    """Back-Channel Logout 1.0 section 2.8: 400, the error object of OAuth, and not to be kept."""
    body = json.dumps({"error": "invalid_request", "error_description": check}).encode("ascii")
    lines = (
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode("ascii")),
        *_NO_STORE,
    )
    return Reply(400, lines, body)
