"""What the scripted vendors share: codes that work once, rotated tokens that are remembered, and a consent page.

A vendor is strict by default: it refuses what the real one refuses, and each of its quirks and faults is a field.
`Vendor.answer` turns an `Ask` into an `Answer` without any network, so a flow can be cranked by hand. `serve` puts the
same vendor on a loopback port, for browsers and real HTTP clients; there all of its hosts are one.
"""

import base64
import contextlib
import hashlib
import html
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

from gateway.providers.provider import Answer, Ask
from tests.kit.scripted_provider import reply
from tests.kit.servers import free_port
from tests.kit.wire import LoopbackServer, Request, read_request, write_answer

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
SECRET = "s3cr3t-+%ü"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a vendor sees it. `kind` is the media type of the body, "" where there is none."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, ask: Ask) -> "Call":
        """What the transport would send for this `Ask`."""
        headers = {
            "accept": JSON,
            "user-agent": "auth-gateway",
            **{name.lower(): value for name, value in ask.headers.items()},
        }
        assert ask.form is None or ask.json is None, "a request has one body"
        if ask.form is not None:
            return cls(ask.method or "POST", ask.url, headers, FORM, dict(ask.form))
        if ask.json is not None:
            return cls(ask.method or "POST", ask.url, headers, JSON, json.loads(json.dumps(dict(ask.json))))
        return cls(ask.method or "GET", ask.url, headers)

    @property
    def address(self) -> str:
        """The URL without its query."""
        return self.url.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        asked = parse_qs(urlsplit(self.url).query, keep_blank_values=True)
        assert all(len(values) == 1 for values in asked.values()), "a parameter occurs twice"
        return {name: values[0] for name, values in asked.items()}

    @property
    def basic(self) -> tuple[str, str]:
        """Name and secret of HTTP Basic, as they stand there."""
        scheme, _, rest = self.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return "", ""
        name, _, secret = base64.b64decode(rest).decode().partition(":")
        return name, secret

    @property
    def bearer(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme in {"Bearer", "token"} else ""


@dataclass(frozen=True, slots=True)
class Issued:
    """What stands behind a code or a token: whose it is, what was asked for, and until when it is good."""

    person: str
    request: Mapping[str, str]
    ends: float


Route = Callable[[Call], Answer]


@dataclass
class Vendor:
    """One scripted vendor. `people` by their short name; the first one signs in where nobody is named.

    `callbacks` are the registered addresses (any, where there are none). `instead` replaces the next answers of a
    path, `asked` is what came in. `rotates`: whether a refresh brings a new refresh token and kills the old one.
    """

    clock: Callable[[], float]
    client_id: str = "gateway"
    client_secret: str = SECRET
    callbacks: frozenset[str] = frozenset()
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    origin: str = ""
    code_life: float = 300
    access_life: int = 7200
    rotates: bool = True
    instead: dict[str, list[Answer | Exception]] = field(default_factory=dict)
    asked: list[Call] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)

    title: ClassVar[str] = "Vendor"

    def __post_init__(self) -> None:
        self.codes: dict[str, Issued] = {}
        self.access: dict[str, Issued] = {}
        self.refreshable: dict[str, Issued] = {}
        self.pairs: dict[str, str] = {}
        self.issued = 0

    # What each vendor says for itself

    @property
    def authorize_url(self) -> str:
        raise NotImplementedError

    def routes(self) -> Mapping[tuple[str, str], Route]:
        """What answers, by method and address."""
        raise NotImplementedError

    def complaint(self, call: Call) -> str:
        """Why the authorization request is refused; "" where it is good."""
        raise NotImplementedError

    def unknown(self, call: Call) -> Answer:
        """The answer where nothing is."""
        return reply(404, {})

    def code_name(self) -> tuple[str, ...]:
        """The parameters that carry the code back."""
        return ("code",)

    # What a test does to it

    def sign_in(self, url: str, person: str = "") -> dict[str, str]:
        """What the browser brings back when this person consents to the request."""
        call = Call("GET", url)
        complaint = self._complaint(call)
        assert not complaint, complaint
        code = self.fresh("code")
        self.codes[code] = Issued(
            person or next(iter(self.people)), call.query, self.clock() + self.code_life
        )
        return {**dict.fromkeys(self.code_name(), code), "state": call.query["state"]}

    def refuse(self, url: str) -> dict[str, str]:
        """What the browser brings back when the person does not consent (RFC 6749 section 4.1.2.1)."""
        call = Call("GET", url)
        complaint = self._complaint(call)
        assert not complaint, complaint
        return {"error": "access_denied", "state": call.query["state"]}

    def grant(self, person: str = "", scope: str = "") -> tuple[str, str]:
        """An access token and a refresh token from an earlier login."""
        return self.tokens(Issued(person or next(iter(self.people)), {"scope": scope}, 0))

    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [urlsplit(call.url).path for call in self.asked]

    # The vendor itself

    def answer(self, ask: Ask) -> Answer:
        """Answer one request; raises what `instead` says."""
        return self.answered(Call.of(ask))

    def answered(self, call: Call) -> Answer:
        self.asked.append(call)
        scripted = self.instead.get(urlsplit(call.url).path)
        if scripted:
            first = scripted.pop(0)
            if isinstance(first, Exception):
                raise first
            return first
        return self.routes().get((call.method, call.address), self.unknown)(call)

    def fresh(self, kind: str) -> str:
        self.issued += 1
        return f"{kind}-{self.issued}"

    def tokens(self, issued: Issued) -> tuple[str, str]:
        """A new access token and a new refresh token."""
        access, refresh = self.fresh("access"), self.fresh("refresh")
        self.access[access] = Issued(issued.person, issued.request, self.clock() + self.access_life)
        self.refreshable[refresh] = issued
        self.pairs[refresh] = access
        return access, refresh

    def redeem(self, code: Any) -> Issued | None:
        """What stands behind a code, which is spent now."""
        issued = self.codes.pop(code, None) if isinstance(code, str) else None
        return issued if issued is not None and self.clock() < issued.ends else None

    def rotate(self, refresh: Any) -> tuple[str, str, Issued] | None:
        """New tokens for a refresh token; `None` for one that is unknown or was used before."""
        issued = self.refreshable.get(refresh) if isinstance(refresh, str) else None
        if issued is None:
            return None
        access, successor = self.tokens(issued)
        if self.rotates:
            del self.refreshable[refresh]
            self.spent.add(refresh)
            return access, successor, issued
        del self.refreshable[successor]
        return access, "", issued

    def holder(self, token: str) -> str:
        """Whose access token this is; "" where it is nobody's, or ended."""
        issued = self.access.get(token)
        return issued.person if issued is not None and self.clock() < issued.ends else ""

    def _complaint(self, call: Call) -> str:
        query = call.query
        if call.address != self.authorize_url:
            return f"not the authorization endpoint: {call.address}"
        if query.get("client_id") != self.client_id:
            return "client_id"
        if query.get("response_type") != "code":
            return "response_type"
        if not query.get("state"):
            return "state"
        if not query.get("redirect_uri") or (self.callbacks and query["redirect_uri"] not in self.callbacks):
            return "redirect_uri"
        return self.complaint(call)

    # On a port

    def respond(self, request: Request) -> bytes:
        """The answer to a request of a browser or a real client."""
        call = _call(self.origin, request)
        if call.address == self.authorize_url:
            return self._consent(call, request)
        answer = self.answered(call)
        return write_answer(answer.status, list(answer.headers.items()), answer.body)

    def _consent(self, call: Call, request: Request) -> bytes:
        complaint = self._complaint(call)
        if complaint:
            return _page(400, f"<h1>{self.title}</h1><p>refused: {html.escape(complaint)}</p>")
        if call.method == "GET":
            buttons = "".join(
                f'<button name="person" value="{name}">{html.escape(name)}</button>' for name in self.people
            )
            form = f'<form method="post" action="{html.escape(request.target)}">{buttons}'
            return _page(
                200, f'<h1>{self.title}</h1>{form}<button name="refuse" value="yes">no</button></form>'
            )
        person = call.body.get("person", "")
        back = self.sign_in(call.url, person) if person else self.refuse(call.url)
        location = f"{call.query['redirect_uri']}?{urlencode(back)}"
        return write_answer(303, [("Location", location)])


def s256(verifier: str) -> str:
    """The challenge of a verifier, by a hand other than the gateway's."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def proven(issued: Issued, verifier: Any) -> bool:
    """Whether the verifier is that of the request; one that was not asked for is as bad as one that is missing."""
    challenge = issued.request.get("code_challenge", "")
    if not challenge or not isinstance(verifier, str):
        return not challenge and not verifier
    return s256(verifier) == challenge


@contextlib.contextmanager
def serve(vendor: Vendor) -> Iterator[str]:
    """The vendor on a free loopback port, with a consent page; `vendor.origin` becomes its address."""

    async def talk(reader: Any, writer: Any) -> None:
        while request := await read_request(reader):
            writer.write(vendor.respond(request))
            await writer.drain()

    port = free_port()
    vendor.origin = f"http://127.0.0.1:{port}"
    server = LoopbackServer(talk, port)
    server.start()
    try:
        yield vendor.origin
    finally:
        server.stop()


def _call(origin: str, request: Request) -> Call:
    headers = {name.lower(): value for name, value in request.headers}
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    body: Mapping[str, Any] = {}
    if kind == FORM:
        body = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    elif kind == JSON:
        body = json.loads(request.body)
    return Call(request.method, origin + request.target, headers, kind, body)


def _page(status: int, body: str) -> bytes:
    text = f"<!doctype html><html><meta charset=utf-8><title>vendor</title>{body}</html>"
    return write_answer(status, [("Content-Type", "text/html; charset=utf-8")], text.encode())
