"""Okta: the org authorization server and custom ones.

Imitates "OpenID Connect & OAuth 2.0 API", "Refresh access tokens and rotate refresh tokens" and "Authorization
servers" of its developer documentation. What is its own: two kinds of issuers that are easily mixed up, a groups
claim only where the server has a rule for it, and a rotation that never prolongs the life of the grant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.providers.provider import Answer, Ask
from tests.kit.scripted_provider import reply, without_none
from tests.kit.vendors.openid import OpenIdVendor, Route, bearer

ORG = "https://example.okta.com"
CUSTOM = f"{ORG}/oauth2/default"
DAY = 86_400


@dataclass
class Okta(OpenIdVendor):
    """`server` is "" for the org authorization server, else the id of a custom one.

    `groups_rule`: whether the server has a rule that writes the groups claim. `lives` is the life of a grant in
    seconds, from the login on. `window` (the parent's) is the grace period of a rotated token; after it, a second
    use ends everything. `mixed`: the tokens carry the issuer of the org, whatever the server.
    """

    server: str = "default"
    issuer: str = CUSTOM
    expires_in: Any = 3600
    groups_rule: bool = True
    lives: float = 90 * DAY
    window: float = 30.0
    mixed: bool = False
    throttled: bool = False
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "00uid4BxXw6I6TV4m0g3",
            "name": "Alice Example",
            "preferred_username": "alice@example.com",
            "email": "alice@example.com",
            "email_verified": True,
            "zoneinfo": "Europe/Berlin",
        }
    )
    groups: list[str] = field(default_factory=lambda: ["Everyone", "ops"])

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.server and self.issuer == CUSTOM:
            self.issuer = ORG
        self.began: dict[str, float] = {}  # when the login of a refresh token was
        self.ended = False

    @property
    def base(self) -> str:
        """Where the endpoints are: an org's stand under /oauth2 though its issuer does not."""
        return self.issuer + ("" if self.server else "/oauth2")

    def routes(self) -> Mapping[str, Route]:
        base = self.base
        return {
            f"{self.issuer}/.well-known/openid-configuration": self._discovery,
            f"{base}/v1/keys": self.keys,
            f"{base}/v1/token": self._limited(self._token),
            f"{base}/v1/revoke": self._revoke,
            f"{base}/v1/userinfo": self._userinfo,
        }

    def sign_in(self, url: str) -> dict[str, str]:
        """The callback. A scope that the server does not have comes back as an error; the state is demanded."""
        back = super().sign_in(url)
        scopes = set(self.codes[back["code"]]["scope"].split())
        known = {"openid", "profile", "email", "groups", "address", "phone", "offline_access"}
        if not scopes <= known:
            return {"error": "invalid_scope", "state": back["state"]}
        return {"code": back["code"], "state": back["state"]}

    def _discovery(self, ask: Ask) -> Answer:
        base = self.base
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{base}/v1/authorize",
            "token_endpoint": f"{base}/v1/token",
            "userinfo_endpoint": f"{base}/v1/userinfo",
            "jwks_uri": f"{base}/v1/keys",
            "revocation_endpoint": f"{base}/v1/revoke",
            "introspection_endpoint": f"{base}/v1/introspect",
            "end_session_endpoint": f"{base}/v1/logout",
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
                "none",
            ],
        }
        return reply(200, without_none({**document, **self.metadata}))

    def _limited(self, route: Route) -> Route:
        summary = {
            "errorCode": "E0000047",
            "errorSummary": "API call exceeded rate limit due to too many requests.",
        }
        reset = {"x-rate-limit-remaining": "0", "retry-after": "20"}
        return (lambda ask: reply(429, summary, reset)) if self.throttled else route

    def _redeem(self, form: Mapping[str, str]) -> Answer:
        offline = "offline_access" in self.granted(form.get("code", ""))
        before, self.offers_refresh = self.offers_refresh, self.offers_refresh and offline
        try:
            answer = super()._redeem(form)
        finally:
            self.offers_refresh = before
        self._begun(answer, self.clock())
        return answer

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        token = form.get("refresh_token", "")
        since = self.began.get(token, self.clock())
        if self.clock() - since >= self.lives:
            return reply(400, {"error": "invalid_grant"})
        answer = super()._refresh(form)
        self.ended = self.ended or (token in self.spent and not self.refreshable)
        self._begun(answer, since)  # not from now: rotation prolongs nothing
        return answer

    def _begun(self, answer: Answer, since: float) -> None:
        if answer.json and "refresh_token" in answer.json:
            self.began[str(answer.json["refresh_token"])] = since

    def _userinfo(self, ask: Ask) -> Answer:
        if self.ended or not bearer(ask):
            return reply(401, {"errorCode": "E0000011", "errorSummary": "Invalid token provided"})
        extra = {"groups": self.groups} if self.groups_rule else {}
        return reply(200, without_none({**self.person, **extra, **self.userinfo}))

    def id_token(self, access: str, claims: Mapping[str, Any]) -> str:
        """An ID token; with groups where there is a rule for them."""
        own = {
            "ver": 1,
            "idp": "00o1n8sbwArJ7OQRw406",
            "amr": ["pwd"],
            "groups": self.groups if self.groups_rule else None,
        }
        mixed = {"iss": ORG} if self.mixed else {}
        return super().id_token(access, {**own, **mixed, **claims})
