"""Google, for web applications.

Imitates "OpenID Connect" and "Using OAuth 2.0 for Web Server Applications" of Google's identity documentation, and
its discovery document. What is its own: four hosts, two spellings of the issuer, `hd` for the domain of a Workspace
account, and a refresh token only for `access_type=offline`, and then only when the page of consent was shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.providers.provider import Answer, Ask
from tests.kit.scripted_provider import reply, without_none
from tests.kit.vendors.openid import OpenIdVendor, Route

ACCOUNTS = "https://accounts.google.com"
TOKENS = "https://oauth2.googleapis.com"
USERINFO = "https://openidconnect.googleapis.com"
CERTS = "https://www.googleapis.com"

KNOWN_SCOPES = frozenset({"openid", "email", "profile"})


@dataclass
class Google(OpenIdVendor):
    """`hosted_domain` is "" for a consumer account; `bare_issuer` leaves the scheme out of the ID token's `iss`.

    `consented`: the person has agreed before, so that no page of consent is shown unless it is asked for. Scopes in
    `declined` were not ticked on that page. `states_issuer`: the callback carries `iss`, and the metadata say so.
    """

    issuer: str = ACCOUNTS
    client_auth: str = "post"
    rotates: bool = False
    expires_in: Any = 3599
    hosted_domain: str = "example.com"
    bare_issuer: bool = False
    consented: bool = False
    declined: frozenset[str] = frozenset()
    states_issuer: bool = True
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "110169484474386276334",
            "name": "Alice Example",
            "given_name": "Alice",
            "family_name": "Example",
            "picture": "https://lh3.googleusercontent.com/a/alice",
            "email": "alice@example.com",
            "email_verified": True,
        }
    )

    def routes(self) -> Mapping[str, Route]:
        return {
            self.at(ACCOUNTS, "/.well-known/openid-configuration"): self._discovery,
            self.at(CERTS, "/oauth2/v3/certs"): self.keys,
            self.at(TOKENS, "/token"): self._token,
            self.at(TOKENS, "/revoke"): self._revoke,
            self.at(USERINFO, "/v1/userinfo"): self._userinfo,
        }

    def sign_in(self, url: str) -> dict[str, str]:
        """The callback. A scope that Google does not know ends on its own page (Error 400: invalid_scope)."""
        back = super().sign_in(url)
        request = self.codes[back["code"]]
        assert set(request["scope"].split()) <= KNOWN_SCOPES, "Error 400: invalid_scope"
        assert request.get("access_type", "online") in {"online", "offline"}, "Error 400: invalid_request"
        prompts = set(request.get("prompt", "").split())
        assert prompts <= {"none", "consent", "select_account"}, "Error 400: invalid_request"
        request["consent_shown"] = "yes" if "consent" in prompts or not self.consented else ""
        self.consented = True
        granted = [scope for scope in request["scope"].split() if scope not in self.declined]
        issuer = {"iss": self.issuer} if self.states_issuer else {}
        return {"code": back["code"], "state": back["state"], "scope": " ".join(granted), **issuer}

    def _discovery(self, ask: Ask) -> Answer:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": self.at(ACCOUNTS, "/o/oauth2/v2/auth"),
            "device_authorization_endpoint": self.at(TOKENS, "/device/code"),
            "token_endpoint": self.at(TOKENS, "/token"),
            "userinfo_endpoint": self.at(USERINFO, "/v1/userinfo"),
            "revocation_endpoint": self.at(TOKENS, "/revoke"),
            "jwks_uri": self.at(CERTS, "/oauth2/v3/certs"),
            "response_types_supported": ["code", "token", "id_token", "none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": sorted(KNOWN_SCOPES),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": self.states_issuer or None,
        }
        return reply(200, without_none({**document, **self.metadata}))

    def _redeem(self, form: Mapping[str, str]) -> Answer:
        request = self.codes.get(form.get("code", ""), {})
        offline = request.get("access_type") == "offline" and bool(request.get("consent_shown"))
        granted = [scope for scope in request.get("scope", "").split() if scope not in self.declined]
        before, extra = self.offers_refresh, self.token_extra
        self.offers_refresh = before and offline
        self.token_extra = {"scope": " ".join(granted), **extra}
        try:
            return super()._redeem(form)
        finally:
            self.offers_refresh, self.token_extra = before, extra

    def id_token(self, access: str, claims: Mapping[str, Any]) -> str:
        """An ID token of the Workspace domain, or of a consumer, where there is no `hd`."""
        own = {"hd": self.hosted_domain or None, "azp": self.client_id}
        spelt = {"iss": self.issuer.removeprefix("https://")} if self.bare_issuer else {}
        return super().id_token(access, {**own, **spelt, **claims})
