"""DingTalk, as open.dingtalk.com describes "Obtain identity credentials" (login by authorization page), "Obtain a user
token" (oauth2_1.0 GetUserToken) and "Query the personal information of a user" (contact_1.0 GetUser).

It is not OAuth 2.0 on the wire: JSON with camelCase names both ways, no redirect_uri and no PKCE at the token endpoint,
`expireIn`, no `token_type`, errors as `{code, message, requestid}` with a dotted `code`, and a header of its own for
the access token.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

from gateway.providers.provider import Answer
from tests.kit.scripted_provider import reply, without_none
from tests.kit.vendors.vendor import JSON, Call, Issued, Route, Vendor

TOKEN = "/v1.0/oauth2/userAccessToken"
ME = "/v1.0/contact/users/me"
SPENT = "invalidParameter.authCode.notFound"
DENIED = "Forbidden.AccessDenied.AccessTokenPermissionDenied"
THROTTLED = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
# What the SDK of the vendor sends, and nothing else.
_NAMES = frozenset({"clientId", "clientSecret", "code", "grantType", "refreshToken"})


@dataclass
class DingTalk(Vendor):
    """Switches: the name under which the code comes back, a `corpId` that is left out, one permission less, one token
    for as long as it lives, the international hosts, and fields that are added to the answers.
    """

    people: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "ada": {
                "corpId": "ding-corp-1",
                "openId": "open-ada",
                "unionId": "union-ada",
                "nick": "阿达",
                "avatarUrl": "https://static-legacy.dingtalk.com/media/ada.jpg",
                "email": "ada@example.com",
                "mobile": "13800000000",
                "stateCode": "86",
                "visitor": False,
            },
            "bob": {
                "corpId": "ding-corp-2",
                "openId": "open-bob",
                "unionId": "union-bob",
                "nick": "Bob",
                "email": "bob@example.com",
            },
        }
    )
    brings: tuple[str, ...] = ("authCode",)
    says_corp: bool = True
    may_read: bool = True
    same_token: bool = False
    international: bool = False
    token_extra: dict[str, Any] = field(default_factory=dict)

    title: ClassVar[str] = "钉钉"

    @property
    def _end(self) -> str:
        return "io" if self.international else "com"

    @property
    def login(self) -> str:
        return self.origin or f"https://login.dingtalk.{self._end}"

    @property
    def api(self) -> str:
        return self.origin or f"https://api.dingtalk.{self._end}"

    @property
    def authorize_url(self) -> str:
        return f"{self.login}/oauth2/auth"

    def routes(self) -> Mapping[tuple[str, str], Route]:
        return {("POST", f"{self.api}{TOKEN}"): self._token, ("GET", f"{self.api}{ME}"): self._me}

    def code_name(self) -> tuple[str, ...]:
        return self.brings

    def complaint(self, call: Call) -> str:
        query = urlsplit(call.url).query
        scopes = call.query.get("scope", "").split(" ")
        if call.query.get("prompt") != "consent":
            return "prompt=consent is required"
        if scopes[0] != "openid":
            return "scope begins with openid"
        if "+" in query:
            return "a blank is written %20"
        if "," in call.query["scope"]:
            return "scopes are separated by a blank"
        return ""

    def unknown(self, call: Call) -> Answer:
        return self.fault(404, "InvalidAction.NotFound", "Specified api is not found")

    def fault(self, status: int, code: str, message: str = "") -> Answer:
        """An error as the API gateway writes it. `message` is for developers and may hold anything."""
        return reply(status, {"code": code, "message": message, "requestid": self.fresh("REQ").upper()})

    def _token(self, call: Call) -> Answer:
        if call.kind != JSON:
            return self.fault(400, "MissingBody", "The request body is not JSON")
        strange = sorted(set(call.body) - _NAMES)
        if strange:
            return self.fault(400, "InvalidParameter", f"unknown: {strange[0]}")
        for name in ("clientId", "clientSecret", "grantType"):
            if not call.body.get(name):
                return self.fault(400, f"Missing{name}", f"{name} is mandatory for this action.")
        if call.headers.get("authorization"):
            return self.fault(400, "InvalidParameter", "credentials belong into the body")
        if call.body["clientId"] != self.client_id:
            return self.fault(400, "invalidClientId", "无效的clientId")
        if call.body["clientSecret"] != self.client_secret:
            return self.fault(400, "invalidClientSecret", "无效的clientSecret")
        if call.body["grantType"] == "authorization_code":
            return self._redeem(call)
        if call.body["grantType"] == "refresh_token":
            return self._refresh(call)
        return self.fault(400, "invalidParameter.grantType", "grantType")

    def _redeem(self, call: Call) -> Answer:
        issued = self.redeem(call.body.get("code"))
        if issued is None:
            return self.fault(400, SPENT, "不合法的临时授权码")
        return self._answer(*self._pair(issued), issued)

    def _refresh(self, call: Call) -> Answer:
        rotated = self.rotate(call.body.get("refreshToken"))
        if rotated is None:
            # The code for a dead refresh token, too: so the vendor's own command line reads it.
            return self.fault(400, SPENT, "不合法的临时授权码")
        return self._answer(*rotated)

    def _pair(self, issued: Issued) -> tuple[str, str]:
        access, refresh = self.tokens(issued)
        if not self.same_token:
            return access, refresh
        kept = next((token for token in self.access if self.holder(token) == issued.person), access)
        if kept != access:
            self.access[kept] = self.access.pop(access)
        return kept, refresh

    def _answer(self, access: str, refresh: str, issued: Issued) -> Answer:
        scopes = issued.request.get("scope", "openid corpid").split(" ")
        corp = self.people[issued.person].get("corpId")
        body = {
            "accessToken": access,
            "refreshToken": refresh or None,
            "expireIn": self.access_life,
            "corpId": corp if "corpid" in scopes and self.says_corp else None,
        }
        return reply(200, without_none({**body, **self.token_extra}))

    def _me(self, call: Call) -> Answer:
        if call.headers.get("authorization"):
            return self.fault(400, "InvalidAuthentication", "the token goes into its own header")
        person = self.holder(call.headers.get("x-acs-dingtalk-access-token", ""))
        if not person:
            return self.fault(400, "InvalidAuthentication", "不合法的access_token")
        if not self.may_read:
            return self.fault(403, DENIED, "应用尚未开通所需的权限：[Contact.User.Read]")
        return reply(
            200,
            without_none({name: value for name, value in self.people[person].items() if name != "corpId"}),
        )
