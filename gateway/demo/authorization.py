"""An authorization request at the demo identity provider: read once, refused where it is not what we support."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from gateway.errors import Malformed

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")

FIELDS = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. Redirect addresses are compared as strings (RFC 9700 section 2.1)."""

    id: str
    secret: str
    redirect_uris: tuple[str, ...]
    post_logout_uris: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A readable request. `error` is what the client is told, `""` where all is well."""

    client: Client
    fields: Mapping[str, str]
    error: str = ""

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def origin(self) -> str:
        """Where the browser goes afterwards, for `form-action`."""
        parts = urlsplit(self["redirect_uri"])
        return f"{parts.scheme}://{parts.netloc}"

    def answer(self, issuer: str, **members: str) -> str:
        """The address to send the browser to, with `state` and `iss` (RFC 9207)."""
        told = members | {"state": self["state"], "iss": issuer}
        query = urlencode({name: value for name, value in told.items() if value})
        joint = "&" if "?" in self["redirect_uri"] else "?"
        return f"{self['redirect_uri']}{joint}{query}"


def read_request(pairs: Sequence[tuple[str, str]], clients: Mapping[str, Client]) -> Request:
    """The request of a query.

    `Malformed` where the client or its address is not known: the person is told, and is sent nowhere (RFC 6749
    section 4.1.2.1).
    """
    fields = dict(pairs)
    client = clients.get(fields.get("client_id", ""))
    if client is None or fields.get("redirect_uri", "") not in client.redirect_uris:
        raise Malformed("redirect_uri")
    # RFC 6749 section 3.1: no parameter more than once. One that we keep cannot have been cut short, then.
    repeated = len(fields) != len(pairs)
    known = {name: fields[name] for name in FIELDS if name in fields}
    return Request(client, known, "invalid_request" if repeated else _error(known))


def _error(fields: Mapping[str, str]) -> str:
    if fields.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in fields.get("scope", "").split():
        return "invalid_scope"
    if fields.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(
        fields.get("code_challenge", "")
    ):
        return "invalid_request"
    return "" if fields.get("max_age", "0").isdecimal() else "invalid_request"
