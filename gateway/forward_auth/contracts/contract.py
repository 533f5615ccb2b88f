"""What every contract has in common: a question read out of a head, an outcome, and a reply.

A contract reads its own header family and nothing else. Every proxy passes the *other* families through from the
client untouched, so a contract that looked at two would let the client choose (CVE-2026-40575).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeAlias

from gateway.errors import Malformed
from gateway.identity.lines import Lines, is_safe
from gateway.identity.presented import Head, Reply
from gateway.policy.decide import Challenge, Forbid, StepUp

DECISION_ID = b"x-gateway-decision-id"
LOGIN_PROVIDERS = b"x-gateway-login-providers"
AUTHORIZATION = b"x-gateway-authorization"

CHALLENGES: Mapping[str, bytes] = MappingProxyType(
    {
        "*basic": b'Basic realm="gateway", charset="UTF-8"',  # RFC 7617
        "*bearer": b'Bearer realm="gateway", error="invalid_token"',  # RFC 6750 section 3
        "*token": b'Bearer realm="gateway"',  # the same section: no error where nothing was presented
    }
)
"""Values of WWW-Authenticate. The star keeps the keys apart from providers: nginx carries either in one header."""

OR_BASIC = "*or-basic"
"""Behind a hint: a program may come with HTTP Basic in place of a session."""

_NO_STORE = (b"cache-control", b"no-store")
_EMPTY = (b"content-length", b"0")
_BARE = Lines.of((_EMPTY, _NO_STORE))


class Question(NamedTuple):
    """What the proxy says the client asked for, in raw bytes; `policy` is the one the proxy named, or ""."""

    method: bytes
    host: bytes
    uri: bytes
    policy: str = ""


class Pass:
    """The request may go on; `identity` holds every configured identity header, `cookie` what is left of `Cookie`.

    `authorization` is what is left of `Authorization`, line by line; `None` where no rule takes anything of it.

    The same outcome is handed out for many requests of a session, so it keeps the reply that was made of it.
    """

    __slots__ = ("_replies", "authorization", "cookie", "identity")

    def __init__(
        self, identity: Lines, cookie: bytes, authorization: tuple[bytes, ...] | None = None
    ) -> None:
        self.identity = identity
        self.cookie = cookie
        self.authorization = authorization
        self._replies: dict[str, Reply] = {}

    def reply(self, contract: str) -> Reply | None:
        """What a contract has made of it before."""
        return self._replies.get(contract)

    def keep(self, contract: str, reply: Reply) -> Reply:
        """Remember it."""
        self._replies[contract] = reply
        return reply


@dataclass(frozen=True, slots=True)
class Stop:
    """A verdict against the request.

    `head` is that of whoever asked: a page is shown in their language. `navigation` says that a person is looking;
    `login_url` is absolute, and empty where no login helps.
    `hint` names the providers whose login the rule looks at, as `login.hint` writes it; "" where any will do.
    `challenge` is a key of `CHALLENGES` where a credential was presented, or is expected, that no login page brings:
    then nobody is sent to one. `offer` is `OR_BASIC` where that serves a program too, else "".
    """

    decision: Challenge | StepUp | Forbid
    head: Head
    navigation: bool
    login_url: str
    hint: str = ""
    challenge: str = ""
    offer: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The request was not judged; `untrusted` where the peer had no right to ask."""

    reason: str
    untrusted: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Over a limit; try again in `retry_after` seconds."""

    retry_after: int


@dataclass(frozen=True, slots=True)
class Outage:
    """The store did not answer: neither yes nor no. Never 401, so that nobody is sent to log in by it."""

    retry_after: int


Outcome: TypeAlias = Pass | Stop | Refusal | Wait | Outage


class Contract(Protocol):
    """Headers to question, outcome to reply."""

    @property
    def name(self) -> str: ...

    def read(self, head: Head, policy: str) -> Question:
        """The question; `Malformed` where a mandatory header is missing or stands twice."""
        ...

    def reply(self, outcome: Outcome, decision_id: str) -> Reply:
        """The answer to the proxy; it carries the id where somebody may ask about it."""
        ...


class ForbiddenPage(Protocol):
    """Renders the page of a 403 for a person, in the language that the head asks for."""

    def __call__(self, decision_id: str, head: Head) -> Reply: ...


def single(head: Head, name: bytes) -> bytes:
    """The one value of a mandatory header. Missing or doubled means that the proxy did not write it: refuse."""
    value = head.only(name)
    if value is None:
        state = "repeated" if head.all(name) else "missing"
        raise Malformed(f"header_{state}", name.decode("ascii"))
    return value


def passed(outcome: Pass, contract: str, *, cookie: bool) -> Reply:
    """The only function that can build a 200: exactly that status, no body, no Set-Cookie, every identity header.

    With `cookie`, what is left of it stands there too.
    """
    headers = (*_BARE.headers, *outcome.identity.headers)
    wire = outcome.identity.wire and _BARE.wire + outcome.identity.wire
    if cookie:
        headers = (*headers, (b"cookie", outcome.cookie))
        wire = b"%bcookie: %b\r\n" % (wire, outcome.cookie) if wire and is_safe(outcome.cookie) else b""
    if outcome.authorization:
        left = _left(outcome.authorization, whole=cookie)
        headers, wire = (*headers, *left.headers), wire and left.wire and wire + left.wire
    return outcome.keep(contract, Reply(200, headers, b"", wire))


def _left(authorization: tuple[bytes, ...], *, whole: bool) -> Lines:
    """What is left of `Authorization`: as it stands where the proxy copies it, else a word that it is not ours.

    Without either the proxy takes it away: a rule that forgot to say something says no.
    """
    lines = [(b"authorization", line) for line in authorization]
    return Lines.of(tuple(lines) if whole else ((AUTHORIZATION, b"pass"),))


def bare(status: int, decision_id: str, *lines: tuple[bytes, bytes]) -> Reply:
    """A reply without a body that carries the decision id."""
    more = ((DECISION_ID, decision_id.encode()), *lines)
    wire = Lines.of(more).wire
    return Reply(status, (*_BARE.headers, *more), b"", wire and _BARE.wire + wire)


def problem(status: int, decision_id: str, members: Mapping[str, str], *lines: tuple[bytes, bytes]) -> Reply:
    """A JSON reply for programs."""
    body = json.dumps(dict(members) | {"decision_id": decision_id}).encode()
    return Reply(
        status,
        (
            (b"content-length", str(len(body)).encode()),
            (b"content-type", b"application/json"),
            _NO_STORE,
            (DECISION_ID, decision_id.encode()),
            *lines,
        ),
        body,
    )


def retry_after(seconds: int) -> tuple[bytes, bytes]:
    return (b"retry-after", str(max(1, seconds)).encode())


def www_authenticate(offer: str = "") -> tuple[bytes, bytes]:
    """RFC 9110 section 15.5.2 demands a challenge with every 401; `Bearer` makes no browser ask for a password."""
    return (b"www-authenticate", CHALLENGES["*basic"] if offer else b'Bearer realm="gateway"')


def rejected(challenge: str, decision_id: str) -> Reply:
    """401 to whoever presented a credential that is no good, a person at a browser included: it never falls through."""
    # Of a bearer it is known whether there was one. Who presented nothing did nothing wrong, and is told no error.
    word = "unauthenticated" if challenge == "*token" else "bad_credential"
    return problem(401, decision_id, {"error": word}, (b"www-authenticate", CHALLENGES[challenge]))


def challenged(login_url: str, decision_id: str, *, navigation: bool, offer: str = "") -> Reply:
    """Ask for a login: a person is sent there, a program is told where it is."""
    if navigation:
        # 303 and not 307: whatever the method was, the browser goes on with GET.
        return bare(303, decision_id, (b"location", login_url.encode("ascii")))
    members = {"error": "unauthenticated", "login_url": login_url}
    return problem(401, decision_id, members, www_authenticate(offer))


def forbidden(page: ForbiddenPage, decision_id: str, head: Head, *, navigation: bool) -> Reply:
    """Say no: with a page to a person, with JSON to a program."""
    if not navigation:
        return problem(403, decision_id, {"error": "forbidden"})
    shown, line = page(decision_id, head), (DECISION_ID, decision_id.encode())
    wire = shown.wire and shown.wire + b"%b: %b\r\n" % line
    return Reply(shown.status, (*shown.headers, line), shown.body, wire)


def stopped(stop: Stop, page: ForbiddenPage, decision_id: str) -> Reply:
    """The answer to whoever asked, where the proxy passes it on as it is."""
    if isinstance(stop.decision, Forbid):
        return forbidden(page, decision_id, stop.head, navigation=stop.navigation)
    if stop.challenge:
        return rejected(stop.challenge, decision_id)
    return challenged(stop.login_url, decision_id, navigation=stop.navigation, offer=stop.offer)
