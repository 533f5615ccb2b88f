"""One request of the login pages as a value, and what every door of theirs does with one.

Past this nobody sees the framework's own.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl

from starlette.types import Scope

from gateway.errors import Malformed, Refused
from gateway.identity.presented import Head, Reply
from gateway.login.answer import parameters
from gateway.login.way import Client, Way

FORM = b"application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read once. `form` may hold a password, and `body` is the same in bytes."""

    head: Head
    query: bytes
    form: Mapping[str, str] = field(repr=False)
    path: Mapping[str, str]
    client: Client
    decision_id: str
    body: bytes = field(default=b"", repr=False)


Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]


def head_of(scope: Scope) -> Head:
    client, query = scope.get("client"), scope["query_string"]
    target: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    if query:
        target += b"?" + query
    return Head(scope["method"], target, tuple(scope["headers"]), client[0] if client else "")


def form_of(head: Head, body: bytes) -> Mapping[str, str]:
    """The fields of a form; none where the body is something else, or names a field twice."""
    if content_type(head) != FORM:
        return {}
    try:
        return parameters(body)
    except Malformed:
        return {}


def content_type(head: Head) -> bytes:
    """The media type of a request's body in lower case, without parameters; empty where it names none, or several."""
    kinds = [kind.partition(b";")[0].strip().lower() for kind in head.all(b"content-type")]
    return kinds[0] if len(kinds) == 1 else b""


def redirect(way: Way) -> Reply:
    """303: whatever was asked with which method, the browser goes on with GET (RFC 9700 section 4.12)."""
    cookies = [(b"set-cookie", cookie.encode("latin-1")) for cookie in way.cookies]
    lines = (
        (b"location", way.location.encode("ascii")),
        (b"content-length", b"0"),
        (b"cache-control", b"no-store"),
        # The address of a callback holds a code; the next page is not told.
        (b"referrer-policy", b"no-referrer"),
        (b"vary", b"Cookie"),
        *cookies,
    )
    return Reply(303, lines)


def one(call: Call, name: str) -> str:
    """A parameter that may be wrong without harm: "" where it is missing, doubled or unreadable."""
    try:
        pairs = parse_qsl(
            call.query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except ValueError:
        return ""
    values = [value for key, value in pairs if key == name]
    return values[0] if len(values) == 1 else ""


def check_navigation(head: Head) -> None:
    """Return if a person opens a page. A prefetch, an image or a frame begins no login and gets no cookie."""
    for name, wanted in ((b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")):
        if any(value != wanted for value in head.all(name)):
            raise Refused("not_a_navigation")
    if any(b"prefetch" in value for value in (*head.all(b"sec-purpose"), *head.all(b"purpose"))):
        raise Refused("not_a_navigation")
