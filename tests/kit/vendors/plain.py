"""A provider of plain OAuth 2.0 (RFC 6749, RFC 7636, RFC 7009): no vendor's, and with no quirk.

It refuses what RFC 9700 wants refused: a code or a refresh token that was used, a code without its verifier or its
redirect_uri, a secret in the query, and two ways of authenticating at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from gateway.providers.provider import Answer
from tests.kit.scripted_provider import reply
from tests.kit.vendors.vendor import FORM, Call, Route, Vendor, proven

ORIGIN = "https://plain.example.test"


@dataclass
class Plain(Vendor):
    """`scope_granted` is stated in place of what was asked for; `quiet` states none."""

    origin: str = ORIGIN
    people: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {"alice": {"id": 7, "login": "alice", "mail": "alice@corp.example"}}
    )
    scope_granted: str = ""
    quiet: bool = False
    revoked: list[str] = field(default_factory=list)

    title: ClassVar[str] = "Plain"

    @property
    def authorize_url(self) -> str:
        return f"{self.origin}/authorize"

    def complaint(self, call: Call) -> str:
        return "" if call.query.get("code_challenge_method") == "S256" else "code_challenge_method"

    def routes(self) -> Mapping[tuple[str, str], Route]:
        return {
            ("POST", f"{self.origin}/token"): self._token,
            ("POST", f"{self.origin}/revoke"): self._revoke,
            ("GET", f"{self.origin}/me"): self._me,
        }

    def section(self, **changes: Any) -> dict[str, Any]:
        """The section of gateway.yaml for it."""
        return {
            "type": "oauth2",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "userinfo_endpoint": f"{self.origin}/me",
            "revocation_endpoint": f"{self.origin}/revoke",
            "scopes": ["profile", "mail"],
            "user": "{login}",
            "claims": {"subject": "id", "email": "mail"},
            "anyone": True,
            **changes,
        }

    def _token(self, call: Call) -> Answer:
        if call.kind != FORM or call.query:
            return reply(400, {"error": "invalid_request"})
        if not self._is_client(call):
            return reply(401, {"error": "invalid_client"})
        if call.body.get("grant_type") == "refresh_token":
            rotated = self.rotate(call.body.get("refresh_token"))
            if rotated is None:
                return reply(400, {"error": "invalid_grant"})
            access, refresh, issued = rotated
        else:
            held = self.redeem(call.body.get("code"))
            sent = call.body.get("redirect_uri")
            if (
                held is None
                or sent != held.request["redirect_uri"]
                or not proven(held, call.body.get("code_verifier"))
            ):
                return reply(400, {"error": "invalid_grant"})
            issued = held
            access, refresh = self.tokens(issued)
        said = {} if self.quiet else {"scope": self.scope_granted or issued.request.get("scope", "")}
        renewed = {"refresh_token": refresh} if refresh else {}
        return reply(
            200,
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": self.access_life,
                **renewed,
                **said,
            },
        )

    def _is_client(self, call: Call) -> bool:
        by_form = call.body.get("client_secret") == self.client_secret
        by_header = bool(call.basic[0])
        return by_form != by_header and (by_header or call.body.get("client_id") == self.client_id)

    def _me(self, call: Call) -> Answer:
        holder = self.holder(call.bearer)
        return reply(200, self.people[holder]) if holder else reply(401, {"error": "invalid_token"})

    def _revoke(self, call: Call) -> Answer:
        if not self._is_client(call):
            return reply(401, {"error": "invalid_client"})
        self.revoked.append(str(call.body.get("token")))
        return reply(200, {})
