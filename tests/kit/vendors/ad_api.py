"""An HTTP API in front of a directory, in the three shapes that were seen: `user`, `user-by-status` and `token`.

    user             POST /api/v1/ldap/auth   {success, user: {username, displayName, mail, …}}; `success` says it all
    user-by-status   POST /ldap/api/v1/auth   the same and a message; 400 unknown domain, 401 wrong password
    token            POST /api/auth/login     {success, data: {token, expiresAt, userInfo: {id, username, name, email}}}

The directory behind it counts wrong passwords, as real ones do, and locks an account at `threshold` of them.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from gateway.providers.provider import Answer
from tests.kit.scripted_provider import page, reply
from tests.kit.vendors.vendor import FORM, JSON, Call, Route, Vendor
from tests.kit.wire import Request

ORIGIN = "https://ad-api.example.com"
PATHS = {"user": "/api/v1/ldap/auth", "user-by-status": "/ldap/api/v1/auth", "token": "/api/auth/login"}
KEY = "api-key-1"

# What an answer becomes, by the name of the fault. Each of them is not about the password.
FAULTS: Mapping[str, Callable[[], Answer]] = {
    "500": lambda: reply(500, {"success": False, "message": "LDAP server unreachable"}),
    "502": lambda: page(502),
    "html": lambda: page(200),
    "html-404": lambda: page(404),
    # What stands in front of an API has pages of its own, with the statuses that the API uses for passwords.
    **{f"html-{status}": partial(page, status) for status in (400, 401, 403, 422, 423)},
    "empty": lambda: Answer(200, {"content-type": JSON}, b"", None),
    "list": lambda: reply(200, [True]),
    "text-for-boolean": lambda: reply(200, {"success": "true", "user": {"username": "ann"}}),
    "number-for-boolean": lambda: reply(200, {"success": 1, "user": {"username": "ann"}}),
    "no-success": lambda: reply(200, {"user": {"username": "ann"}}),
    "no-person": lambda: reply(200, {"success": True, "data": {"token": "t"}}),
    "person-is-text": lambda: reply(200, {"success": True, "user": "ann", "data": {"userInfo": "ann"}}),
    "subject-is-list": lambda: reply(
        200, {"success": True, "user": {"username": ["ann"]}, "data": {"userInfo": {"id": ["ann"]}}}
    ),
    "302": lambda: Answer(302, {"location": "https://elsewhere.example"}, b"", None),
    "429": lambda: reply(429, {"success": False}, {"retry-after": "7"}),
}


@dataclass
class AdApi(Vendor):
    """`people` have a `password` beside what the API says of them; `disabled`, `locked` and `expired` hold their names.

    `expiry`: how the end of a token is told (iso, naive, s, ms, in, jwt, none), of `life` seconds. `fault` is a name of
    `FAULTS`, for every answer until it is "" again; `slow` seconds pass before an answer on a port. Where `key` is set,
    X-API-Key must be it.
    """

    origin: str = ORIGIN
    people: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            name: {
                "id": f"S-1-5-{number}",
                "name": title,
                "mail": f"{name}@corp.example",
                "password": f"{name}-pw",
            }
            for number, (name, title) in enumerate(
                {"ann": "Ann Example", "bob": "Bob", "eve": "Eve", "王小明": "王小明"}.items(), 1
            )
        }
    )
    shape: str = "token"
    domains: frozenset[str] = frozenset({"EXAMPLE", "BRANCH"})
    expiry: str = "iso"
    life: int = 3600
    fault: str = ""
    slow: float = 0.0
    key: str = ""
    threshold: int = 5
    disabled: set[str] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)
    expired: set[str] = field(default_factory=set)
    wrong: Counter[str] = field(default_factory=Counter)

    title: ClassVar[str] = "AD API"

    @property
    def authorize_url(self) -> str:
        return ""

    @property
    def url(self) -> str:
        return self.origin + PATHS[self.shape]

    def routes(self) -> Mapping[tuple[str, str], Route]:
        return {("POST", self.url): self._login}

    def section(self, **changes: Any) -> dict[str, Any]:
        """The section of gateway.yaml for it."""
        return {"type": "ad-api", "url": self.url, "shape": self.shape, **changes}

    def change_password(self, name: str, password: str) -> None:
        self.people[name] = {**self.people[name], "password": password}

    def calls(self) -> int:
        """How often a name and a password were sent."""
        return len(self.asked)

    def respond(self, request: Request) -> bytes:
        time.sleep(self.slow)  # the server's own thread
        return super().respond(request)

    def _login(self, call: Call) -> Answer:
        if self.fault:
            return FAULTS[self.fault]()
        if self.key and call.headers.get("x-api-key") != self.key:
            return reply(403, {"success": False, "code": "API_KEY_EXPIRED", "message": "api key"})
        body = call.body
        texts = [body.get(member) for member in ("username", "password")]
        if call.kind not in {JSON, FORM} or not all(isinstance(text, str) and text for text in texts):
            return self._no(422, "invalid_request")
        if body.get("domain", "EXAMPLE") not in self.domains:
            return self._no(400, "unknown_domain")
        name = body["username"].partition("@")[0]
        if name in self.locked:
            return self._no(423, "account_locked")
        if name not in self.people or body["password"] != self.people[name]["password"]:
            return self._count(name)
        if name in self.disabled:
            return self._no(403, "account_disabled")
        if name in self.expired:
            return self._no(403, "password_expired")
        return reply(200, self._yes(name, body.get("domain", "EXAMPLE")))

    def _count(self, name: str) -> Answer:
        self.wrong[name] += 1
        if self.wrong[name] >= self.threshold:
            self.locked.add(name)
        return self._no(401, "invalid_credentials")

    def _no(self, status: int, code: str) -> Answer:
        body = {"success": False, "code": code, "message": f"no: {code}", "requestId": "req-1"}
        # The oldest one says everything with a 200.
        return reply(200 if self.shape == "user" and status != 423 else status, body)

    def _yes(self, name: str, domain: str) -> dict[str, Any]:
        person = self.people[name]
        if self.shape != "token":
            user = {
                "username": name,
                "displayName": person["name"],
                "mail": person.get("mail"),
                "department": None,
                "domain": domain,
                "groups": person.get("groups", []),
            }
            return {"success": True, "message": "ok", "user": user}
        token = self.fresh("ad-token") if self.expiry != "jwt" else self._jwt()
        info = {"id": person["id"], "username": name, "name": person["name"], "email": person.get("mail")}
        return {"success": True, "data": {"token": token, **self._end(), "userInfo": info}}

    def _end(self) -> dict[str, Any]:
        end = int(self.clock()) + self.life
        moment = datetime.fromtimestamp(end, UTC)
        return {
            "iso": {"expiresAt": moment.isoformat().replace("+00:00", "Z")},
            "naive": {"expiresAt": moment.replace(tzinfo=None).isoformat()},
            "s": {"expiresAt": end},
            "ms": {"expiresAt": end * 1000},
            "in": {"expiresIn": self.life},
        }.get(self.expiry, {})

    def _jwt(self) -> str:
        from tests.kit.scripted_provider import ScriptedProvider

        return ScriptedProvider(self.clock).signed(
            {"exp": int(self.clock()) + self.life, "jti": self.fresh("j")}
        )


def huge() -> Answer:
    """An answer of two megabytes, as it would be without a cap."""
    return reply(200, json.loads(json.dumps({"success": True, "filling": "x" * 2_000_000})))
