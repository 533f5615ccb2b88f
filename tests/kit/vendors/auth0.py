"""Auth0.

Imitates "Authentication API", "Refresh Token Rotation" and "Create Custom Claims" of its documentation. What is its
own: an issuer that ends with a slash, a subject with a bar in it, `updated_at` as a text, custom claims only under
names that are addresses, and a rotation in which the token before the newest alone may be shown again for a moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.providers.provider import Answer, Ask
from tests.kit.scripted_provider import reply, without_none
from tests.kit.vendors.openid import OpenIdVendor, Route

DOMAIN = "https://example.eu.auth0.com"
NAMESPACE = "https://example.com"


@dataclass
class Auth0(OpenIdVendor):
    """`rotates` is off unless the operator switched it on; `overlap` are the seconds of its leeway."""

    issuer: str = f"{DOMAIN}/"
    domain: str = DOMAIN
    client_auth: str = "post"
    rotates: bool = False
    overlap: float = 0.0
    expires_in: Any = 86_400
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
            "nickname": "alice",
            "name": "Alice Example",
            "picture": "https://s.gravatar.com/avatar/alice.png",
            "updated_at": "2026-11-20T13:14:15.123Z",
            "email": "alice@example.com",
            "email_verified": True,
            f"{NAMESPACE}/roles": ["editor"],
            f"{NAMESPACE}/groups": ["staff", "ops"],
        }
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.newest: str = ""  # of the one family that a test has
        self.previous: str = ""
        self.turned: float = float("-inf")

    def routes(self) -> Mapping[str, Route]:
        home = self.at(self.domain, "")
        return {
            f"{home}/.well-known/openid-configuration": self._discovery,
            f"{home}/.well-known/jwks.json": self.keys,
            f"{home}/oauth/token": self._token,
            f"{home}/oauth/revoke": self._revoke,
            f"{home}/userinfo": self._userinfo,
        }

    def sign_in(self, url: str) -> dict[str, str]:
        """The callback, which says nothing of the issuer."""
        back = super().sign_in(url)
        return {"code": back["code"], "state": back["state"]}

    def _discovery(self, ask: Ask) -> Answer:
        home = self.at(self.domain, "")
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{home}/authorize",
            "token_endpoint": f"{home}/oauth/token",
            "userinfo_endpoint": f"{home}/userinfo",
            "jwks_uri": f"{home}/.well-known/jwks.json",
            "revocation_endpoint": f"{home}/oauth/revoke",
            "end_session_endpoint": f"{home}/oidc/logout",
            "id_token_signing_alg_values_supported": ["HS256", "RS256", "PS256"],
            "code_challenge_methods_supported": ["S256", "plain"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
            ],
        }
        return reply(200, without_none({**document, **self.metadata}))

    def _redeem(self, form: Mapping[str, str]) -> Answer:
        offline = "offline_access" in self.granted(form.get("code", ""))
        before, self.offers_refresh = self.offers_refresh, self.offers_refresh and offline
        try:
            answer = super()._redeem(form)
        finally:
            self.offers_refresh = before
        return self._in_family(answer, "")

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        token = form.get("refresh_token", "")
        overlapping = self.clock() - self.turned < self.overlap
        if self.rotates and token == self.previous and token and overlapping:
            self.refreshable.setdefault(token, "again")  # the one before the newest, for a moment
            self.spent.discard(token)
        return self._in_family(super()._refresh(form), token)

    def _in_family(self, answer: Answer, spent: str) -> Answer:
        if answer.json and "refresh_token" in answer.json:
            self.previous, self.newest = spent, str(answer.json["refresh_token"])
            self.turned = self.clock()
        return answer
