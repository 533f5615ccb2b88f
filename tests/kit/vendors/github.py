"""GitHub, as docs.github.com describes "Authorizing OAuth apps", "Generating a user access token for a GitHub App",
"Refreshing user access tokens" and the REST endpoints of users, e-mail addresses, organizations, teams and
"Delete an app token".

The token endpoint answers in a form unless JSON is asked for, states errors in a 200, and separates scopes by commas. A
GitHub App has no scopes; its tokens end after eight hours and a refresh kills both old ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlencode

from gateway.providers.provider import Answer
from tests.kit.scripted_provider import reply, without_none
from tests.kit.vendors.vendor import FORM, JSON, Call, Issued, Route, Vendor, proven

TOKEN = "/login/oauth/access_token"


@dataclass
class GitHub(Vendor):
    """`app`: a GitHub App, with tokens that end. `ghes`: an Enterprise Server at this address, its API under /api/v3.

    Switches: `unticked` scopes, `page` (items of a page), and whether errors come with a 200.
    """

    people: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "ada": {
                "id": 583231,
                "login": "ada",
                "name": "Ada Lovelace",
                "email": "public@example.com",
                "avatar_url": "https://avatars.githubusercontent.com/u/583231?v=4",
                "emails": [
                    {"email": "old@example.com", "primary": False, "verified": True},
                    {"email": "ada@example.com", "primary": True, "verified": True},
                ],
                "orgs": ["analytical", "engines"],
                "teams": [("analytical", "programmers"), ("engines", "smiths")],
            },
            "admin": {
                "id": 9007199254740993,  # past 2**53: a float would make another person of it
                "login": "admin",
                "name": None,
                "email": None,
                "avatar_url": "",
                "emails": [{"email": "admin@corp.example", "primary": True, "verified": False}],
                "orgs": [],
                "teams": [],
            },
        }
    )
    access_life: int = 28_800
    app: bool = False
    ghes: str = ""
    unticked: frozenset[str] = frozenset()
    page: int = 100
    error_status: int = 200
    token_extra: dict[str, Any] = field(default_factory=dict)

    title: ClassVar[str] = "GitHub"

    @property
    def home(self) -> str:
        return self.origin or self.ghes or "https://github.com"

    @property
    def api(self) -> str:
        return f"{self.home}/api/v3" if self.ghes or self.origin else "https://api.github.com"

    @property
    def authorize_url(self) -> str:
        return f"{self.home}/login/oauth/authorize"

    def routes(self) -> Mapping[tuple[str, str], Route]:
        return {
            ("POST", f"{self.home}{TOKEN}"): self._token,
            ("GET", f"{self.api}/user"): self._user,
            ("GET", f"{self.api}/user/emails"): self._emails,
            ("GET", f"{self.api}/user/orgs"): lambda call: self._listed(call, "orgs"),
            ("GET", f"{self.api}/user/teams"): lambda call: self._listed(call, "teams"),
            ("DELETE", f"{self.api}/applications/{self.client_id}/token"): self._delete,
        }

    def complaint(self, call: Call) -> str:
        if not self.app and "scope" not in call.query:
            return "without a scope the answer is a union of all former ones"
        if call.query.get("code_challenge_method", "S256") != "S256":
            return "S256 alone is known"
        return ""

    def unknown(self, call: Call) -> Answer:
        return reply(404, {"message": "Not Found"})

    def _token(self, call: Call) -> Answer:
        if call.kind not in {FORM, JSON}:
            return reply(404, {})
        body = self._body(call)
        status = self.error_status if "error" in body else 200
        if "json" in call.headers.get("accept", ""):
            return reply(status, body)
        return Answer(status, {"content-type": f"{FORM}; charset=utf-8"}, urlencode(body).encode(), None)

    def _body(self, call: Call) -> dict[str, Any]:
        credentials = (call.body.get("client_id"), call.body.get("client_secret"))
        if credentials != (self.client_id, self.client_secret):
            return _error("incorrect_client_credentials")
        if call.body.get("grant_type") == "refresh_token":
            token = call.body.get("refresh_token")
            rotated = self.rotate(token) if self.app else None
            if rotated is None:
                return _error("bad_refresh_token")
            self.access.pop(self.pairs[token], None)
            return self._tokens(*rotated)
        issued = self.redeem(call.body.get("code"))
        if issued is None or not proven(issued, call.body.get("code_verifier", "")):
            return _error("bad_verification_code")
        # Left out, the address of the request is meant.
        if call.body.get("redirect_uri", issued.request["redirect_uri"]) != issued.request["redirect_uri"]:
            return _error("redirect_uri_mismatch")
        return self._tokens(*self.tokens(issued), issued)

    def _tokens(self, access: str, refresh: str, issued: Issued) -> dict[str, Any]:
        asked = issued.request.get("scope", "").split(" ")
        body: dict[str, Any] = {
            "access_token": access,
            "token_type": "bearer",
            "scope": "" if self.app else ",".join(name for name in asked if name not in self.unticked),
        }
        if self.app:
            life = {"expires_in": self.access_life, "refresh_token_expires_in": 15_897_600}
            body |= life | {"refresh_token": refresh or None}
        return without_none({**body, **self.token_extra})

    def _holder(self, call: Call) -> Answer | dict[str, Any]:
        if not call.headers.get("user-agent"):
            return Answer(403, {"content-type": "text/html"}, b"User-Agent is required", None)
        person = self.holder(call.bearer)
        return self.people[person] if person else reply(401, {"message": "Bad credentials"})

    def _may(self, call: Call, *names: str) -> bool:
        asked = set(self.access[call.bearer].request.get("scope", "").split(" ")) - self.unticked
        return self.app or bool(asked & set(names))

    def _user(self, call: Call) -> Answer:
        person = self._holder(call)
        if isinstance(person, Answer):
            return person
        shown = {name: value for name, value in person.items() if name not in {"emails", "orgs", "teams"}}
        return reply(200, shown)

    def _emails(self, call: Call) -> Answer:
        person = self._holder(call)
        if isinstance(person, Answer):
            return person
        if not self._may(call, "user", "user:email"):
            return reply(404, {"message": "Not Found"})
        return self._paged(call, person["emails"])

    def _listed(self, call: Call, name: str) -> Answer:
        person = self._holder(call)
        if isinstance(person, Answer):
            return person
        if not self._may(call, "read:org", "user", "repo"):
            return reply(403, {"message": "You need at least read:org scope"})
        items = [
            {"login": item}
            if isinstance(item, str)
            else {"slug": item[1], "name": item[1].title(), "organization": {"login": item[0]}}
            for item in person[name]
        ]
        return self._paged(call, items)

    def _paged(self, call: Call, items: list[Any]) -> Answer:
        size = min(int(call.query.get("per_page", "30")), self.page)
        number = int(call.query.get("page", "1"))
        links = {}
        if number * size < len(items):
            following = urlencode({"per_page": size, "page": number + 1})
            links = {
                "link": f'<{call.address}?{following}>; rel="next", <{call.address}?page=99>; rel="last"'
            }
        return reply(200, items[(number - 1) * size : number * size], links)

    def _delete(self, call: Call) -> Answer:
        if call.basic != (self.client_id, self.client_secret) or not call.headers.get("user-agent"):
            return reply(401, {"message": "Requires authentication"})
        if call.kind != JSON or call.body.get("access_token") not in self.access:
            return reply(404 if call.kind == JSON else 422, {"message": "Not Found"})
        del self.access[call.body["access_token"]]
        return Answer(204, {}, b"", None)


def _error(code: str) -> dict[str, Any]:
    page = "https://docs.github.com/apps/troubleshooting"
    return {"error": code, "error_description": f"<b>{code}</b>", "error_uri": page}
