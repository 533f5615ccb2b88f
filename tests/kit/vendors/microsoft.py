"""Microsoft Entra ID, version 2 endpoints, and the part of Microsoft Graph that knows groups.

Imitates "Microsoft identity platform and OAuth 2.0 authorization code flow", "ID token claims reference", "Groups
overage claim", "Microsoft Entra authentication error codes" and Graph's "List a user's memberships". What is its
own: one issuer for each tenant and a template of it in the shared discovery document, keys that say whose tokens
they sign, groups that are left out of a token when they are too many, and errors with numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gateway.providers.provider import Answer, Ask
from tests.kit.scripted_provider import Key, reply, without_none
from tests.kit.vendors.openid import OpenIdVendor, Route, bearer

LOGIN = "https://login.microsoftonline.com"
GRAPH = "https://graph.microsoft.com"
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
CORP = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-8888-4777-8666-555555555555"
SHARED = ("common", "organizations")
MEMBERSHIPS = "/v1.0/me/transitiveMemberOf"
# Any of these delegated permissions lets Graph list the memberships of the person themselves.
MAY_LIST = frozenset({"User.Read", "GroupMember.Read.All", "Directory.Read.All"})

# What Entra answers at the token endpoint: the OAuth error, by the AADSTS number.
ERRORS: Mapping[int, str] = {
    50034: "invalid_grant",  # no such user in the tenant
    50057: "invalid_grant",  # the account is disabled
    50076: "interaction_required",  # a second factor is wanted
    50078: "interaction_required",  # the second factor was too long ago
    50079: "interaction_required",  # a second factor must be set up first
    50105: "interaction_required",  # nobody has assigned the person to the application
    50173: "invalid_grant",  # sessions were revoked, or the password changed
    53003: "interaction_required",  # conditional access
    54005: "invalid_grant",  # the code was redeemed before
    65001: "consent_required",
    70000: "invalid_grant",
    70008: "invalid_grant",  # the code, or the refresh token, is too old
    90002: "invalid_tenant",
    700016: "unauthorized_client",
    700082: "invalid_grant",  # the refresh token lay unused for too long
    7000215: "invalid_client",
    7000222: "invalid_client",  # the secret has ended
    50196: "invalid_grant",  # the client asks in a loop
}


@dataclass
class Entra(OpenIdVendor):
    """`tenant` is what the application's address says: an id, `common`, `organizations` or `consumers`.

    `home` is the tenant of the person who signs in, `groups` the ids of their groups. Over `most` of them the token
    names its source in their place (`overage` = `names`), or says `hasgroups` and nothing else. Graph gives `page`
    groups at a time; `next_link` replaces the address of its next page. `fails` are AADSTS numbers, answered in turn
    at the token endpoint. `edov` is the optional claim xms_edov. `signs_as` is the tenant whose key signs, and
    `says` the tenant that the issuer in the token names, where these are not `home`.
    """

    issuer: str = LOGIN
    tenant: str = "common"
    home: str = CORP
    tenants: tuple[str, ...] = (CORP, OTHER, CONSUMERS)
    client_auth: str = "post"
    expires_in: Any = 4178
    oid: str = "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e"
    groups: list[str] = field(default_factory=lambda: ["a1a1a1a1-0000-4000-8000-000000000001"])
    most: int = 200
    overage: str = "names"
    page: int = 100
    next_link: str = ""
    fails: list[int] = field(default_factory=list)
    edov: Any = None
    signs_as: str = ""
    says: str = ""
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            "preferred_username": "alice@example.com",
            "name": "Alice Example",
            "email": "alice@example.com",
        }
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.scopes: dict[str, str] = {}  # by access token or refresh token
        self.by_tenant = {tenant: Key(f"key-{tenant[:4]}") for tenant in self.tenants}

    @property
    def home_url(self) -> str:
        return self.at(LOGIN, "")

    @property
    def graph_url(self) -> str:
        return self.at(GRAPH, "")

    def routes(self) -> Mapping[str, Route]:
        places = {
            f"{self.home_url}/{tenant}": tenant
            for tenant in (*self.tenants, *SHARED, "consumers", self.tenant)
        }
        routes: dict[str, Route] = {}
        for place, tenant in places.items():
            routes[f"{place}/v2.0/.well-known/openid-configuration"] = self._metadata_of(tenant)
            routes[f"{place}/discovery/v2.0/keys"] = self._keys_of(tenant)
        routes[f"{self.home_url}/{self.tenant}/oauth2/v2.0/token"] = self._token
        for tenant in self.tenants:  # a tenant's own endpoint takes what the shared one gave out
            routes[f"{self.home_url}/{tenant}/oauth2/v2.0/token"] = self._token
        routes[f"{self.graph_url}/oidc/userinfo"] = self._userinfo
        routes[f"{self.graph_url}{MEMBERSHIPS}"] = self._memberships
        return routes

    def sign_in(self, url: str) -> dict[str, str]:
        """The callback, which names no issuer."""
        assert urlsplit(url).path == f"/{self.tenant}/oauth2/v2.0/authorize"
        back = super().sign_in(url)
        return {"code": back["code"], "state": back["state"], "session_state": "5f8d-0001"}

    def _issuer_at(self, tenant: str) -> str:
        """What a discovery document says: a template where the tenant is not known yet."""
        named = {"common": "{tenantid}", "organizations": "{tenantid}", "consumers": CONSUMERS}
        return f"{self.home_url}/{named.get(tenant, tenant if tenant in self.tenants else self.home)}/v2.0"

    def _metadata_of(self, tenant: str) -> Route:
        place = f"{self.home_url}/{tenant}"
        document = {
            "issuer": self._issuer_at(tenant),
            "authorization_endpoint": f"{place}/oauth2/v2.0/authorize",
            "token_endpoint": f"{place}/oauth2/v2.0/token",
            "userinfo_endpoint": f"{self.graph_url}/oidc/userinfo",
            "end_session_endpoint": f"{place}/oauth2/v2.0/logout",
            "jwks_uri": f"{place}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
            ],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "subject_types_supported": ["pairwise"],
            "frontchannel_logout_supported": True,
        }
        return lambda ask: reply(200, without_none({**document, **self.metadata}))

    def _keys_of(self, tenant: str) -> Route:
        """A tenant publishes its own; the shared documents have all, each with the issuer it signs for."""
        shown = [tenant] if tenant in self.by_tenant else list(self.by_tenant)
        jwks = [{**self.by_tenant[one].jwk, "issuer": f"{self.home_url}/{one}/v2.0"} for one in shown]
        return lambda ask: reply(200, {"keys": jwks})

    def _token(self, ask: Ask) -> Answer:
        if self.fails:
            return self.refusal(self.fails.pop(0))
        answer = super()._token(ask)
        if answer.json == {"error": "invalid_client"}:
            return self.refusal(7000215, 401)
        return answer if answer.json != {"error": "invalid_grant"} else self.refusal(70000)

    def refusal(self, number: int, status: int = 400) -> Answer:
        """An error as Entra writes it. Its description holds what nobody else should read."""
        body = {
            "error": ERRORS[number],
            "error_description": f"AADSTS{number}: something about alice@example.com. Trace ID: 0f1e",
            "error_codes": [number],
            "timestamp": "2026-11-21 10:00:00Z",
            "trace_id": "0f1e2d3c-4b5a-4678-8a9b-0c1d2e3f4a5b",
            "correlation_id": "b5a4c3d2-e1f0-4a9b-8c7d-6e5f4a3b2c1d",
            "error_uri": f"https://login.microsoftonline.com/error?code={number}",
        }
        return reply(status, body)

    def _redeem(self, form: Mapping[str, str]) -> Answer:
        granted = self.granted(form.get("code", ""))
        before, self.offers_refresh = self.offers_refresh, "offline_access" in granted and self.offers_refresh
        try:
            return self._with_scope(super()._redeem(form), " ".join(sorted(granted - {"offline_access"})))
        finally:
            self.offers_refresh = before

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        """A new token each time; the old one goes on."""
        token = form.get("refresh_token", "")
        kept = self.refreshable.get(token)
        answer = super()._refresh(form)
        if kept is not None:
            self.refreshable[token] = kept
            self.spent.discard(token)
        return self._with_scope(answer, self.scopes.get(token, "openid profile email User.Read"))

    def _with_scope(self, answer: Answer, scope: str) -> Answer:
        if answer.json is None or "access_token" not in answer.json:
            return answer
        for name in ("access_token", "refresh_token"):
            self.scopes[str(answer.json.get(name, ""))] = scope
        return reply(200, {**answer.json, "scope": scope, "ext_expires_in": self.expires_in})

    def id_token(self, access: str, claims: Mapping[str, Any]) -> str:
        """An ID token of the person's home tenant, under that tenant's key."""
        self.signing = self.by_tenant[self.signs_as or self.home]
        own = {
            "iss": f"{self.home_url}/{self.says or self.home}/v2.0",
            "tid": self.home,
            "oid": self.oid,
            "ver": "2.0",
            "at_hash": None,
            "auth_time": None,
            "xms_edov": self.edov,
            **self._group_claims(),
        }
        return super().id_token(access, {**own, **claims})

    def _group_claims(self) -> dict[str, Any]:
        if len(self.groups) <= self.most:
            return {"groups": self.groups}
        if self.overage == "hasgroups":
            return {"hasgroups": True}
        source = f"https://graph.windows.net/{self.home}/users/{self.oid}/getMemberObjects"
        return {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": source}}}

    def _userinfo(self, ask: Ask) -> Answer:
        if bearer(ask) not in self.scopes:
            return graph_error(401, "InvalidAuthenticationToken")
        shown = {name: self.person.get(name) for name in ("sub", "name", "email")}
        picture = {"picture": f"{GRAPH}/v1.0/me/photo/$value"}
        return reply(200, without_none({**shown, **picture, **self.userinfo}))

    def _memberships(self, ask: Ask) -> Answer:
        if bearer(ask) not in self.scopes:
            return graph_error(401, "InvalidAuthenticationToken")
        if not MAY_LIST & set(self.scopes[bearer(ask)].split()):
            return graph_error(403, "Authorization_RequestDenied")
        if ask.headers.get("consistencylevel") != "eventual":
            return graph_error(400, "Request_UnsupportedQuery")
        asked = parse_qs(urlsplit(ask.url).query)
        start, size = int(asked.get("$skiptoken", ["0"])[0]), int(asked.get("$top", [str(self.page)])[0])
        if not 1 <= size <= 999:
            return graph_error(400, "Request_UnsupportedQuery")
        end = start + min(size, self.page)
        members = [{"@odata.type": "#microsoft.graph.group", "id": group} for group in self.groups[start:end]]
        # A directory role and an administrative unit are memberships too, and not groups.
        roles = [
            {"@odata.type": "#microsoft.graph.directoryRole", "id": "d1d1d1d1-0000-4000-8000-00000000000d"}
        ]
        onward = f"{self.graph_url}{MEMBERSHIPS}?$select=id&$top={size}&$skiptoken={end}"
        more = {"@odata.nextLink": self.next_link or onward} if end < len(self.groups) else {}
        context = {"@odata.context": f"{GRAPH}/v1.0/$metadata#directoryObjects(id)"}
        return reply(200, {**context, **more, "value": [*members, *(roles if not start else [])]})


def graph_error(status: int, code: str) -> Answer:
    """An error of Graph."""
    inner = {"request-id": "b5a4c3d2-e1f0-4a9b-8c7d-6e5f4a3b2c1d", "date": "2026-11-21T10:00:00"}
    return reply(status, {"error": {"code": code, "message": "about alice@example.com", "innerError": inner}})


def many_groups(count: int) -> list[str]:
    """As many ids of groups."""
    return [f"a1a1a1a1-0000-4000-8000-{number:012x}" for number in range(1, count + 1)]
