"""Discord, as discord.com/developers/docs/topics/oauth2 and /resources/user describe it, and as its authorization
server metadata states (S256 alone).

Token and revocation endpoint take forms alone. A verifier shorter than 43 characters is refused (RFC 7636 section 4.1),
a refresh spends the token that was shown, and every endpoint may answer 429 with `Retry-After`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from gateway.providers.provider import Answer
from tests.kit.scripted_provider import reply, without_none
from tests.kit.vendors.vendor import FORM, Call, Issued, Route, Vendor, proven

TOKEN = "/api/oauth2/token"
REVOKE = "/api/oauth2/token/revoke"
ME = "/api/users/@me"


@dataclass
class Discord(Vendor):
    """Switches: `withholds` is a scope that the person unticks, `needs_agent` the demand for a User-Agent."""

    people: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "ada": {
                "id": "80351110224678912",
                "username": "ada",
                "global_name": "Ada L.",
                "discriminator": "0",
                "email": "ada@example.com",
                "verified": True,
                "avatar": "8342729096ea3675442027381ff50dfe",
            },
            "bob": {
                "id": "80351110224678913",
                "username": "bob",
                "global_name": None,
                "discriminator": "1337",
                "email": None,
                "verified": False,
                "avatar": None,
            },
        }
    )
    access_life: int = 604_800
    withholds: str = ""
    needs_agent: bool = True
    token_extra: dict[str, Any] = field(default_factory=dict)

    title: ClassVar[str] = "Discord"

    @property
    def home(self) -> str:
        return self.origin or "https://discord.com"

    @property
    def authorize_url(self) -> str:
        return f"{self.home}/oauth2/authorize"

    def routes(self) -> Mapping[tuple[str, str], Route]:
        return {
            ("POST", f"{self.home}{TOKEN}"): self._token,
            ("POST", f"{self.home}{REVOKE}"): self._revoke,
            ("GET", f"{self.home}{ME}"): self._me,
        }

    def complaint(self, call: Call) -> str:
        scopes = call.query.get("scope", "").split(" ")
        if "identify" not in scopes:
            return "scope identify"
        if call.query.get("code_challenge_method", "S256") != "S256":
            return "S256 alone is known"
        if call.query.get("prompt", "consent") not in {"consent", "none"}:
            return "prompt is consent or none"
        return ""

    def too_many(self, seconds: float) -> Answer:
        """What a rate limit answers, for `instead`."""
        body = {"message": "You are being rate limited.", "retry_after": seconds, "global": False}
        return reply(429, body, {"retry-after": f"{seconds:g}"})

    def unknown(self, call: Call) -> Answer:
        return reply(404, {"message": "404: Not Found", "code": 0})

    def _token(self, call: Call) -> Answer:
        fault = self._unfit(call)
        if fault is not None:
            return fault
        if call.body.get("grant_type") == "authorization_code":
            return self._redeem(call)
        if call.body.get("grant_type") == "refresh_token":
            rotated = self.rotate(call.body.get("refresh_token"))
            return reply(400, {"error": "invalid_grant"}) if rotated is None else self._answer(*rotated)
        return reply(400, {"error": "unsupported_grant_type"})

    def _unfit(self, call: Call) -> Answer | None:
        if call.kind != FORM:
            return reply(400, {"message": "400: Bad Request", "code": 0})
        if self.needs_agent and not call.headers.get("user-agent"):
            return Answer(403, {"content-type": "text/plain"}, b"error code: 1010", None)
        basic = (unquote_plus(call.basic[0]), unquote_plus(call.basic[1]))
        post = (call.body.get("client_id"), call.body.get("client_secret"))
        if (self.client_id, self.client_secret) not in {basic, post}:
            return reply(401, {"error": "invalid_client"})
        return None

    def _redeem(self, call: Call) -> Answer:
        issued = self.redeem(call.body.get("code"))
        verifier = call.body.get("code_verifier", "")
        if verifier and len(verifier) < 43:
            return reply(
                400, {"error": "invalid_request", "error_description": "Invalid code_verifier in request."}
            )
        if (
            issued is None
            or issued.request["redirect_uri"] != call.body.get("redirect_uri")
            or not proven(issued, verifier)
        ):
            return reply(400, {"error": "invalid_grant", "error_description": 'Invalid "code" in request.'})
        return self._answer(*self.tokens(issued), issued)

    def _answer(self, access: str, refresh: str, issued: Issued) -> Answer:
        asked = issued.request.get("scope", "identify email").split(" ")
        body = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.access_life,
            "refresh_token": refresh or None,
            "scope": " ".join(scope for scope in asked if scope != self.withholds),
        }
        return reply(200, without_none({**body, **self.token_extra}))

    def _revoke(self, call: Call) -> Answer:
        fault = self._unfit(call)
        if fault is not None:
            return fault
        self.refreshable.pop(call.body.get("token", ""), None)
        self.access.pop(call.body.get("token", ""), None)
        return reply(200, {})

    def _me(self, call: Call) -> Answer:
        person = self.holder(call.bearer)
        if not person:
            return reply(401, {"message": "401: Unauthorized", "code": 0})
        scopes = self.access[call.bearer].request.get("scope", "identify email").split(" ")
        hidden = () if "email" in scopes and self.withholds != "email" else ("email", "verified")
        return reply(200, {name: value for name, value in self.people[person].items() if name not in hidden})
