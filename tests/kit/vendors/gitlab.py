"""GitLab, at gitlab.com or on a host of its own.

Imitates "OAuth 2.0 identity provider API" and "GitLab as OpenID Connect identity provider" of its documentation.
What is its own: a refresh repeats the `redirect_uri` of the login and kills both old tokens at once, an ID token
lives for two minutes, and only userinfo knows all groups; the ID token has those joined directly.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.providers.provider import Answer, Ask
from tests.kit.scripted_provider import reply, without_none
from tests.kit.vendors.openid import OpenIdVendor, Route, bearer

HOME = "https://gitlab.com"
ID_TOKEN_SECONDS = 120


@dataclass
class GitLab(OpenIdVendor):
    """`groups` are all of the person's, inherited ones too; `groups_direct` those joined directly."""

    issuer: str = HOME
    home: str = HOME
    expires_in: Any = 7200
    groups: list[str] = field(default_factory=lambda: ["acme", "acme/ops"])
    groups_direct: list[str] = field(default_factory=lambda: ["acme/ops"])
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "1234567",
            "name": "Alice Example",
            "nickname": "alice",
            "preferred_username": "alice",
            "email": "alice@example.com",
            "email_verified": True,
            "picture": "https://gitlab.com/uploads/-/system/user/avatar/1234567/avatar.png",
        }
    )
    in_userinfo_only: frozenset[str] = frozenset({"name", "nickname", "preferred_username", "picture"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.redirects: dict[str, str] = {}  # by refresh token
        self.alive: dict[str, str] = {}  # access token by refresh token

    def routes(self) -> Mapping[str, Route]:
        return {
            self.at(self.home, "/.well-known/openid-configuration"): self._discovery,
            self.at(self.home, "/oauth/discovery/keys"): self.keys,
            self.at(self.home, "/oauth/token"): self._token,
            self.at(self.home, "/oauth/revoke"): self._revoke,
            self.at(self.home, "/oauth/userinfo"): self._userinfo,
        }

    def sign_in(self, url: str) -> dict[str, str]:
        """The callback, which says nothing of the issuer."""
        back = super().sign_in(url)
        scopes = set(self.codes[back["code"]]["scope"].split())
        assert scopes <= {"openid", "profile", "email", "read_user", "read_api"}, "invalid_scope"
        return {"code": back["code"], "state": back["state"]}

    def _discovery(self, ask: Ask) -> Answer:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": self.at(self.home, "/oauth/authorize"),
            "token_endpoint": self.at(self.home, "/oauth/token"),
            "revocation_endpoint": self.at(self.home, "/oauth/revoke"),
            "introspection_endpoint": self.at(self.home, "/oauth/introspect"),
            "userinfo_endpoint": self.at(self.home, "/oauth/userinfo"),
            "jwks_uri": self.at(self.home, "/oauth/discovery/keys"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["plain", "S256"],
        }
        return reply(200, without_none({**document, **self.metadata}))

    def _redeem(self, form: Mapping[str, str]) -> Answer:
        return self._remembered(super()._redeem(form), form.get("redirect_uri", ""))

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        spent = form.get("refresh_token", "")
        asked_from = self.redirects.get(spent)
        # A token that a test has put there has no login behind it; any address serves.
        if not form.get("redirect_uri") or asked_from not in {None, form["redirect_uri"]}:
            return reply(400, {"error": "invalid_grant"})
        answer = super()._refresh(form)
        if answer.status == 200:
            self.alive.pop(spent, None)
        return self._remembered(answer, form["redirect_uri"])

    def _remembered(self, answer: Answer, redirect_uri: str) -> Answer:
        tokens = answer.json or {}
        if "access_token" not in tokens:
            return answer
        refresh = str(tokens.get("refresh_token", ""))
        self.redirects[refresh] = redirect_uri
        self.alive[refresh] = str(tokens["access_token"])
        return reply(200, {**tokens, "created_at": int(self.clock())})

    def _userinfo(self, ask: Ask) -> Answer:
        if bearer(ask) not in self.alive.values():
            return reply(401, {"error": "invalid_token"})
        extra = {"groups": self.groups, "sub_legacy": "5f1d"}
        return reply(200, without_none({**self.person, **extra, **self.userinfo}))

    def id_token(self, access: str, claims: Mapping[str, Any]) -> str:
        """An ID token that is over in two minutes, whatever the access token does."""
        now = int(self.clock())
        own = {"exp": now + ID_TOKEN_SECONDS, "sub_legacy": "5f1d", "groups_direct": self.groups_direct}
        return super().id_token(access, {**own, **claims})
