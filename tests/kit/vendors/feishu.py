"""Feishu and Lark, as open.feishu.cn describes "Obtain an authorization code" (authen v1), the token endpoint
(oauth v3) and "Get user information" (authen v1).

The token endpoint follows RFC 6749, with a number in `code` beside it. A refresh token works once, and there is one only
where `offline_access` was granted. Everything else is wrapped: `{code, msg, data}`, and a `code` that is not 0 is an
error whatever the status says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from gateway.providers.provider import Answer
from tests.kit.scripted_provider import reply, without_none
from tests.kit.vendors.vendor import FORM, JSON, Call, Issued, Route, Vendor, proven

TOKEN = "/oauth/v3/token"
ME = "/open-apis/authen/v1/user_info"


@dataclass
class Feishu(Vendor):
    """`lark`: the hosts outside of China. Switches: `offline` (whether the app may have refresh tokens), `wrapped`
    (tokens inside of `data`, as the older endpoints answer), a fault `code` of the user endpoint.
    """

    people: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "ada": {
                "open_id": "ou_ada",
                "union_id": "on_ada",
                "user_id": "ada01",
                "tenant_key": "tenant-1",
                "name": "阿达",
                "en_name": "Ada",
                "avatar_url": "https://s1-imfile.feishucdn.com/static/ada.jpg",
                "email": "ada@private.example",
                "enterprise_email": "ada@example.com",
            },
            "bob": {
                "open_id": "ou_bob",
                "union_id": "on_bob",
                "tenant_key": "tenant-2",
                "name": "Bob",
            },
        }
    )
    lark: bool = False
    offline: bool = True
    wrapped: bool = False
    me_code: int = 0
    token_extra: dict[str, Any] = field(default_factory=dict)

    title: ClassVar[str] = "飞书"

    @property
    def _domain(self) -> str:
        return "larksuite.com" if self.lark else "feishu.cn"

    @property
    def accounts(self) -> str:
        return self.origin or f"https://accounts.{self._domain}"

    @property
    def open(self) -> str:
        return self.origin or f"https://open.{self._domain}"

    @property
    def authorize_url(self) -> str:
        return f"{self.accounts}/open-apis/authen/v1/authorize"

    def routes(self) -> Mapping[tuple[str, str], Route]:
        return {("POST", f"{self.accounts}{TOKEN}"): self._token, ("GET", f"{self.open}{ME}"): self._me}

    def complaint(self, call: Call) -> str:
        if call.query.get("code_challenge_method", "S256") != "S256":
            return "S256 is what the gateway asks with"
        return ""

    def _token(self, call: Call) -> Answer:
        if call.kind not in {FORM, JSON}:
            return self.fault("invalid_request", 20063)
        credentials = (call.body.get("client_id"), call.body.get("client_secret"))
        if credentials != (self.client_id, self.client_secret):
            return self.fault("invalid_client", 20002)
        if call.body.get("grant_type") == "authorization_code":
            return self._redeem(call)
        if call.body.get("grant_type") == "refresh_token":
            rotated = self.rotate(call.body.get("refresh_token"))
            return self.fault("invalid_grant", 20073) if rotated is None else self._answer(*rotated)
        return self.fault("unsupported_grant_type", 20036)

    def fault(self, error: str, code: int, status: int = 400) -> Answer:
        """An error of the token endpoint: the word of RFC 6749 and a number of the vendor's."""
        return reply(status, {"error": error, "code": code, "error_description": f"<i>{error}</i>"})

    def _redeem(self, call: Call) -> Answer:
        issued = self.redeem(call.body.get("code"))
        if issued is None:
            return self.fault("invalid_grant", 20065)
        if issued.request["redirect_uri"] != call.body.get("redirect_uri"):
            return self.fault("invalid_grant", 20071)
        # Version 3 refuses a verifier that no challenge was sent for; version 2 took it.
        if not proven(issued, call.body.get("code_verifier", "")):
            return self.fault("invalid_grant", 20049)
        return self._answer(*self.tokens(issued), issued)

    def _answer(self, access: str, refresh: str, issued: Issued) -> Answer:
        scopes = issued.request.get("scope", "offline_access").split(" ")
        lasting = self.offline and "offline_access" in scopes
        body = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.access_life,
            "refresh_token": (refresh or None) if lasting else None,
            "refresh_token_expires_in": 604_800 if lasting else None,
            "scope": " ".join(scope for scope in scopes if scope != "offline_access" or self.offline),
        }
        body = without_none({**body, **self.token_extra})
        return reply(
            200, {"code": 0, "msg": "success", "data": body} if self.wrapped else {"code": 0, **body}
        )

    def _me(self, call: Call) -> Answer:
        person = self.holder(call.bearer)
        if not person:
            return reply(401, {"code": 99991668, "msg": "Invalid access token"})
        if self.me_code:
            return reply(200, {"code": self.me_code, "msg": "fault", "data": {}})
        return reply(200, {"code": 0, "msg": "success", "data": self.people[person]})
