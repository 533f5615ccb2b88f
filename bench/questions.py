"""What a proxy asks for a browser: the same bytes for the gateway and for whatever it is held against."""

from dataclasses import dataclass, replace
from typing import Any

from bench.load import COOKIE, SERIAL
from tests.kit.scene import APP

FORWARD_AUTH, AUTH_REQUEST = "/verify/forward-auth", "/verify/auth-request"
BROWSER = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "same-origin"),
)
IDENTITY = (
    "x-auth-user", "x-auth-subject", "x-auth-email", "x-auth-name",
    "x-auth-groups", "x-auth-provider", "x-auth-expires", "x-auth-assertion",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """One question, and the status that answers it. `uri` is the place that the browser asked for.

    `bearer`: who is signed in shows a token in place of a cookie.
    """

    name: str
    uri: str
    signed_in: bool
    status: int
    host: str = APP
    bearer: bool = False

    def varied(self) -> "Question":
        """Every request asks for another place."""
        return replace(self, uri=f"{self.uri}{SERIAL}")

    def head(self, *, close: bool = False, browser: bool = True, size: int = 0) -> str:
        """What Traefik would send. `size`: padded by fields of its own to so many bytes."""
        fields = [
            ("Host", "gateway:4181"),
            *(BROWSER if browser else ()),
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Proto", "https" if browser else "http"),
            ("X-Forwarded-Host", self.host),
            ("X-Forwarded-Uri", self.uri),
            ("X-Forwarded-For", "198.51.100.7"),
            *self._shown(),
            *([("Connection", "close")] if close else []),
        ]
        return written(FORWARD_AUTH, [*fields, *_padding(size)])

    def _shown(self) -> tuple[tuple[str, str], ...]:
        if self.bearer:
            return ("Cookie", "theme=dark"), ("Authorization", f"Bearer {COOKIE}")
        return (("Cookie", f"theme=dark; {COOKIE}" if self.signed_in else "theme=dark"),)


CACHED = Question("cached", "/mail/inbox?page=2", True, 200)
ANONYMOUS = Question("anonymous", "/mail/inbox?page=2", False, 303)
PUBLIC = Question("public rule", "/public/logo.png?v=2", False, 200)
COLD = Question("cold", "/strict/inbox?page=2", True, 200)
"""By a rule whose every check asks the store, whatever is remembered."""
OPTIONAL = Question("optional rule, signed in", "/shop/list?page=2", True, 200)
OPTIONAL_NOBODY = Question("optional rule, nobody", "/shop/list?page=2", False, 200)
DENIED = Question("denied", "/admin/users?page=2", True, 403)
REFUSED = Question("refused", "/mail/inbox?page=2", False, 400, host="nobody.example")
BEARER = Question("bearer", "/api/items?page=2", True, 200, bearer=True)
BEARERS: dict[str, Any] = {
    "name": "api",
    "paths": ["/api/**"],
    "allow": "authenticated",
    "accept": ["session", "bearer"],
}
"""The rule that takes it, where tokens are issued."""
RULES: list[dict[str, Any]] = [
    {"name": "public", "paths": ["/public/**"], "allow": "public"},
    {"name": "shop", "paths": ["/shop/**"], "allow": "optional"},
    {"name": "admin", "paths": ["/admin/**"], "allow": {"groups": ["admins"]}},
    {"name": "strict", "paths": ["/strict/**"], "freshness": "strict", "allow": "authenticated"},
    {"name": "rest", "allow": "authenticated"},
]


def visit(host: str, uri: str) -> str:
    """What a browser sends to the proxy."""
    return written(uri, [("Host", host), *BROWSER, ("Cookie", f"theme=dark; {COOKIE}")])


def written(target: str, fields: list[tuple[str, str]]) -> str:
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "", ""])


def _padding(size: int) -> list[tuple[str, str]]:
    """Fields of 200 bytes."""
    return [(f"X-Padding-{number}", "p" * 184) for number in range(size // 200)]
